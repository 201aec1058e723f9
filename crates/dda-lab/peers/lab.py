"""The lab for programs that capture: starts it, and compares captured pixels with the oracle. See docs/lab.md."""

from __future__ import annotations

import time
from typing import Any, Callable

import numpy as np
from dll import Dll


class Lab(Dll):
    def __init__(self, dll: str, script: str) -> None:
        super().__init__(dll)
        self.start(script)


def frame_number(image: np.ndarray, y: int = 4) -> int:
    block = max(1, min(8, image.shape[1] // 64))
    bits = image[y, block // 2 : 64 * block : block, 1] >= 128
    return int("".join("01"[int(bit)] for bit in bits), 2)


def check(lab: Lab, package: str, grab: Callable[[], Any], frames: int, seconds: float = 30.0) -> dict[str, Any]:
    """Grabs until `frames` images came, and compares every one with the oracle.

    The fourth channel is not compared: packages differ in it.
    """
    images: list[np.ndarray] = []
    deadline = time.perf_counter() + seconds
    start = time.perf_counter()
    while len(images) < frames and time.perf_counter() < deadline:
        image = grab()
        if image is not None:
            # A copy at once: some packages return memory that they use again.
            images.append(np.array(image))
    elapsed = time.perf_counter() - start
    numbers = [frame_number(image) for image in images]
    wrong = []
    for number, image in zip(numbers, images):
        right = lab.oracle(number, image.shape[1], image.shape[0])
        if not np.array_equal(image[..., :3], right[..., :3]):
            wrong.append(number)
    return {
        "package": package,
        "frames": numbers,
        "distinct": len(set(numbers)),
        "exact": len(images) - len(wrong),
        "wrong": wrong,
        "fps": round(len(images) / elapsed, 1),
        "ok": len(images) == frames and not wrong and numbers == sorted(numbers) and len(set(numbers)) > 1,
        "counters": lab.counters(),
    }
