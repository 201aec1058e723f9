"""Follows a desktop of the laboratory with one camera."""

from __future__ import annotations

import time
from typing import Any, Callable, Optional

import numpy as np
from account import Account

from lab import Lab

WIDTH, HEIGHT = 1920, 1080
WARM_UP, FRAMES = 0.3, 24  # at least so many seconds and, if there are any, frames
PATIENCE = 3.0  # seconds for so many frames
CHANNELS = {"bgra": (0, 1, 2), "bgr": (0, 1, 2), "rgb": (2, 1, 0)}

Take = Callable[[], Any]


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
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> dict[str, Any]:
    """Takes frames one after the other, again at once if there was none: as the packages' own examples do.

    With `paced` it sleeps until something was presented and then takes one frame: what that costs without the wait.
    """
    account = Account(lab.dll.lab_time_ms, whole)
    warm_up(take, account)
    account.begin()
    meter, number = Meter(lab), lab.dll.lab_present()
    while meter.seconds < seconds:
        if paced:
            until_present(lab, number, hz)
        image = take()
        if image is not None:
            number = account.add(image)
    told = {**meter.told(), **account.told(lambda number: 1000 * (number - 1) / hz)}
    # Pictures of the oracle cost time: only now that the clock has stopped.
    samples = account.samples if compare else []
    wrong = sum(not same(image, lab.oracle(number, *size), fmt) for number, image in samples)
    return {**told, "compared": len(samples), "wrong": wrong}


def same(image: Any, right: Any, fmt: str) -> bool:
    """Whether every pixel is that of the oracle's picture, as far as the image goes. Alpha is nobody's business."""
    height, width, _ = image.shape
    return np.array_equal(image[..., :3], right[:height, :width, CHANNELS[fmt]])


def until_present(lab: Lab, number: int, hz: int) -> None:
    """Sleeps until a later frame than `number` is shown."""
    while lab.dll.lab_present() <= number:
        time.sleep(max(0.0, number / hz - lab.dll.lab_time_ms() / 1000))


def warm_up(take: Take, account: Optional[Account] = None) -> None:
    """Takes frames that are not counted. With an account as many of them are kept as later: fresh memory costs time."""
    start, frames = time.perf_counter(), 0 if account else FRAMES
    while (passed := time.perf_counter() - start) < WARM_UP or (frames < FRAMES and passed < PATIENCE):
        image = take()
        if image is not None and account is not None:
            account.add(image)
            frames += 1
