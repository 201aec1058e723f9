"""How tests read a stream of frames."""

from __future__ import annotations

import time
from typing import Callable

import numpy as np
import numpy.typing as npt

import rustcam

SOON = 5000  # milliseconds in which a busy machine delivers a frame that is on its way


def frame_number(image: npt.NDArray[np.uint8]) -> int:
    """The number that the simulated desktop writes into its picture, see docs/sim.md."""
    block = max(1, min(8, image.shape[1] // 64))
    bits = image[4, block // 2 : 64 * block : block, 1] >= 128
    return int("".join(str(int(bit)) for bit in bits), 2)


def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds."""
    deadline = time.perf_counter() + 10
    while not condition():
        assert time.perf_counter() < deadline, "it never came true"
        time.sleep(0.001)


def drained(capturer: rustcam.Capturer) -> None:
    """Takes the screen as it is, and then what there is until nothing has come for a while."""
    capturer.get_latest_frame(SOON)
    try:
        while True:
            capturer.get_latest_frame(150)
    except rustcam.CaptureTimeout:
        pass
