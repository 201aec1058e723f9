"""`rustcam record`."""

from __future__ import annotations

import argparse
import math
import re
import signal
import sys
from fractions import Fraction
from types import FrameType, TracebackType
from typing import Any, Optional

import numpy as np

from .. import _rustcam
from .._errors import AccessLost, CaptureError
from . import video
from .options import Screen, rate, seconds
from .progress import Progress, describe
from .streams import remark

NAME = "record"
HELP = "record a video at a constant frame rate"
DETAILS = (
    "Ctrl-C ends the recording and completes the file; so does the closing of a recorded window. Neither is a failure."
    " What was written can be played however it ends. The video keeps the size of the first image. .mp4, .mkv and .mov"
    " need PyAV; .y4m and pipes need no other package, but are large."
)
EXAMPLES = [
    ("rustcam record -o screen.mp4", "until Ctrl-C"),
    ("rustcam record -o screen.mkv --fps 60000/1001 --seconds 10", "ten seconds at the NTSC rate"),
    ("rustcam record --window notes -o notes.mp4", "a window, until it is closed or Ctrl-C"),
    ("rustcam record --hdr -o screen.mp4", "an HDR desktop with all its light"),
    ("rustcam record -o - | ffmpeg -i - screen.webm", "encode with another program"),
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", dest="file", required=True, metavar="FILE", help=".mp4, .mkv, .mov, .y4m, or - for a pipe"
    )
    parser.add_argument("--fps", type=rate, default=Fraction(30), metavar="N", help="30, 59.94, 60000/1001, ...")
    parser.add_argument(
        "--keep-awake",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether the display is kept on during the recording",
    )
    parser.add_argument(
        "--hdr",
        action="store_true",
        help="keep what is brighter than SDR white: HEVC of 10 bits, BT.2020 and PQ; needs PyAV with libx265",
    )
    parser.add_argument("--seconds", type=seconds, metavar="S", help="duration; without it, until Ctrl-C")


def run(arguments: argparse.Namespace) -> int:
    kind = chosen(arguments)
    fps = video.nearest_rate(arguments.fps, kind.RATE_LIMIT)
    total = math.ceil(arguments.seconds * fps) if arguments.seconds else None
    capturer = Screen.chosen(arguments).with_window_as_of_now().capturer
    options: dict[str, Any] = {"copy": False, "keep_awake": arguments.keep_awake}
    with StopSignals() as signals, capturer() as screen, screen.frames(fps, kind.fmt, **options) as frames:
        recording, closed = Recording(arguments.file, kind, fps, screen), ""
        try:
            with recording, Progress(total, fps) as progress:
                while recording.count != total:
                    try:
                        image = signals.next_image(frames)
                    except AccessLost as error:
                        closed = window_closed(error)
                        if not (closed and recording.count):
                            raise
                        break
                    if image is None:
                        break
                    recording.write(image)
                    progress.update(recording.count, frames, recording.size())
        finally:
            if recording.count:
                # The standard output may be the video.
                name = "" if arguments.file == "-" else f"{arguments.file}: "
                end = f"; {closed}" if closed else ""
                remark(f"{name}{describe(recording.count, fps, frames, recording.size())}{end}", sys.stderr)
    if not recording.count:
        raise CaptureError("the recording was ended before the first image of the screen: no file was written")
    return 0


def chosen(arguments: argparse.Namespace) -> type[video.Video]:
    """The kind of video to record; raises what `video.kind` and `hdr_video.check` raise."""
    if arguments.hdr:
        from . import hdr_video

        hdr_video.check(arguments.file)
        return hdr_video.Hdr
    return video.kind(arguments.file)


def window_closed(error: AccessLost) -> str:
    """What the error says if it is that the window is gone for good; else nothing."""
    message = " ".join(str(error.args[0]).split())
    return message if re.fullmatch(r"the window .* was closed", message) else ""


class Recording:
    """A video file that is opened at the first image: until then there is nothing to replace an older file with."""

    def __init__(self, name: str, kind: type[video.Video], fps: Fraction, screen: _rustcam.Capturer) -> None:
        self._name, self._kind, self._fps, self._screen = name, kind, fps, screen
        self._video: Optional[video.Video] = None
        self._shape: tuple[int, ...] = ()
        self.count = 0

    def __enter__(self) -> Recording:
        return self

    def write(self, image: Any) -> None:
        try:
            if self._video is None:
                self._shape = image.shape
                height, width, _ = image.shape
                self._video = self._kind(self._name, width, height, self._fps, self._screen.color)
            self._video.write(self._fitted(image))
        except OSError as error:
            error.filename = self._name
            raise
        self.count += 1

    def _fitted(self, image: Any) -> Any:
        """The image in the size of the video: a larger one is cut, and beside a smaller one the rest is black."""
        if image.shape == self._shape:
            return image
        height, width = min(image.shape[0], self._shape[0]), min(image.shape[1], self._shape[1])
        fitted = np.zeros(self._shape, image.dtype)
        fitted[:height, :width] = image[:height, :width]
        return fitted

    def size(self) -> int:
        return self._video.size() if self._video else 0

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._video is None:
            return
        try:
            self._video.close()
        except OSError:
            # After a failure it fails again, as on a full disk, and says nothing new.
            if exc_value is None:
                raise


class StopSignals:
    """Handles the signals that end a program: they end the wait for an image, but never the writing of one."""

    # SIGHUP: the terminal was closed. SIGBREAK: the same on Windows, and Ctrl-Break.
    SIGNALS = tuple(
        getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
    )

    def __init__(self) -> None:
        self._received = False
        self._waiting = False
        self._before: list[tuple[signal.Signals, Any]] = []

    def __enter__(self) -> StopSignals:
        self._before = [
            (number, signal.signal(number, self._handle)) for number in self.SIGNALS if not _is_nohup(number)
        ]
        return self

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        for number, handler in self._before:
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


def _is_nohup(number: signal.Signals) -> bool:
    """Whether `nohup` has set that the program goes on when the terminal is closed."""
    return number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN
