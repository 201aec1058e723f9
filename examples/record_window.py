"""Records one window with PyAV: record_window.py TITLE FILE.mp4 [--fps 30] [--seconds 5] [--backend sim --sim SCRIPT].

The recording ends early if the window is closed. A video has one size: of a window that becomes larger it shows a part,
and beside one that becomes smaller it is black.
"""

from __future__ import annotations

import argparse
from fractions import Fraction

import av
import numpy as np

import rustcam


def main() -> None:
    parser = argparse.ArgumentParser(description="Record a window at a constant frame rate.")
    parser.add_argument("title", help="a part of the title")
    parser.add_argument("file")
    parser.add_argument("--fps", type=Fraction, default=Fraction(30), help="such as 30, 59.94 or 60000/1001")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--sim", metavar="SCRIPT", help="the simulated desktop, for --backend sim")
    arguments = parser.parse_args()

    # A window that is chosen by its title would be looked for again after it was closed. This one is not.
    windows = rustcam.list_windows(arguments.backend, sim=arguments.sim)
    found = [window for window in windows if arguments.title.lower() in window["title"].lower()]
    if len(found) != 1:
        raise SystemExit(f"{len(found)} windows have such a title; there is {[window['title'] for window in windows]}")
    capturer = rustcam.Capturer(window=found[0], backend=arguments.backend, sim=arguments.sim)
    with capturer as window, av.open(arguments.file, "w") as video:
        # Most players need even width and height.
        canvas = np.zeros((window.height + 1 & ~1, window.width + 1 & ~1, 4), np.uint8)
        stream = video.add_stream("h264", rate=arguments.fps, options={"preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = *canvas.shape[:2], "yuv420p"
        count = 0
        with window.frames(arguments.fps, "bgra", copy=False) as frames:
            try:
                for image, seconds in frames:
                    if seconds >= arguments.seconds:
                        break
                    height, width = min(image.shape[0], canvas.shape[0]), min(image.shape[1], canvas.shape[1])
                    canvas[height:] = canvas[:, width:] = 0
                    canvas[:height, :width] = image[:height, :width]
                    frame = av.VideoFrame.from_ndarray(canvas, "bgra")
                    frame.pts, frame.time_base = count, 1 / arguments.fps
                    video.mux(stream.encode(frame))
                    count += 1
            except rustcam.AccessLost as error:
                print(error)
        video.mux(stream.encode())
    print(f"{count} images")


if __name__ == "__main__":
    main()
