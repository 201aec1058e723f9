"""Records the screen: record_ffmpeg.py FILE [--fps 30000/1001] [--seconds 5] [--backend sim].

FILE.mp4, FILE.mkv and other formats of ffmpeg need ffmpeg on the PATH. FILE.y4m needs no other program: it is large,
but players and encoders read it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

import rustcam

Image = npt.NDArray[np.uint8]

# BT.601, limited range: rows for Y, Cb and Cr, in 256ths.
WEIGHTS = np.array([[66, 129, 25], [-38, -74, 112], [112, -94, -18]], np.int32)
OFFSETS = (16, 128, 128)


def planes(image: Image) -> bytes:
    """The image in the layout C444 of Y4M: the planes Y, Cb and Cr."""
    red, green, blue = (image[:, :, channel].astype(np.int32) for channel in range(3))
    return b"".join(
        (((r * red + g * green + b * blue + 128) >> 8) + offset).astype(np.uint8).tobytes()
        for (r, g, b), offset in zip(WEIGHTS, OFFSETS)
    )


def encoder(path: Path, width: int, height: int, fps: Fraction) -> subprocess.Popen[bytes]:
    """Starts ffmpeg with raw images from a pipe as input."""
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}", "-framerate", str(fps)]
    # Most players need even width and height, and this pixel format.
    target = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", str(path)]
    command = ["ffmpeg", "-loglevel", "error", "-y", *source, "-i", "-", *target]
    return subprocess.Popen(command, stdin=subprocess.PIPE)


def record(screen: rustcam.Capturer, pipe: BinaryIO, fps: Fraction, seconds: float, y4m: bool) -> None:
    width, height = screen.width, screen.height
    if y4m:
        pipe.write(f"YUV4MPEG2 W{width} H{height} F{fps.numerator}:{fps.denominator} Ip A1:1 C444\n".encode())
    # With a fixed region all images have one size.
    with screen.frames(fps, "rgb", (0, 0, width, height), copy=False) as frames:
        count = 0
        for image, time in frames:
            pipe.write(b"FRAME\n" + planes(image) if y4m else image.tobytes())
            count += 1
            if time + 1 / fps >= seconds:
                break
        print(f"{count} frames: {frames.repeated} repeated, {frames.skipped} presents skipped, {frames.late} late")


def main() -> int:
    parser = argparse.ArgumentParser(description="Record the screen at a constant frame rate.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--fps", type=Fraction, default=Fraction(30), help="such as 30, 59.94 or 60000/1001")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--backend", default="auto")
    arguments = parser.parse_args()
    path, fps, y4m = arguments.file, arguments.fps, arguments.file.suffix == ".y4m"
    if not y4m and not shutil.which("ffmpeg"):
        path, y4m = path.with_suffix(".y4m"), True
        print("there is no ffmpeg on the PATH")

    status = 0
    with rustcam.Capturer(backend=arguments.backend) as screen:
        if y4m:
            with path.open("wb") as file:
                record(screen, file, fps, arguments.seconds, y4m)
        else:
            with encoder(path, screen.width, screen.height, fps) as process:
                assert process.stdin is not None
                record(screen, process.stdin, fps, arguments.seconds, y4m)
            status = process.returncode
    print(f"written: {path}")
    return status


if __name__ == "__main__":
    sys.exit(main())
