"""Records the screen with PyAV: record_pyav.py FILE.mp4 [--fps 30000/1001] [--seconds 5] [--backend sim].

A short version of `rustcam record`. Each image has the time of its slot, so the timing of the video is right even if
encoding is too slow.
"""

from __future__ import annotations

import argparse
from fractions import Fraction

import av

import rustcam


def main() -> None:
    parser = argparse.ArgumentParser(description="Record the screen at a constant frame rate.")
    parser.add_argument("file")
    parser.add_argument("--fps", type=Fraction, default=Fraction(30), help="such as 30, 59.94 or 60000/1001")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--backend", default="auto")
    arguments = parser.parse_args()

    with rustcam.Capturer(backend=arguments.backend) as screen, av.open(arguments.file, "w") as video:
        # Most players need even width and height.
        region = (0, 0, screen.width & ~1, screen.height & ~1)
        stream = video.add_stream("h264", rate=arguments.fps, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = region[2], region[3], "yuv420p"
        with screen.frames(arguments.fps, "bgra", region, copy=False) as frames:
            for number, (image, seconds) in enumerate(frames):
                if seconds >= arguments.seconds:
                    break
                frame = av.VideoFrame.from_ndarray(image, "bgra")
                frame.pts, frame.time_base = number, 1 / arguments.fps
                video.mux(stream.encode(frame))
            print(f"{number} images: {frames.repeated} repeated, {frames.skipped} skipped, {frames.late} late")
        video.mux(stream.encode())


if __name__ == "__main__":
    main()
