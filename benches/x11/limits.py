"""What nothing on this machine can beat."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

import numpy as np
from raw_shm import RawShm
from report.table import percentile

ATTEMPTS, ROUNDS = 5, 200


def limits(display: str, width: int, height: int, part: int) -> dict[str, float]:
    """Microseconds; `part` is the number of bytes of a small change."""
    # The processors that two processes happen to be on are seldom the same for long.
    found = [attempt(display, width, height, part) for _ in range(ATTEMPTS)]
    return {name: min(one[name] for one in found) for name in found[0]}


def attempt(display: str, width: int, height: int, part: int) -> dict[str, float]:
    raw = RawShm(display, width, height)
    # Four bytes read and three written for each pixel; a copy of seven rows in eight moves as many.
    drawn = raw.view()[: height * 7 // 8]
    kept = np.ones_like(drawn)
    with echo() as answer:
        return {
            "copy whole": copying(width * height * 4),
            "copy part": copying(part),
            "convert": best(lambda: np.copyto(kept, drawn), before=raw.grab),
            "round trip": best(raw.sync),
            "wake": best(answer) / 2,
        }


def best(call: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> float:
    """Microseconds of a call, as fast as the best tenth of them."""
    times = []
    for _ in range(ROUNDS):
        before()
        start = time.perf_counter()
        call()
        times.append(1e6 * (time.perf_counter() - start))
    return percentile(times, 10)


def copying(count: int) -> float:
    """Within memory that is in use already."""
    one, other = np.ones(count, np.uint8), np.ones(count, np.uint8)
    return best(lambda: np.copyto(one, other))


@contextmanager
def echo() -> Iterator[Callable[[], Any]]:
    """A process that sleeps until it is sent a byte, and sends it back."""
    (there, send), (receive, back) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.close(send)
        while byte := os.read(there, 1):
            os.write(back, byte)
        os._exit(0)
    try:
        yield lambda: (os.write(send, b"."), os.read(receive, 1))
    finally:
        os.close(send)
        os.waitpid(child, 0)
        for end in (there, receive, back):
            os.close(end)
