"""Processes the newest image again and again: latest_frame.py [--backend sim] [--seconds 3].

For a program that needs the current screen, such as an agent. While it processes one image, a thread goes on capturing.
The next image is then the newest one, not the next one of a queue.
"""

from __future__ import annotations

import argparse
import time

import rustcam


def main() -> None:
    parser = argparse.ArgumentParser(description="Process the newest image of the screen again and again.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--think", type=float, default=0.1, help="seconds to spend on each image")
    arguments = parser.parse_args()

    with rustcam.Capturer(backend=arguments.backend) as screen:
        screen.start(0)  # every present; start(30) is enough for most programs
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
