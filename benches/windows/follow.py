"""Follows a desktop of the laboratory with one camera, and keeps account of every frame.

The number of a frame is in its pixels, so what is counted is what was delivered, whatever the camera says about it.
"""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Optional

import numpy as np

from lab import Lab, frame_number

WIDTH, HEIGHT = 1920, 1080
# On a desktop that changes everywhere the laboratory paints the first 32 frames at a higher price.
WARM_UP = 0.2  # seconds
# Frames that are compared with the oracle, pixel by pixel, after the clock has stopped.
SAMPLES = 4
CHANNELS = {"bgra": (0, 1, 2), "bgr": (0, 1, 2), "rgb": (2, 1, 0)}

Take = Callable[[], Any]


class Account:
    """What the frames of one piece of work were."""

    def __init__(self, lab: Lab, hz: int, fmt: str, whole: bool) -> None:
        self._lab, self._hz, self._fmt, self._whole = lab, hz, fmt, whole
        self._numbers: list[int] = []
        self._before: Optional[tuple[int, Any]] = None
        self._samples: list[tuple[int, Any]] = []
        self.latencies: list[int] = []
        self.torn = self.changed = self.wrong = self.compared = 0

    def add(self, image: Any) -> int:
        """Takes in a frame that arrived just now, and looks once more at the one before."""
        now = self._lab.dll.lab_time_ms()
        number = frame_number(image)
        self.latencies.append(round(1000 * (now - 1000 * (number - 1) / self._hz)))
        self._numbers.append(number)
        self.torn += self._whole and frame_number(image, -4) != number
        if self._before is not None:
            # Memory that is not the caller's shows a later frame by now, or none.
            old, kept = self._before
            self.changed += frame_number(kept) != old or (self._whole and frame_number(kept, -4) != old)
        self._before = number, image
        if random.random() < len(self._numbers) ** -0.75:
            self._samples = [*self._samples[1 - SAMPLES :], (number, image)]
        return number

    def compare(self) -> None:
        """Compares the samples with the oracle. Its pictures cost time, so the clock must not run."""
        self.compared = len(self._samples)
        for number, image in self._samples:
            right = self._lab.oracle(number, WIDTH, HEIGHT)[: image.shape[0], : image.shape[1]]
            self.wrong += not same(image, right, self._fmt)

    def told(self) -> dict[str, Any]:
        return {
            "frames": len(self._numbers),
            "unique": len(set(self._numbers)),
            "torn": self.torn,
            "changed": self.changed,
            "wrong": self.wrong,
            "compared": self.compared,
            "latency_us": self.latencies,
        }


class Meter:
    """Time, processor time of the process, and what the laboratory counted, from its making on."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._counters = lab.counters()
        self._present = lab.dll.lab_present()
        self._cpu = time.process_time()
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    def told(self) -> dict[str, Any]:
        seconds = self.seconds
        cpu = time.process_time() - self._cpu
        presents = self._lab.dll.lab_present() - self._present
        counters = self._lab.counters()
        difference = {name: count - self._counters[name] for name, count in counters.items()}
        return {
            "seconds": round(seconds, 6),
            "presents": presents,
            "cpu_ms": round(1000 * cpu, 3),
            "lab_ms": round(difference["own_ns"] / 1e6, 3),
            "counters": {name: count for name, count in difference.items() if count},
        }


def same(image: Any, right: Any, fmt: str) -> bool:
    """Whether every pixel is that of the oracle. Its fourth channel is 255, others make it what they like."""
    return np.array_equal(image[..., :3], right[..., CHANNELS[fmt]])


def follow(
    lab: Lab,
    take: Take,
    seconds: float,
    *,
    hz: int,
    fmt: str,
    whole: bool = True,
    paced: bool = False,
    compare: bool = True,
) -> dict[str, Any]:
    """Takes frames one after the other, again at once if there was none: as the packages' own examples do.

    With `paced` it sleeps until something was presented and then takes one frame: what that costs without the wait.
    """
    warm_up(take)
    account, meter, number = Account(lab, hz, fmt, whole), Meter(lab), lab.dll.lab_present()
    while meter.seconds < seconds:
        if paced:
            until_present(lab, number, hz)
        image = take()
        if image is not None:
            number = account.add(image)
    told = meter.told()
    if compare:
        account.compare()
    return {**told, **account.told()}


def until_present(lab: Lab, number: int, hz: int) -> None:
    """Sleeps until a later frame than `number` is shown."""
    while lab.dll.lab_present() <= number:
        time.sleep(max(0.0, number / hz - lab.dll.lab_time_ms() / 1000))


def warm_up(take: Take) -> None:
    start = time.perf_counter()
    while time.perf_counter() - start < WARM_UP:
        take()
