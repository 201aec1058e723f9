"""Single calls on Xvfb, all contenders in turn: race.py WIDTH HEIGHT ROUNDS prints the samples as JSON.

Every round runs all contenders in a random order. Before each timed call, and outside of it, the screen is painted in a
colour that was not there before, so that nothing can be answered from memory.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Callable

import cv2
import mss
import numpy as np
from raw_shm import RawShm

import rustcam
from desktops import Painter, XServer

WARM_UP = 10
REGION = (640, 360, 1280, 720)
LIMIT = 120  # seconds for one heat

Contender = tuple[Callable[[], None], Callable[[], Any]]
Samples = dict[str, dict[str, list[float]]]


def race(width: int, height: int, rounds: int, heats: int) -> Samples:
    """All samples of all contenders; each heat in a process and on a server of its own."""
    together: Samples = {}
    for _ in range(heats):
        command = [sys.executable, __file__, str(width), str(height), str(rounds)]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT).stdout
        for name, samples in json.loads(told).items():
            for what, values in samples.items():
                together.setdefault(name, {}).setdefault(what, []).extend(values)
    return together


def heat(width: int, height: int, rounds: int) -> Samples:
    server = XServer(width, height)
    os.environ["DISPLAY"] = server.display
    painter = Painter(server.display)
    try:
        with ExitStack() as stack:
            field = contenders(server.display, width, height, painter, stack)
            samples: Samples = {name: {"wall_ms": [], "cpu_ms": []} for name in field}
            for turn in range(WARM_UP + rounds):
                for name in random.sample(list(field), len(field)):
                    wall, cpu = timed(field[name])
                    if turn >= WARM_UP:
                        samples[name]["wall_ms"].append(wall)
                        samples[name]["cpu_ms"].append(cpu)
            return samples
    finally:
        painter.close()
        server.stop()


def contenders(display: str, width: int, height: int, painter: Painter, stack: ExitStack) -> dict[str, Contender]:
    """Name -> what happens before the clock starts, and the timed call."""
    colour = colours()

    def screen(**options: Any) -> rustcam.Capturer:
        return stack.enter_context(rustcam.Capturer(backend="x11", cursor=False, **options))

    def all_changed() -> None:
        painter.fill((0, 0, width, height), next(colour))

    owned, bgr, rgb, part, borrowed, little, still = (screen() for _ in range(7))
    sct = stack.enter_context(mss.MSS(display=display))
    monitor = sct.monitors[1]
    raw = RawShm(display, width, height)

    def little_changed() -> None:
        little.grab(0, copy=False)
        painter.fill((0, 0, width // 10, height // 10), next(colour))

    def nothing_changed() -> None:
        still.grab(0)

    def mss_bgra() -> Any:
        return np.asarray(sct.grab(monitor))

    return {
        "raw": (all_changed, raw.grab),
        "mss bgra": (all_changed, mss_bgra),
        "mss rgb": (all_changed, lambda: np.ascontiguousarray(mss_bgra()[:, :, 2::-1])),
        "mss rgb opencv": (all_changed, lambda: cv2.cvtColor(mss_bgra(), cv2.COLOR_BGRA2RGB)),
        "rustcam bgra": (all_changed, owned.grab),
        "rustcam bgr": (all_changed, lambda: bgr.grab(fmt="bgr")),
        "rustcam rgb": (all_changed, lambda: rgb.grab(fmt="rgb")),
        "rustcam region": (all_changed, lambda: part.grab(region=REGION)),
        "rustcam borrowed": (all_changed, lambda: borrowed.grab(copy=False)),
        "rustcam little": (little_changed, lambda: little.grab(copy=False)),
        "rustcam static": (nothing_changed, lambda: still.grab(0)),
    }


def colours() -> Iterator[int]:
    """Colours that never repeat within a run."""
    value = 0
    while True:
        value = (value + 0x9E3779) & 0xFFFFFF
        yield value


def timed(contender: Contender) -> tuple[float, float]:
    """Wall and CPU milliseconds of one call."""
    prepare, call = contender
    prepare()
    cpu, start = time.process_time(), time.perf_counter()
    result = call()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    del result
    return 1000 * seconds, 1000 * cpu


if __name__ == "__main__":
    print(json.dumps(heat(*map(int, sys.argv[1:]))))
