"""Helpers for tests that read frames of a stream."""

from __future__ import annotations

import time
from typing import Callable

import numpy as np
import numpy.typing as npt

import rustcam

SOON = 5000  # milliseconds in which even a busy machine delivers a frame


def frame_number(image: npt.NDArray[np.uint8], y: int = 4) -> int:
    """The frame number that the simulated desktop draws at row 4 and again at row -4, see docs/sim.md."""
    block = max(1, min(8, image.shape[1] // 64))
    bits = image[y, block // 2 : 64 * block : block, 1] >= 128
    return int("".join(str(int(bit)) for bit in bits), 2)


def until(condition: Callable[[], bool]) -> None:
    """Returns when `condition` is true."""
    deadline = time.perf_counter() + 10
    while not condition():
        assert time.perf_counter() < deadline, "the condition was false for 10 s"
        time.sleep(0.001)


def drain(capturer: rustcam.Capturer) -> None:
    """Takes the first frame, and then frames until none has come for 150 ms."""
    capturer.get_latest_frame(SOON)
    try:
        while True:
            capturer.get_latest_frame(150)
    except rustcam.CaptureTimeout:
        pass
