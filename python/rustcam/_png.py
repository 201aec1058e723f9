"""Encodes PNG files with zlib alone. Format: PNG specification, third edition (W3C)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

_GRAY, _RGB, _RGBA = 0, 2, 6
_LAYOUTS = {
    "gray": (_GRAY, [0]),
    "rgb": (_RGB, [0, 1, 2]),
    "bgr": (_RGB, [2, 1, 0]),
    "rgba": (_RGBA, [0, 1, 2, 3]),
    "bgra": (_RGBA, [2, 1, 0, 3]),
}
_FILTER_UP = 2

# Primaries of BT.2020, the curve of SMPTE ST 2084 (PQ), no matrix, full range, by the codes of ITU-T H.273.
_BT2020_PQ = bytes([9, 16, 0, 1])


def encode(image: npt.NDArray[np.uint8], fmt: str, level: int = 2) -> bytes:
    """The PNG file of `image`, an array (height, width, channels) in pixel format `fmt`.

    Every row uses the filter Up, the difference to the row above: neighbouring rows of a desktop are often equal, and
    numpy computes the filter for the whole image at once. `level` is that of zlib, 0 to 9.
    """
    color_type, order = _LAYOUTS[fmt.lower().replace("grey", "gray")]
    height, width, channels = image.shape
    if channels != len(order):
        raise ValueError(f"{fmt} images have {len(order)} channels, this one has {channels}")
    pixels = image if order == sorted(order) else image[:, :, order]
    rows = np.ascontiguousarray(pixels).reshape(height, width * channels)
    return _file((width, height, 8, color_type), b"", _filtered(rows), level)


def encode_hdr(levels: npt.NDArray[np.uint16], level: int = 2) -> bytes:
    """The 16-bit PNG file of an RGB image `(height, width, 3)` of BT.2020 with the PQ curve, as its chunk cICP says."""
    height, width, channels = levels.shape
    rows = np.ascontiguousarray(levels, ">u2").view(np.uint8).reshape(height, width * channels * 2)
    return _file((width, height, 16, _RGB), _chunk(b"cICP", _BT2020_PQ), _filtered(rows), level)


def _filtered(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, length = rows.shape
    filtered = np.empty((height, 1 + length), np.uint8)
    filtered[:, 0] = _FILTER_UP
    filtered[:1, 1:] = rows[:1]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def _file(header: tuple[int, int, int, int], chunks: bytes, rows: npt.NDArray[np.uint8], level: int) -> bytes:
    start = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
    return start + chunks + _chunk(b"IDAT", zlib.compress(rows.data, level)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(name))
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
