"""Pieces of work of one contender, in a process of its own: works.py CONTENDER SERVER SECONDS WORK...

A server is DISPLAY,PID,WIDTH,HEIGHT, a work a content, or `paced:` and a content: then every grab follows a present at
once. Prints one line of JSON per piece of work.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from account import Account, frame_number
from screens import SCREENS, Clocked
from stimulus import BITS, BLOCK, PRESENT, ROWS, colour

HZ = 60
WARM_UP = 0.15  # seconds
IDLE = ("static", "pointer")
TICK = os.sysconf("SC_CLK_TCK")


def now() -> float:
    return 1000 * time.monotonic()


def cpu_ms(pid: int) -> float:
    """Processor time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / TICK


class Meter:
    """Time and processor time of this process, its child and the server."""

    def __init__(self, server: int, child: Any) -> None:
        self._server, self._child = server, child
        self._before = self._used()
        self._start = time.monotonic()

    def _used(self) -> tuple[float, float, float]:
        return 1000 * time.process_time(), cpu_ms(self._child) if self._child else 0.0, cpu_ms(self._server)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def told(self) -> dict[str, Any]:
        seconds = self.seconds
        own, child, server = (after - before for before, after in zip(self._before, self._used()))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "seconds": round(seconds, 6),
            "cpu_ms": round(own + child, 3),
            "server_ms": round(server, 3),
            "peak_mib": round(peak / 1024, 1),
        }


class Presents:
    """What the stimulus told."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self.times: dict[int, float] = {}

    @property
    def newest(self) -> int:
        return max(self.times)

    def read(self) -> None:
        """Waits for one, and takes in those that came meanwhile."""
        data = os.read(self._pipe.fileno(), 1 << 16)
        if not data:
            raise OSError("the stimulus has ended")
        for number, seconds in PRESENT.iter_unpack(data):
            self.times[number] = 1000 * seconds

    def follow(self, number: int) -> None:
        """Takes in everything up to this frame: it may be here before the news of it."""
        self.read()
        while self.newest < number:
            self.read()


@contextmanager
def stimulus(display: str, content: str) -> Iterator[Presents]:
    script = Path(__file__).resolve().parent / "stimulus.py"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, str(script), display, content, str(HZ)], **pipes) as process:
        presents = Presents(process.stdout)
        try:
            presents.read()
            yield presents
        finally:
            process.kill()


def follow(name: str, server: list[str], seconds: float, content: str, paced: bool) -> dict[str, Any]:
    display, pid, *size = server
    with stimulus(display, content) as presents:
        opened = SCREENS[name](display, tuple(map(int, size)))
        take = opened.grab if opened.waits or paced else Clocked(opened).grab
        start, newest = time.monotonic(), 0
        while time.monotonic() - start < WARM_UP:
            image = take()
            if image is not None:
                newest = max(newest, frame_number(image))
        presents.follow(newest)
        first = newest = presents.newest
        account, meter = Account(now), Meter(int(pid), opened.child)
        accounting = 0.0
        while meter.seconds < seconds:
            if paced:
                presents.read()
            image = take()
            if image is not None:
                begun = time.thread_time()
                newest = max(newest, account.add(image))
                accounting += time.thread_time() - begun
        told = meter.told()
        told["cpu_ms"] = round(told["cpu_ms"] - 1000 * accounting, 3)
        presents.follow(newest)
        opened.close()
    told["presents"] = presents.newest - first
    told.update(account.told(presents.times.__getitem__))
    if not opened.owned:
        del told["changed"]
    elif content == "full":
        told["wrong"] = sum(not exact(number, image, opened.fmt) for number, image in account.samples)
    work = "paced" if paced else "free"
    return {"work": work, "content": content, "screen": "x".join(size), **told}


def exact(number: int, image: Any, fmt: str) -> bool:
    """Whether a picture of the full content shows its colour wherever the number is not."""
    value = colour(number)
    bgr = [value >> shift & 255 for shift in (0, 8, 16)]
    right = bgr if fmt == "bgra" else bgr[::-1]
    parts = (image[ROWS:-ROWS], image[:ROWS, BITS * BLOCK :], image[-ROWS:, BITS * BLOCK :])
    return all(bool((part[..., :3] == np.array(right, np.uint8)).all()) for part in parts)


def idle(name: str, server: list[str], seconds: float, content: str) -> dict[str, Any]:
    """Nothing changes but perhaps the pointer, which is not drawn."""
    display, pid, *size = server
    with stimulus(display, content):
        opened = SCREENS[name](display, tuple(map(int, size)))
        take = opened.grab if opened.waits else Clocked(opened).grab
        start = time.monotonic()
        while time.monotonic() - start < WARM_UP:
            take()
        meter, frames = Meter(int(pid), opened.child), 0
        while meter.seconds < seconds:
            frames += take() is not None
        told = meter.told()
        opened.close()
    return {"work": "idle", "content": content, "screen": "x".join(size), "frames": frames, **told}


def main() -> None:
    name, server, seconds, *works = sys.argv[1:]
    place = server.split(",")
    os.environ["DISPLAY"] = place[0]
    for work in works:
        paced, _, content = work.rpartition(":")
        if content in IDLE:
            told = idle(name, place, float(seconds), content)
        else:
            told = follow(name, place, float(seconds), content, bool(paced))
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
