"""The definitions of formats, scaling, chroma, order and type of a frame, written down plainly in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Whole = npt.NDArray[np.int64]
Region = tuple[int, int, int, int]

ORDERS = {"bgra": [0, 1, 2, 3], "rgba": [2, 1, 0, 3], "bgr": [0, 1, 2], "rgb": [2, 1, 0]}
YUV = ("nv12", "i420")


def formatted(bgra: Image, fmt: str) -> Image:
    """The definition of each format with an element per channel of a pixel."""
    if fmt == "gray":
        b, g, r = (bgra[:, :, i].astype(np.uint32) for i in range(3))
        gray: Image = ((77 * r + 150 * g + 29 * b + 128) >> 8).astype(np.uint8)
        return gray[:, :, np.newaxis]
    return bgra[:, :, ORDERS[fmt]]


def weights(resample: str, n: int, m: int) -> tuple[Whole, int]:
    """How much of each of `n` pixels is in each of `m`: whole numbers, and their sum."""
    i = np.arange(m)[:, np.newaxis]
    j = np.arange(n)[np.newaxis]
    if resample == "nearest" or m == n:
        return ((2 * i + 1) * n // (2 * m) == j).astype(np.int64), 1
    if resample == "area" and m < n:
        # In units of 1/m of a pixel, pixel i of m covers i*n to (i+1)*n.
        covered = np.minimum((i + 1) * n, (j + 1) * m) - np.maximum(i * n, j * m)
        return np.maximum(covered, 0).astype(np.int64), n
    # The centre of pixel i of m is between those of pixels `before` and `before + 1` of n.
    before, part = np.divmod((2 * i + 1) * n - m, 2 * m)
    two = [(before, 2 * m - part), (before + 1, part)]
    return sum(np.where(np.clip(at, 0, n - 1) == j, weight, 0) for at, weight in two), 2 * m


def scaled_sums(values: npt.NDArray[Any], size: tuple[int, int], resample: str) -> tuple[npt.NDArray[Any], int]:
    """What `values`, (height, width, channels), are when scaled to (width, height), as sums and their divisor."""
    rows, total_y = weights(resample, values.shape[0], size[1])
    columns, total_x = weights(resample, values.shape[1], size[0])
    kind = np.float64  # holds all whole numbers that occur
    half = np.tensordot(rows.astype(kind), values.astype(kind), (1, 0))
    sums = np.moveaxis(np.tensordot(columns.astype(kind), half, (1, 1)), 0, 1)
    return sums, total_x * total_y


def scaled(bgra: Image, size: tuple[int, int], resample: str = "area") -> Image:
    """The exact result, rounded once, half up."""
    sums, total = scaled_sums(bgra, size, resample)
    levels: Image = ((2 * sums.astype(np.int64) + total) // (2 * total)).astype(np.uint8)
    return levels


def chroma_format(bgra: Image, fmt: str) -> Image:
    """BT.709 in the limited range, in the whole numbers that the documentation gives."""
    b, g, r = (bgra[:, :, i].astype(np.int64) for i in range(3))
    luma = (11966 * r + 40254 * g + 4064 * b + (16 << 16) + (1 << 15)) >> 16
    height, width = luma.shape
    b, g, r = (plane.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3)) for plane in (b, g, r))
    blue = (-6595 * r - 22189 * g + 28784 * b + (128 << 18) + (1 << 17)) >> 18
    red = (28784 * r - 26145 * g - 2639 * b + (128 << 18) + (1 << 17)) >> 18
    chroma = np.stack([blue, red], axis=-1) if fmt == "nv12" else np.stack([blue, red])
    return np.concatenate([luma.ravel(), chroma.ravel()]).astype(np.uint8).reshape(height * 3 // 2, width)


def frame(
    bgra: Image,
    fmt: str = "bgra",
    size: Optional[tuple[int, int]] = None,
    resample: str = "area",
    layout: str = "hwc",
    dtype: Any = "uint8",
    region: Optional[Region] = None,
    regions: Optional[Sequence[Region]] = None,
    stack: Optional[int] = None,
) -> npt.NDArray[Any]:
    """The frame of a still desktop that shows `bgra`, for the keywords of a capturer."""
    if stack is not None:
        return np.stack([frame(bgra, fmt, size, resample, layout, dtype, region, regions)] * stack)
    if regions is not None:
        return np.stack([frame(bgra, fmt, size, resample, layout, dtype, part) for part in regions])
    if region is not None:
        left, top, right, bottom = region
        bgra = bgra[top:bottom, left:right]
    if fmt == "rgba16f":
        light = light_of(bgra)
        if size is not None:
            sums, total = scaled_sums(light, size, resample)
            light = sums / total
        pixels: npt.NDArray[Any] = light.astype(np.float16 if dtype == "uint8" else dtype)
    else:
        bgra = bgra if size is None else scaled(bgra, size, resample)
        if fmt in YUV:
            return chroma_format(bgra, fmt)
        pixels = formatted(bgra, fmt)
        if dtype != "uint8":
            pixels = (pixels / 255).astype(dtype)
    return pixels if layout == "hwc" else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def light_of(bgra: Image) -> npt.NDArray[np.float64]:
    """Linear scRGB of the levels of an SDR desktop, red first, as half floats hold it."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float16).astype(np.float64)[formatted(bgra, "rgba")]
