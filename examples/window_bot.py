"""Acts on one window: window_bot.py TITLE COLOUR [--seconds 5] [--backend sim --sim SCRIPT].

Waits until the window changes, looks for an area of a colour such as ff8000, and prints where to click. It works while
other windows cover this one, and when it is moved.
"""

from __future__ import annotations

import argparse
import time
from typing import Optional

import numpy as np
import numpy.typing as npt

import rustcam

LEAST = 16  # pixels of an area that counts


def find(image: npt.NDArray[np.uint8], colour: int) -> Optional[tuple[int, int]]:
    """The middle of all pixels of a colour, `None` if there are only a few."""
    wanted = colour >> 16, colour >> 8 & 255, colour & 255
    rows, columns = np.nonzero((image == wanted).all(axis=2))
    return (int(columns.mean()), int(rows.mean())) if len(rows) >= LEAST else None


def act(x: int, y: int) -> None:
    """What a real bot does: `pyautogui.click(x, y)`, for example."""
    print(f"click at {x},{y}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Find a colour in a window whenever it changes.")
    parser.add_argument("title", help="a part of the title")
    parser.add_argument("colour", type=lambda text: int(text, 16), help="as ff8000: red, green, blue")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--sim", metavar="SCRIPT", help="the simulated desktop, for --backend sim")
    arguments = parser.parse_args()

    def windows() -> list[rustcam.WindowInfo]:
        return rustcam.list_windows(arguments.backend, sim=arguments.sim)

    handle = next(window["handle"] for window in windows() if arguments.title.lower() in window["title"].lower())
    end = time.perf_counter() + arguments.seconds
    # Without the pointer, because the bot moves it.
    with rustcam.Capturer(window=handle, cursor=False, backend=arguments.backend, sim=arguments.sim) as capturer:
        while (rest := end - time.perf_counter()) > 0:
            try:
                image = capturer.grab(int(1000 * rest), "rgb", copy=False)
            except rustcam.AccessLost as error:
                print(error)
                return
            if image is None or not (found := find(image, arguments.colour)):
                continue
            for window in windows():
                # Where it is now.
                if window["handle"] == handle:
                    act(window["left"] + found[0], window["top"] + found[1])


if __name__ == "__main__":
    main()
