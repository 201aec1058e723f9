"""Looks at the newest image, whatever else takes its time: latest_frame.py [--backend sim] [--seconds 3].

Stands for a program that needs what is on the screen now, such as an agent: while it thinks, a thread goes on
capturing, and what it gets next is the newest image and not the next one in a queue.
"""

from __future__ import annotations

import argparse
import time

import rustcam


def main() -> None:
    parser = argparse.ArgumentParser(description="Look at the newest image of the screen again and again.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--think", type=float, default=0.1, help="seconds to spend on each image")
    arguments = parser.parse_args()

    with rustcam.Capturer(backend=arguments.backend) as screen:
        screen.start(0)  # every present; start(30) would be enough for most
        end = time.perf_counter() + arguments.seconds
        while time.perf_counter() < end:
            try:
                image = screen.get_latest_frame(1000, copy=False)
            except rustcam.CaptureTimeout:
                print("nothing changed for a second")
                continue
            info = screen.frame_info
            assert info is not None
            age = 1000 * (time.perf_counter() - info.present_time)
            print(f"image {info.sequence:5}  {age:5.1f} ms old  {info.accumulated:3} presents  mean {image.mean():.1f}")
            time.sleep(arguments.think)


if __name__ == "__main__":
    main()
