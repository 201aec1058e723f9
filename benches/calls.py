"""Single calls, all contenders in turns: calls.py SET WIDTH HEIGHT ROUNDS prints how long they took.

The sets: `calls` of an X server, those of a `window` on it, frames for `models` and encoders, and what the pointer
costs there (`x11`) and on the simulated desktop (`sim`).
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import Any, Callable

import cv2

import rustcam
from desktops import Painter, XServer

from .by_opencv import by_opencv
from .contenders import WINDOW, mss, workload
from .models import KEYWORDS
from .raw_shm import RawShm
from .run import turns
from .x11 import Window, colour

WARM_UP = 10  # rounds
REGION = (640, 360, 1280, 720)

# What is done before the clock starts, and the call that is timed.
Call = tuple[Callable[[], Any], Callable[[], Any]]


class Screen:
    """An X server with a painter. `DISPLAY` names it."""

    def __init__(self, size: tuple[int, int], stack: ExitStack) -> None:
        self.size, self._colour = size, 0
        self.server = XServer(*size)
        stack.callback(self.server.stop)
        os.environ["DISPLAY"] = self.server.display
        self.painter = Painter(self.server.display)
        stack.callback(self.painter.close)

    def change(self, part: int = 1) -> None:
        """Paints in a new colour, so that no contender can return an image that it has already."""
        self._colour = (self._colour + 0x9E3779) & 0xFFFFFF
        self.painter.fill((0, 0, *(side // part for side in self.size)), self._colour)

    def calls(self) -> dict[str, Call]:
        """Those of all contenders, each with a connection of its own."""
        owned, bgr, rgb, part, borrowed, little, still = (
            rustcam.Capturer(backend="x11", cursor=False).grab for _ in range(7)
        )
        peer, peer_rgb = (mss(workload(f"1920x1080 full@60 {fmt} free")).grab for fmt in ("bgra", "rgb"))
        alone = rustcam.Capturer(backend="x11", cursor=False, threads=1).grab
        calls = {
            "raw": RawShm(*self.size).grab,
            "mss bgra": peer,
            "mss rgb": peer_rgb,
            "mss rgb opencv": lambda: cv2.cvtColor(peer(), cv2.COLOR_BGRA2RGB),
            "rustcam bgra": owned,
            "rustcam bgr": partial(bgr, fmt="bgr"),
            "rustcam rgb": partial(rgb, fmt="rgb"),
            "rustcam rgb, threads=1": partial(alone, fmt="rgb"),
            "rustcam region": partial(part, region=REGION),
            "rustcam borrowed": partial(borrowed, copy=False),
        }

        def change_little() -> None:
            little(0, copy=False)
            self.change(part=10)

        return {
            **{name: (self.change, call) for name, call in calls.items()},
            "rustcam little": (change_little, partial(little, copy=False)),
            "rustcam static": (partial(still, 0), partial(still, 0)),
        }


def window(size: tuple[int, int], stack: ExitStack) -> dict[str, Call]:
    """Of a window that changes everywhere, and of the part of the screen that shows it."""
    Screen(size, stack)
    shown, numbers = Window(WINDOW), itertools.count(1)
    stack.callback(shown.close)
    left, top, width, height = WINDOW
    region = (left, top, left + width, top + height)
    seen = rustcam.Capturer(backend="x11", window=shown.handle, cursor=False).grab
    part = rustcam.Capturer(backend="x11", cursor=False).grab

    def change() -> None:
        shown.fill(colour(next(numbers)))

    return {"rustcam window": (change, seen), "rustcam region": (change, partial(part, region=region))}


def models(size: tuple[int, int], stack: ExitStack) -> dict[str, Call]:
    """Frames for models and encoders, by the engine and by OpenCV from what mss captures; and the screen as it is."""
    screen = Screen(size, stack)
    calls = {"rustcam bgra": rustcam.Capturer(backend="x11", cursor=False).grab}
    for use, keywords in KEYWORDS.items():
        calls[f"rustcam {use}"] = rustcam.Capturer(backend="x11", cursor=False, **keywords).grab
        calls[f"mss {use}"] = by_opencv(use, mss(workload("1920x1080 full@60 bgra free")).grab)
    return {name: (screen.change, call) for name, call in calls.items()}


def pointer(kind: str, size: tuple[int, int], stack: ExitStack) -> dict[str, Call]:
    """The same call with the pointer and without."""
    if kind == "x11":
        Screen(size, stack).painter.point_to(size[0] // 2, size[1] // 2)

    def call(cursor: bool) -> Call:
        script = "size {}x{}; static; pointer still; memory direct; pitch 0".format(*size) if kind == "sim" else None
        grab = rustcam.Capturer(backend=kind, cursor=cursor, sim=script).grab
        return lambda: None, partial(grab, new_frame_only=False)

    return {"with": call(cursor=True), "without": call(cursor=False)}


def timed(calls: dict[str, Call], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Elapsed and processor time of every call, in milliseconds."""
    samples: dict[str, dict[str, list[float]]] = {name: {"ms": [], "cpu_ms": []} for name in calls}
    for count, name in enumerate(turns(calls, WARM_UP + rounds)):
        prepare, call = calls[name]
        prepare()
        cpu, start = time.process_time(), time.perf_counter()
        result = call()
        end, cpu = time.perf_counter(), time.process_time() - cpu
        del result
        if count >= WARM_UP * len(calls):
            samples[name]["ms"].append(1000 * (end - start))
            samples[name]["cpu_ms"].append(1000 * cpu)
    return samples


def main() -> None:
    kind, (width, height, rounds) = sys.argv[1], map(int, sys.argv[2:])
    with ExitStack() as stack:
        if kind == "calls":
            name, calls = f"{width}x{height} calls", Screen((width, height), stack).calls()
        elif kind in ("window", "models"):
            of_kind = window if kind == "window" else models
            name, calls = f"{width}x{height} {kind} calls", of_kind((width, height), stack)
        else:
            name, calls = f"{kind} pointer", pointer(kind, (width, height), stack)
        for contender, samples in timed(calls, rounds).items():
            print(json.dumps([name, contender, samples]))


if __name__ == "__main__":
    main()
