"""HDR video: 10-bit HEVC of BT.2020 with the PQ curve (HDR10), by PyAV and libx265."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._errors import CaptureError
from .._types import PixelFormat
from . import pq
from .video import CONTAINERS, Encoded, kind, pyav

# The codes of H.273.
BT2020, PQ, BT2020_NCL = 9, 16, 9

# Chromaticities of BT.2020 and of D65, in units of 0.00002.
PRIMARIES = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)"


def check(name: str) -> None:
    """Raises what `video.kind` raises; ValueError for a format without HDR, CaptureError without the encoder."""
    kind(name)
    if Path(name).suffix.lower() not in CONTAINERS:
        raise ValueError(f"{name!r} cannot hold HDR video: it must end with one of {', '.join(CONTAINERS)}")
    if "libx265" not in pyav().codecs_available:
        raise CaptureError(
            "HDR video needs the encoder libx265, which this PyAV lacks",
            hint="Install PyAV from PyPI (pip install av), or record without --hdr",
        )


class Hdr(Encoded):
    """An HDR10 video of half floats."""

    @classmethod
    def fmt(cls, width: int, height: int) -> PixelFormat:
        return "rgba16f"

    @classmethod
    def _encoder(cls) -> str:
        return "libx265"

    def _configure(self, stream: Any) -> None:
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = BT2020_NCL, BT2020, PQ
        # The name by which players of Apple know HEVC.
        context.codec_tag = "hvc1"
        parameters = {
            "colorprim": "bt2020",
            "transfer": "smpte2084",
            "colormatrix": "bt2020nc",
            "range": "limited",
            "hdr10": "1",
            "repeat-headers": "1",
            # Without B-frames the times in a file of parts begin at 0.
            "bframes": "0",
            "log-level": "error",
        }
        if self._color and self._color.max_nits >= 1:
            # In units of 0.0001 nits. The mean of a frame is not known in advance, which 0 says.
            luminance = [round(nits * 10_000) for nits in (self._color.max_nits, self._color.min_nits)]
            parameters["master-display"] = f"{PRIMARIES}L({luminance[0]},{luminance[1]})"
            parameters["max-cll"] = f"{round(self._color.max_nits)},0"
        text = ":".join(f"{name}={value}" for name, value in parameters.items())
        # PQ stretches the dark: the quality that is enough for 8 bits errs by several per cent in saturated colours.
        stream.options = {"preset": "veryfast", "crf": "12", "x265-params": text}

    def _frame(self, image: Any) -> Any:
        height, width, _ = image.shape
        frame = self._av.VideoFrame(width, height, "yuv420p10le")
        frame.color_range = self._av.video.reformatter.ColorRange.MPEG
        frame.colorspace = BT2020_NCL
        for plane, samples in zip(frame.planes, pq.planes(image)):
            padded = bytearray(plane.buffer_size)
            for row in range(samples.shape[0]):
                start = row * plane.line_size
                padded[start : start + samples.shape[1] * 2] = samples[row].astype("<u2").tobytes()
            plane.update(padded)
        return frame
