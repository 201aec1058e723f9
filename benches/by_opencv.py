"""What models and encoders want, made by OpenCV of a BGRA image. Without it, import `models` alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .models import DEPTH

Array = npt.NDArray[Any]


def planes(image: Array, side: int, kind: type[np.floating[Any]]) -> Array:
    """RGB, channel by channel, of floats from 0 to 1. Made small first, because the rest is cheaper then."""
    small = cv2.cvtColor(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), cv2.COLOR_BGRA2RGB)
    return np.ascontiguousarray((small.astype(kind) / kind(255)).transpose(2, 0, 1))


def stacks() -> Callable[[Array], Array]:
    """The last gray images, the newest last."""
    images: deque[Array] = deque(maxlen=DEPTH)

    def add(image: Array) -> Array:
        gray = cv2.cvtColor(cv2.resize(image, (84, 84), interpolation=cv2.INTER_AREA), cv2.COLOR_BGRA2GRAY)
        images.extend([gray] * (1 if images else DEPTH))
        return np.stack(images)

    return add


def nv12(image: Array) -> Array:
    """OpenCV has this one for encoders, with the weights of BT.601."""
    return cv2.cvtColor(image, cv2.COLOR_BGRA2YUV_I420)


MAKERS: dict[str, Callable[[], Callable[[Array], Array]]] = {
    "classifier": lambda: lambda image: planes(image, 224, np.float32),
    "detector": lambda: lambda image: planes(image, 640, np.float16),
    "agent": stacks,
    "encoder": lambda: nv12,
}


def by_opencv(use: str, grab: Callable[[], Any]) -> Callable[[], Any]:
    """The same from what captures BGRA; nothing if nothing is new."""
    make = MAKERS[use]()

    def made() -> Any:
        image = grab()
        return None if image is None else make(np.asarray(image))

    return made
