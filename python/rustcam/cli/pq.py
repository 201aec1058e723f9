"""Half floats of scRGB as BT.2020 with the PQ curve (SMPTE ST 2084): for 16-bit pictures and 10-bit video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# From the primaries of BT.709 to those of BT.2020, both linear and with the white of D65 (ITU-R BT.2087).
TO_BT2020 = np.array(
    [[0.627404, 0.329283, 0.043313], [0.069097, 0.919540, 0.011362], [0.016391, 0.088013, 0.895595]], np.float32
)
# Luma of BT.2020.
RED, BLUE = 0.2627, 0.0593


def _curve() -> npt.NDArray[np.float32]:
    """The PQ value from 0 to 1 of every half float, where 1.0 is 80 nits. What is negative or no number is 0."""
    light = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float64)
    share = np.clip(np.nan_to_num(light, nan=0.0, posinf=125.0, neginf=0.0) * 80 / 10_000, 0, 1) ** 0.1593017578125
    curve = ((0.8359375 + 18.8515625 * share) / (1 + 18.6875 * share)) ** 78.84375
    return curve.astype(np.float32)


CURVE = _curve()


def encode(light: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """Red, green and blue from 0 to 1 of an image `(height, width, 4)` of half floats."""
    # Zero times infinity is no number, and a sum may be too large for a half float.
    rgb = np.clip(np.nan_to_num(light[:, :, :3].astype(np.float32)), -1000, 1000)
    wide = (rgb @ TO_BT2020.T).astype(np.float16)
    return CURVE[wide.view(np.uint16)]


def levels(light: npt.NDArray[np.float16]) -> npt.NDArray[np.uint16]:
    """The same in 16 bits, full range."""
    return np.rint(encode(light) * 65535).astype(np.uint16)


def planes(light: npt.NDArray[np.float16]) -> list[npt.NDArray[np.uint16]]:
    """Y, Cb and Cr in 10 bits and limited range; chroma is the mean of 2x2. Width and height are even."""
    rgb = encode(light)
    red, green, blue = (rgb[:, :, channel] for channel in range(3))
    luma = RED * red + (1 - RED - BLUE) * green + BLUE * blue

    def chroma(colour: npt.NDArray[np.float32], own: float) -> npt.NDArray[np.uint16]:
        difference = (colour - luma) / (2 - 2 * own)
        halved = difference.reshape(luma.shape[0] // 2, 2, luma.shape[1] // 2, 2).mean(axis=(1, 3))
        samples: npt.NDArray[np.uint16] = np.rint(halved * 896 + 512).astype(np.uint16)
        return samples

    return [np.rint(luma * 876 + 64).astype(np.uint16), chroma(blue, BLUE), chroma(red, RED)]
