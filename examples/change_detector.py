"""Prints where the screen changes: change_detector.py [--backend sim] [--seconds 3] [--region 0,0,640,360].

The system reports the changed rectangles, so no pixels are compared. With `copy=False` only changed pixels are copied.
"""

from __future__ import annotations

import argparse
import time
from typing import Optional

import rustcam

Rect = tuple[int, int, int, int]


def overlap(one: Rect, other: Rect) -> Optional[Rect]:
    """The intersection of two rectangles."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def main() -> None:
    parser = argparse.ArgumentParser(description="Print where the screen changes.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--region", help="left,top,right,bottom: what to watch")
    arguments = parser.parse_args()

    # With the pointer, its movements would count as changes.
    with rustcam.Capturer(cursor=False, backend=arguments.backend) as screen:
        watched = screen.region
        if arguments.region:
            left, top, right, bottom = (int(number) for number in arguments.region.split(","))
            watched = (left, top, right, bottom)
        screen.grab(copy=False)
        start = time.perf_counter()
        while time.perf_counter() < start + arguments.seconds:
            if screen.grab(100, copy=False) is None:
                continue
            info = screen.frame_info
            assert info is not None
            moved = [target for _, target in info.moves]
            changed = [part for part in (overlap(rect, watched) for rect in [*info.dirty, *moved]) if part]
            if changed:
                area = sum((right - left) * (bottom - top) for left, top, right, bottom in changed)
                print(f"{info.present_time - start:7.3f} s  {len(changed):3} rectangles, {area} pixels: {changed[0]}")


if __name__ == "__main__":
    main()
