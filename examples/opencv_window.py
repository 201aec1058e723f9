"""Shows the screen in a window of OpenCV, with the edges drawn: opencv_window.py [--backend sim] [--frames 100].

Without a window system, or with opencv-python-headless, `--save FILE.png` stores the last image instead.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import numpy.typing as npt

import rustcam


def edges(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A copy with green edges."""
    found = cv2.Canny(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 100, 200)
    drawn = image.copy()
    drawn[found > 0] = (0, 255, 0)
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description="Show the edges on the screen. Q ends it.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--save", metavar="FILE.png")
    arguments = parser.parse_args()

    shown = None
    with rustcam.Capturer(backend=arguments.backend) as screen:
        screen.start(30, fmt="bgr")  # the order of OpenCV; the thread converts while we look for edges
        for _ in range(arguments.frames):
            try:
                shown = edges(screen.get_latest_frame(1000, copy=False))
            except rustcam.CaptureTimeout:
                continue  # nothing moved
            if not arguments.save:
                cv2.imshow("rustcam", shown)
                if cv2.waitKey(1) & 0xFF == ord("q"):
                    break
    if arguments.save and shown is not None:
        cv2.imwrite(arguments.save, shown)
        print(f"written: {arguments.save}")


if __name__ == "__main__":
    main()
