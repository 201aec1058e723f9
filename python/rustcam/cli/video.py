"""Video files: Y4M with numpy alone, other formats with PyAV."""

from __future__ import annotations

import errno
import io
import math
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Optional, Protocol

import numpy as np

from .._errors import CaptureError
from .._rustcam import Color
from .._types import PixelFormat
from .streams import binary_output

if TYPE_CHECKING:
    import numpy.typing as npt

    _Image = npt.NDArray[np.uint8]

# In order of preference, and what each takes without converting it.
ENCODERS: dict[str, PixelFormat] = {"libx264": "nv12", "libopenh264": "i420", "h264_mf": "nv12", "mpeg4": "i420"}
# The names that FFmpeg has for formats.
FFMPEG = {"nv12": "nv12", "i420": "yuv420p"}
PART_SIZE = 8 << 20
CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov"}


class Video(Protocol):
    """A video file with a constant frame rate."""

    RATE_LIMIT: int
    """The largest numerator and denominator of a frame rate."""

    @classmethod
    def fmt(cls, width: int, height: int) -> PixelFormat:
        """Pixel format of the images for `write` of a video of this size."""

    def __init__(self, name: str, width: int, height: int, fps: Fraction, color: Optional[Color] = None) -> None:
        """`color` is that of the screen; only HDR video needs it."""

    def write(self, image: Any) -> None: ...

    def size(self) -> int:
        """Bytes written so far."""

    def close(self) -> None:
        """Completes the file. It is valid then, with any number of images."""


def kind(name: str) -> type[Video]:
    """The kind of video that a file called `name` holds; `-` is Y4M on the standard output.

    Raises ValueError for an ending that is no video format, OSError if its folder does not exist, CaptureError if the
    format needs PyAV and that is not installed.
    """
    suffix = Path(name).suffix.lower()
    if name == "-":
        binary_output()
        return Y4M
    if suffix not in (*CONTAINERS, ".y4m"):
        known = ", ".join((*CONTAINERS, ".y4m"))
        raise ValueError(f"{name!r} is not a video file name: it must end with one of {known}, or be - for a pipe")
    if not Path(name).absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    if suffix == ".y4m":
        return Y4M
    pyav()
    return Encoded


def nearest_rate(fps: Fraction, limit: int) -> Fraction:
    """The fraction nearest to `fps` whose numerator and denominator are at most `limit`, by its continued fraction."""
    fps = min(max(fps, Fraction(1, limit)), Fraction(limit))
    if max(fps.numerator, fps.denominator) <= limit:
        return fps
    before, last = (0, 1), (1, 0)
    rest = fps
    while True:
        whole = math.floor(rest)
        following = (before[0] + whole * last[0], before[1] + whole * last[1])
        if max(following) > limit:
            break
        before, last = last, following
        rest = 1 / (rest - whole)
    # On the other side of `fps` than the last convergent, the nearest is the largest intermediate fraction that fits.
    steps = min((limit - b) // a for b, a in zip(before, last) if a)
    between = Fraction(before[0] + steps * last[0], before[1] + steps * last[1])
    return min(Fraction(*last), between, key=lambda candidate: abs(candidate - fps))


class Y4M:
    """Uncompressed video that players and encoders read: YUV4MPEG2 with full chroma, BT.601, limited range."""

    RATE_LIMIT = 2**31 - 1

    # Y, Cb and Cr: offset, and weights of red, green and blue, all in 256ths. Every sum fits 16 bits.
    MATRIX = (
        (16 * 256 + 128, (66, 129, 25)),
        (128 * 256 + 128, (-38, -74, 112)),
        (128 * 256 + 128, (112, -94, -18)),
    )
    BAND = 32  # rows that are converted together, few enough for the processor's cache

    @classmethod
    def fmt(cls, width: int, height: int) -> PixelFormat:
        return "rgb"

    def __init__(self, name: str, width: int, height: int, fps: Fraction, color: Optional[Color] = None) -> None:
        self._to_pipe = name == "-"
        self._file: BinaryIO = binary_output() if self._to_pipe else Path(name).open("wb")  # noqa: SIM115 - see close()
        self._planes = np.empty((3, height, width), np.uint8)
        self._written = 0
        self._put(f"YUV4MPEG2 W{width} H{height} F{fps.numerator}:{fps.denominator} Ip A1:1 C444\n".encode())

    def write(self, image: _Image) -> None:
        for top in range(0, image.shape[0], self.BAND):
            rows = slice(top, top + self.BAND)
            red, green, blue = (image[rows, :, channel].astype(np.uint16) for channel in range(3))
            for plane, (offset, (r, g, b)) in zip(self._planes, self.MATRIX):
                total = offset + _times(r, red) + _times(g, green) + _times(b, blue)
                plane[rows] = total >> 8
        self._put(b"FRAME\n")
        self._put(self._planes.data)

    def _put(self, data: Any) -> None:
        self._file.write(data)
        self._written += len(data) if isinstance(data, bytes) else data.nbytes

    def size(self) -> int:
        return self._written

    def close(self) -> None:
        if self._to_pipe:
            self._file.flush()
        else:
            self._file.close()


def _times(weight: int, plane: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    # Modulo 2**16, also for negative weights: only the sum has to fit.
    return plane * np.uint16(weight & 0xFFFF)


class Encoded:
    """A compressed video. What has been written can be played at any time, also if nobody completes the file."""

    RATE_LIMIT = 2**31 - 1

    @classmethod
    def fmt(cls, width: int, height: int) -> PixelFormat:
        # The engine writes what the encoder takes. It has no chroma for an odd row or column.
        return "bgra" if width % 2 or height % 2 else ENCODERS[cls._encoder()]

    def __init__(self, name: str, width: int, height: int, fps: Fraction, color: Optional[Color] = None) -> None:
        self._color = color
        self._av = av = pyav()
        self._odd = ((0, height % 2), (0, width % 2), (0, 0))
        # Opened by Python because its errors name the file.
        self._file = File(name)
        container = CONTAINERS[Path(name).suffix.lower()]
        self._container = av.open(
            self._file if self._file.seekable() else Pipe(self._file),
            "w",
            format=container,
            options=options(container, self._file.seekable()),
            # A part leaves in one write.
            buffer_size=PART_SIZE,
        )
        self._step = 1 / fps
        self._count = 0
        self._stream = stream = self._container.add_stream(self._encoder(), rate=fps)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.time_base = self._step
        # 0: one thread per processor, which is not the default.
        stream.codec_context.thread_count = 0
        stream.codec_context.color_range = av.video.reformatter.ColorRange.MPEG
        self._configure(stream)

    @classmethod
    def _encoder(cls) -> str:
        return next(encoder for encoder in ENCODERS if encoder in pyav().codecs_available)

    def _configure(self, stream: Any) -> None:
        """Sets what the format of the pixels needs."""
        stream.pix_fmt = FFMPEG[ENCODERS[self._encoder()]]
        # Without these, players guess the colour space from the frame size.
        stream.codec_context.colorspace = self._av.video.reformatter.Colorspace.ITU709
        stream.codec_context.color_primaries = stream.codec_context.color_trc = BT709
        if stream.codec_context.name == "libx264":
            # Without B-frames the times in a file of parts begin at 0.
            stream.options = {"preset": "veryfast", "crf": "20", "bf": "0"}

    def _frame(self, image: Any) -> Any:
        """The image as a frame of PyAV."""
        colours, frames = self._av.video.reformatter, self._av.VideoFrame
        if image.ndim == 3:
            return frames.from_ndarray(image, "bgra").reformat(
                format=self._stream.pix_fmt,
                dst_colorspace=colours.Colorspace.ITU709,
                dst_color_range=colours.ColorRange.MPEG,
            )
        # Without a copy: the frame holds the image, which stays as it is as long as something holds it.
        frame = frames.from_numpy_buffer(image, self._stream.pix_fmt)
        frame.colorspace, frame.color_range = colours.Colorspace.ITU709, colours.ColorRange.MPEG
        return frame

    def write(self, image: Any) -> None:
        if self._odd != ((0, 0), (0, 0), (0, 0)):
            # Most players need even width and height.
            image = np.pad(image, self._odd, mode="edge")
        frame = self._frame(image)
        frame.pts, frame.time_base = self._count, self._step
        self._count += 1
        self._container.mux(self._stream.encode(frame))
        if self._file.error:
            raise self._file.error

    def size(self) -> int:
        return self._file.written

    def close(self) -> None:
        try:
            if self._count:
                self._container.mux(self._stream.encode())
            self._container.close()
        finally:
            self._file.close()
        if self._file.error:
            raise self._file.error


class File(io.FileIO):
    """A new file that takes all bytes of a write or, if that fails, none of that write and of later ones.

    So a full disk leaves whole parts behind. The failure is kept in `error` instead of being raised: what PyAV does
    after one depends on its version.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, "wb")
        self.written = 0
        self.error: Optional[OSError] = None

    def write(self, data: Any) -> int:
        with memoryview(data) as bytes_:
            if self.error is None:
                start = self.tell() if self.seekable() else 0
                try:
                    self._write_all(bytes_)
                    self.written += len(bytes_)
                except OSError as error:
                    self.error = error
                    if self.seekable():
                        self.truncate(start)
            return len(bytes_)

    def _write_all(self, data: memoryview) -> None:
        done = 0
        while done < len(data):
            done += super().write(data[done:]) or 0


class Pipe:
    """A file without `seek`, by which PyAV recognises one that cannot seek."""

    def __init__(self, file: File) -> None:
        self.write = file.write


def options(container: str, seekable: bool) -> dict[str, str]:
    """Options with which a file can be played as far as it was written: one part a second, each complete in itself."""
    if container == "matroska":
        return {"cluster_time_limit": "1000", "flush_packets": "1"}
    # "hybrid": parts until the end, and then one index for the whole file, which more programs can edit.
    parts = "hybrid_fragmented" if seekable else "empty_moov+default_base_moof"
    return {"movflags": parts, "frag_duration": "1000000", "flush_packets": "1"}


BT709 = 1  # the code of H.273 for primaries and transfer characteristics


def pyav() -> Any:
    """The module `av`.

    Raises CaptureError with advice if it is not installed.
    """
    try:
        import av
        import av.video.reformatter
    except ImportError:
        raise CaptureError(
            "compressed video needs PyAV, which is not installed",
            hint="Install it (pip install av), or record to a .y4m file or a pipe, which need no other package",
        ) from None
    return av
