"""Records the screen with PyAV: record_pyav.py FILE.mp4 [--fps 30000/1001] [--seconds 5] [--backend sim].

A short version of `rustcam record`. Each image has the time of its slot, so the timing of the video is right even if
encoding is too slow. The engine writes the planes that the encoder takes (`fmt="nv12"`), so nothing converts or copies
them.
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
        # Chroma belongs to 2x2 pixels, so width and height must be even.
        region = (0, 0, screen.width & ~1, screen.height & ~1)
        stream = video.add_stream("libx264", rate=arguments.fps, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = region[2], region[3], "nv12"
        # The engine's colours, which players have to know: BT.709 in the limited range.
        stream.codec_context.colorspace = stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
        stream.codec_context.color_range = 1
        with screen.frames(arguments.fps, "nv12", region, copy=False) as frames:
            for number, (image, seconds) in enumerate(frames):
                if seconds >= arguments.seconds:
                    break
                frame = av.VideoFrame.from_numpy_buffer(image, "nv12")
                frame.pts, frame.time_base = number, 1 / arguments.fps
                video.mux(stream.encode(frame))
            print(f"{number} images: {frames.repeated} repeated, {frames.skipped} skipped, {frames.late} late")
        video.mux(stream.encode())


if __name__ == "__main__":
    main()
