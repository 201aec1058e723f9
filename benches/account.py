"""Keeps account of every frame that a contender delivered.

The number of a frame is in its pixels, so what is counted is what was delivered, whatever the contender says about it.
Runs on Linux and in Windows CPython.
"""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Optional

import numpy as np

# Where the number of a frame is: 64 bits of so many pixels each, see docs/sim.md.
BLOCK = 8
# Frames kept for a comparison, pixel by pixel, after the clock has stopped.
SAMPLES = 2


def frame_number(image: Any, y: int = 4) -> int:
    bits = image[y, BLOCK // 2 : 64 * BLOCK : BLOCK, 1] >= 128
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


class Account:
    """What the frames of one piece of work were. `now` is the clock of the presents, in milliseconds."""

    def __init__(self, now: Callable[[], float], whole: bool = True) -> None:
        self._now, self._whole = now, whole
        self._before: Optional[tuple[int, Any]] = None
        self.samples: list[tuple[int, Any]] = []
        self.newest = 0
        self.begin()

    def begin(self) -> None:
        """Counts from here on. Whoever keeps images from before goes on to keep as many, in memory that is in use."""
        self._arrivals: list[tuple[int, float]] = []
        self._torn = self._changed = 0
        # Milliseconds of processor time that keeping this account has cost.
        self.cpu_ms = 0.0

    def add(self, image: Any) -> int:
        """Takes in a frame that arrived just now, and looks once more at the one before."""
        now, cpu = self._now(), time.thread_time()
        number = frame_number(image)
        self._arrivals.append((number, now))
        self._torn += self._whole and frame_number(image, -4) != number
        if self._before is not None:
            # Memory that is not the caller's shows a later frame by now, or none.
            old, kept = self._before
            self._changed += frame_number(kept) != old or (self._whole and frame_number(kept, -4) != old)
        self._before = number, image
        if random.random() < len(self._arrivals) ** -0.75:
            self.samples = [*self.samples[1 - SAMPLES :], (number, image)]
        self.newest = max(self.newest, number)
        self.cpu_ms += 1000 * (time.thread_time() - cpu)
        return number

    def told(self, presented: Callable[[int], float]) -> dict[str, Any]:
        """The account; `presented` says when a frame was."""
        numbers = [number for number, _ in self._arrivals]
        return {
            "frames": len(numbers),
            "unique": len(set(numbers)),
            "torn": self._torn,
            "changed": self._changed,
            "latency_us": [round(1000 * (now - presented(number))) for number, now in self._arrivals],
        }
