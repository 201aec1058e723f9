"""Images of a screen that changes its size, in the size of a video."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import PixelFormat

# Formats with a chroma value for every 2x2 pixels, in arrays of `(height * 3 // 2, width)`.
CHROMA = ("nv12", "i420")
BLACK, COLOURLESS = 16, 128


def size(image: Any, fmt: PixelFormat) -> tuple[int, int]:
    """Width and height."""
    height, width = image.shape[:2]
    return width, height * 2 // 3 if fmt in CHROMA else height


def fitted(image: Any, fmt: PixelFormat, width: int, height: int) -> Any:
    """The image in this size: a larger one is cut, and beside a smaller one the rest is black."""
    if size(image, fmt) == (width, height):
        return image
    if fmt in CHROMA:
        whole = np.full((height * 3 // 2, width), COLOURLESS, image.dtype)
        whole[:height] = BLACK
    else:
        whole = np.zeros((height, width, *image.shape[2:]), image.dtype)
    for target, source in zip(_planes(whole, fmt), _planes(image, fmt)):
        rows, columns = min(target.shape[0], source.shape[0]), min(target.shape[1], source.shape[1])
        target[:rows, :columns] = source[:rows, :columns]
    return whole


def _planes(image: Any, fmt: PixelFormat) -> list[Any]:
    """Views whose first axes are rows and columns."""
    if fmt not in CHROMA:
        return [image]
    width, height = size(image, fmt)
    luma, chroma = image[:height], image[height:]
    if fmt == "nv12":
        return [luma, chroma.reshape(height // 2, width // 2, 2)]
    return [luma, *chroma.reshape(2, height // 2, width // 2)]
