"""Shows the screen with its edges in an OpenCV window: opencv_window.py [--backend sim] [--frames 100].

Without a window system, or with opencv-python-headless, use `--save FILE.png`: it stores the last image instead.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import numpy.typing as npt

import rustcam


def edges(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A copy of the image with green edges."""
    found = cv2.Canny(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 100, 200)
    drawn = image.copy()
    drawn[found > 0] = (0, 255, 0)
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description="Show the screen with its edges. Q quits.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--save", metavar="FILE.png")
    arguments = parser.parse_args()

    shown = None
    with rustcam.Capturer(backend=arguments.backend) as screen:
        screen.start(30, fmt="bgr")  # the format of OpenCV; the capture thread converts
        for _ in range(arguments.frames):
            try:
                shown = edges(screen.get_latest_frame(1000, copy=False))
            except rustcam.CaptureTimeout:
                continue  # nothing changed
            if not arguments.save:
                cv2.imshow("rustcam", shown)
                if cv2.waitKey(1) & 0xFF == ord("q"):
                    break
    if arguments.save and shown is not None:
        cv2.imwrite(arguments.save, shown)
        print(f"written: {arguments.save}")


if __name__ == "__main__":
    main()
