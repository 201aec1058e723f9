"""`rustcam record`."""

from __future__ import annotations

import argparse
import math
import signal
import sys
from fractions import Fraction
from types import FrameType, TracebackType
from typing import Any, Optional

from .. import _rustcam
from . import video
from .options import Screen, rate, seconds
from .progress import Progress, describe

NAME = "record"
HELP = "record a video at a constant frame rate"
DETAILS = (
    "Ctrl-C ends the recording and completes the file. .mp4, .mkv and .mov need PyAV; .y4m and pipes need no other"
    " package, but are large."
)
EXAMPLES = [
    ("rustcam record -o screen.mp4", "until Ctrl-C"),
    ("rustcam record -o screen.mkv --fps 60000/1001 --seconds 10", "ten seconds at the NTSC rate"),
    ("rustcam record -o - | ffmpeg -i - screen.webm", "encode with another program"),
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", dest="file", required=True, metavar="FILE", help=".mp4, .mkv, .mov, .y4m, or - for a pipe"
    )
    parser.add_argument("--fps", type=rate, default=Fraction(30), metavar="N", help="30, 59.94, 60000/1001, ...")
    parser.add_argument("--seconds", type=seconds, metavar="S", help="duration; without it, until Ctrl-C")


def run(arguments: argparse.Namespace) -> int:
    fps: Fraction = arguments.fps
    total = math.ceil(arguments.seconds * fps) if arguments.seconds else None
    with StopSignals() as signals, Screen.chosen(arguments).capturer() as screen:
        left, top, right, bottom = region = screen.region
        file = video.create(arguments.file, right - left, bottom - top, fps)
        count = 0
        try:
            # With a fixed region all images have one size. If the screen becomes smaller, the recording ends.
            with screen.frames(fps, file.fmt, region, copy=False) as frames, Progress(total, fps) as progress:
                while count != total:
                    image = signals.next_image(frames)
                    if image is None:
                        break
                    file.write(image)
                    count += 1
                    progress.update(count, frames, file.size())
        finally:
            file.close()
            if count:
                # The standard output may be the video.
                name = "" if arguments.file == "-" else f"{arguments.file}: "
                print(f"{name}{describe(count, fps, frames, file.size())}", file=sys.stderr)
    return 0


class StopSignals:
    """Handles SIGINT and SIGTERM: they end the wait for an image, but never the writing of one."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self._received = False
        self._waiting = False
        self._before: list[Any] = []

    def __enter__(self) -> StopSignals:
        self._before = [signal.signal(number, self._handle) for number in self.SIGNALS]
        return self

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        for number, handler in zip(self.SIGNALS, self._before):
            signal.signal(number, handler)

    def _handle(self, number: int, frame: Optional[FrameType]) -> None:
        self._received = True
        if self._waiting:
            raise KeyboardInterrupt

    def next_image(self, frames: _rustcam.FrameIterator) -> Any:
        """The next image; `None` after a signal."""
        try:
            self._waiting = True
            if not self._received:
                return next(frames)[0]
        except KeyboardInterrupt:
            pass
        finally:
            self._waiting = False
        return None
