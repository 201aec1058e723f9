"""Video files: Y4M with numpy alone, other formats with PyAV."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from .._errors import CaptureError
from .._types import PixelFormat

if TYPE_CHECKING:
    import numpy.typing as npt

    _Image = npt.NDArray[np.uint8]

# In order of preference.
ENCODERS = ("libx264", "libopenh264", "h264_mf", "mpeg4")
CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov"}


class Video(Protocol):
    """A video file with a constant frame rate."""

    fmt: PixelFormat
    """Pixel format of the images for `write`."""

    def write(self, image: _Image) -> None: ...

    def size(self) -> int:
        """Bytes written so far."""

    def close(self) -> None:
        """Completes the file. It is valid then, with any number of images."""


def create(name: str, width: int, height: int, fps: Fraction) -> Video:
    """A new file, or Y4M on the standard output if `name` is `-`."""
    suffix = Path(name).suffix.lower()
    if name == "-":
        return Y4M(sys.stdout.buffer, width, height, fps)
    if suffix == ".y4m":
        return Y4M(Path(name).open("wb"), width, height, fps)
    if suffix not in CONTAINERS:
        known = ", ".join((*CONTAINERS, ".y4m"))
        raise ValueError(f"{name!r} is not a video file name: it must end with one of {known}, or be - for a pipe")
    return Encoded(name, width, height, fps)


class Y4M:
    """Uncompressed video that players and encoders read: YUV4MPEG2 with full chroma, BT.601, limited range."""

    fmt: PixelFormat = "rgb"

    # Y, Cb and Cr: offset, and weights of red, green and blue, all in 256ths. Every sum fits 16 bits.
    MATRIX = (
        (16 * 256 + 128, (66, 129, 25)),
        (128 * 256 + 128, (-38, -74, 112)),
        (128 * 256 + 128, (112, -94, -18)),
    )
    BAND = 32  # rows that are converted together, few enough for the processor's cache

    def __init__(self, file: BinaryIO, width: int, height: int, fps: Fraction) -> None:
        self._file = file
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
        self._file.flush()
        if self._file is not sys.stdout.buffer:
            self._file.close()


def _times(weight: int, plane: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    # Modulo 2**16, also for negative weights: only the sum has to fit.
    return plane * np.uint16(weight & 0xFFFF)


class Encoded:
    """A compressed video."""

    fmt: PixelFormat = "bgra"

    def __init__(self, name: str, width: int, height: int, fps: Fraction) -> None:
        self._av = av = _pyav()
        self._odd = ((0, height % 2), (0, width % 2), (0, 0))
        encoder = next(encoder for encoder in ENCODERS if encoder in av.codecs_available)
        # Opened by Python because its errors name the file.
        self._file = Path(name).open("wb", buffering=0)  # noqa: SIM115 - closed by close()
        self._container = av.open(self._file, "w", format=CONTAINERS[Path(name).suffix.lower()])
        self._step = 1 / fps
        self._count = self._size = 0
        self._stream = stream = self._container.add_stream(encoder, rate=fps)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = self._step
        # 0: one thread per processor, which is not the default.
        stream.codec_context.thread_count = 0
        # Without these, players guess the colour space from the frame size.
        stream.codec_context.color_range = av.video.reformatter.ColorRange.MPEG
        stream.codec_context.colorspace = av.video.reformatter.Colorspace.ITU709
        stream.codec_context.color_primaries = stream.codec_context.color_trc = BT709
        if encoder == "libx264":
            stream.options = {"preset": "veryfast", "crf": "20"}

    def write(self, image: _Image) -> None:
        if self._odd != ((0, 0), (0, 0), (0, 0)):
            # Most players need even width and height.
            image = np.pad(image, self._odd, mode="edge")
        colours = self._av.video.reformatter
        frame = self._av.VideoFrame.from_ndarray(image, self.fmt).reformat(
            format="yuv420p",
            dst_colorspace=colours.Colorspace.ITU709,
            dst_color_range=colours.ColorRange.MPEG,
        )
        frame.pts, frame.time_base = self._count, self._step
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def size(self) -> int:
        return self._size if self._file.closed else self._file.tell()

    def close(self) -> None:
        if self._count:
            self._container.mux(self._stream.encode())
        self._container.close()
        self._size = self._file.seek(0, os.SEEK_END)
        self._file.close()


BT709 = 1  # the code of H.273 for primaries and transfer characteristics


def _pyav() -> Any:
    try:
        import av
        import av.video.reformatter
    except ImportError:
        raise CaptureError(
            "compressed video needs PyAV, which is not installed",
            hint="Install it (pip install av), or record to a .y4m file or a pipe, which need no other package",
        ) from None
    return av
