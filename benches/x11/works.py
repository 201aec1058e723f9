"""Pieces of work of one contender, in a process of its own: works.py CONTENDER SERVER SECONDS WORK...

A server is DISPLAY,PID,WIDTH,HEIGHT. A work is a content, at sixty presents a second or CONTENT@HZ. With `paced:`
before it every grab follows a present at once, with `beside:` a loop in Python runs beside the grabs. Prints one line
of JSON per piece of work.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Callable

import numpy as np
from account import Account
from gil import loop
from meter import Meter
from presents import Presents, stimulus
from screens import SCREENS, Clocked
from stimulus import BITS, BLOCK, ROWS, colour

HZ = 60
WARM_UP = 0.1  # seconds
IDLE = ("static", "pointer")

Take = Callable[[], Any]


def now() -> float:
    return 1000 * time.monotonic()


class Stage:
    """One contender before one server, for some seconds each time."""

    def __init__(self, name: str, server: str, seconds: float, presents: Presents) -> None:
        display, pid, *size = server.split(",")
        self._open = lambda: SCREENS[name](display, tuple(map(int, size)))
        self._server, self.screen, self._seconds = int(pid), "x".join(size), seconds
        self._presents = presents

    def play(self, work: str) -> dict[str, Any]:
        """The account of a piece of work."""
        way, _, content = work.rpartition(":")
        kind, _, hz = content.partition("@")
        beat = float(hz or HZ)
        self._presents.begin(kind, beat)
        opened = self._open()
        take = opened.grab if opened.waits or way == "paced" else Clocked(opened, beat).grab
        account = Account(now)
        warm_up(take, account)
        if way == "beside":
            told = self._beside(opened, take)
        elif kind in IDLE:
            told = self._idle(opened, take)
        else:
            told = self._follow(opened, take, account, kind, way == "paced")
        opened.close()
        kept = way or ("idle" if kind in IDLE else "free")
        return {"work": kept, "content": content, "screen": self.screen, **told}

    def _meter(self, opened: Any) -> Meter:
        return Meter(self._server, opened.child)

    def _follow(self, opened: Any, take: Take, account: Account, kind: str, paced: bool) -> dict[str, Any]:
        presents = self._presents
        presents.follow(account.newest)
        first = presents.newest
        account.begin()
        meter = self._meter(opened)
        while meter.seconds < self._seconds:
            if paced:
                presents.read()
            image = take()
            if image is not None:
                account.add(image)
        told = meter.told()
        told["cpu_ms"] = round(told["cpu_ms"] - account.cpu_ms, 3)
        presents.follow(account.newest)
        told["presents"] = presents.newest - first
        told.update(account.told(presents.times.__getitem__))
        if not opened.owned:
            del told["changed"]
        elif kind == "full":
            told["wrong"] = sum(not exact(number, image, opened.fmt) for number, image in account.samples)
        return told

    def _idle(self, opened: Any, take: Take) -> dict[str, Any]:
        """Nothing changes but perhaps the pointer, which is not drawn."""
        meter, frames = self._meter(opened), 0
        while meter.seconds < self._seconds:
            frames += take() is not None
        return {"frames": frames, **meter.told()}

    def _beside(self, opened: Any, take: Take) -> dict[str, Any]:
        """Another thread runs a loop in Python."""
        with loop() as other:
            meter, frames = self._meter(opened), 0
            while meter.seconds < self._seconds:
                frames += take() is not None
            told = meter.told()
        return {"frames": frames, **told, "waited_ms": round(1000 * other.waited, 3)}


def warm_up(take: Take, account: Account) -> None:
    start = time.monotonic()
    while time.monotonic() - start < WARM_UP:
        image = take()
        if image is not None:
            account.add(image)


def exact(number: int, image: Any, fmt: str) -> bool:
    """Whether a picture of the full content shows its colour wherever the number is not."""
    value = colour(number)
    bgr = [value >> shift & 255 for shift in (0, 8, 16)]
    right = bgr if fmt == "bgra" else bgr[::-1]
    parts = (image[ROWS:-ROWS], image[:ROWS, BITS * BLOCK :], image[-ROWS:, BITS * BLOCK :])
    return all(bool((part[..., :3] == np.array(right, np.uint8)).all()) for part in parts)


def main() -> None:
    name, server, seconds, *works = sys.argv[1:]
    display = server.partition(",")[0]
    os.environ["DISPLAY"] = display
    with stimulus(display) as presents:
        stage = Stage(name, server, float(seconds), presents)
        for work in works:
            print(json.dumps(stage.play(work)), flush=True)


if __name__ == "__main__":
    main()
