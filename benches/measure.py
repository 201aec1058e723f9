"""One contender in a process of its own: measure.py DESKTOP PLACE CONTENDER SECONDS WORKLOAD...

Prints a line for each workload. The PLACE is the process of the X server that `DISPLAY` names, or the lab's DLL.
Runs in Windows CPython, too.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np

# An embedded interpreter does not look beside the script by itself.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benches.contenders import MATRIX, Opened, Workload, workload
from benches.run import quantile

ON_LINUX = sys.platform == "linux"
# Where the number of a frame is in its pixels: 64 bits of so many pixels each, see docs/sim.md.
BLOCK = 8
SAMPLES = 2  # frames kept for a comparison, pixel by pixel, after the clock has stopped
PATIENCE = 3.0  # seconds for the frames of the warm-up


def frame_number(image: Any, y: int = 4) -> int:
    bits = image[y, BLOCK // 2 : 64 * BLOCK : BLOCK, 1] >= 128
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


class Account:
    """Counts the frames that a contender delivered, by the number in their pixels, whatever the contender says of them.

    `now` is the clock of the presents, in milliseconds. Frames that are not `numbered` are only counted. `whole`: their
    last rows are in view. `owned`: an image has to stay as it is.
    """

    def __init__(self, now: Callable[[], float], numbered: bool = True, whole: bool = True, owned: bool = True) -> None:
        self._now, self._numbered, self._whole, self._owned = now, numbered, whole, owned
        # Wine's clock of a thread is too coarse for a few microseconds.
        self._cpu = time.thread_time if ON_LINUX else lambda: 0.0
        self._before: Optional[tuple[int, Any]] = None
        self.samples: list[tuple[int, Any]] = []
        self.newest = 0
        self.begin()

    def begin(self) -> None:
        """Counts from here on. Images from before are still held: as many as later, in memory that is in use."""
        self._arrivals: list[tuple[int, float]] = []
        self.frames = self.torn = self.changed = 0
        # What counting costs the processor.
        self.cpu_ms = 0.0

    def add(self, image: Any) -> None:
        """Counts a frame that arrived just now, and checks the one before once more."""
        now, cpu = self._now(), self._cpu()
        self.frames += 1
        if not self._numbered:
            return
        number = frame_number(image)
        self._arrivals.append((number, now))
        self.torn += self._whole and frame_number(image, -4) != number
        if self._owned and self._before is not None:
            # If its memory was used again, it shows another frame by now.
            old, kept = self._before
            self.changed += frame_number(kept) != old or (self._whole and frame_number(kept, -4) != old)
        self._before = number, image
        if random.random() < self.frames**-0.75:
            self.samples = [*self.samples[1 - SAMPLES :], (number, image)]
        self.newest = max(self.newest, number)
        self.cpu_ms += 1000 * (self._cpu() - cpu)

    def summary(self, presented: Callable[[int], float]) -> dict[str, float]:
        """New frames, others, and how long it took from present to array; `presented` says when a frame was shown."""
        if not self._numbered:
            return {"frames": self.frames, "faults": 0}
        new = len({number for number, _ in self._arrivals})
        latencies = [now - presented(number) for number, now in self._arrivals] or [0.0]
        quantiles = {f"p{percent}_ms": quantile(latencies, percent) for percent in (50, 95, 99)}
        return {"frames": new, "repeated": self.frames - new, "faults": self.torn + self.changed, **quantiles}


@contextmanager
def beside(seconds: float, apart: bool = False) -> Iterator[dict[str, float]]:
    """Runs a loop in another thread, for some seconds alone and then beside a block; fills in at the end how fast.

    It never waits but for the GIL. `apart`: on a processor of its own, because in one queue it and this thread would
    hide each other's work.
    """
    turns, over = 0, False

    def spin() -> None:
        nonlocal turns
        while not over:
            turns += 1

    def state() -> tuple[float, int, float]:
        """The time, its turns, and the seconds in which it neither ran nor stood in the queue of its processor."""
        now, waited = time.perf_counter(), 0.0
        if ON_LINUX and loop.ident:
            ran = time.clock_gettime(time.pthread_getcpuclockid(loop.ident))
            queued = Path(f"/proc/self/task/{loop.native_id}/schedstat").read_text(encoding="ascii").split()[1]
            waited = now - ran - int(queued) / 1e9
        return now, turns, waited

    loop, found = threading.Thread(target=spin), dict[str, float]()
    loop.start()
    processors = os.sched_getaffinity(0) if ON_LINUX and apart else set()
    if len(processors) > 1 and loop.native_id:
        os.sched_setaffinity(loop.native_id, {max(processors)})
        os.sched_setaffinity(0, processors - {max(processors)})
    try:
        began = state()
        time.sleep(seconds)
        alone = state()
        yield found
        end = state()
    finally:
        over = True
        loop.join()
        if processors:
            os.sched_setaffinity(0, processors)
    found["alone"] = (alone[1] - began[1]) / (alone[0] - began[0])
    found["beside"] = (end[1] - alone[1]) / (end[0] - alone[0])
    found["waited_ms"] = 1000 * (end[2] - alone[2])


def measure(desktop: Any, open_it: Callable[[Workload], Opened], work: Workload, seconds: float) -> dict[str, float]:
    """`desktop` is that of `x11.py` or `lab.py`."""
    desktop.show(work)
    opened = open_it(work)
    account = Account(desktop.now, work.numbered, not work.region, opened.owned)
    warm_up(opened.grab, account, desktop.WARM_UP_SECONDS, desktop.WARM_UP_FRAMES if work.numbered else 0)
    with beside(seconds / 2, apart=True) if work.way == "beside" else nullcontext({}) as others:
        before = desktop.presents(account.newest) if work.numbered else 0
        account.begin()
        desktop.peaks(opened)
        counted, start = desktop.counters(opened), time.perf_counter()
        due, called = start, 0.0
        while (now := time.perf_counter()) - start < seconds:
            if work.way == "paced":
                desktop.wait(account.newest)
            elif opened.polled:
                # A contender that returns at once, new or not, is called as often as there are presents.
                due = max(due + 1 / work.hz, now - 1 / work.hz)
                time.sleep(max(0.0, due - now))
            image = None  # With `copy=False` a view is updated in place only after it was dropped.
            call = time.perf_counter()
            image = opened.grab()
            called += time.perf_counter() - call
            if image is not None:
                account.add(image)
        found = {"seconds": time.perf_counter() - start, "call_ms": 1000 * called}
        found.update({name: value - counted[name] for name, value in desktop.counters(opened).items()})
        found.update(desktop.peaks(opened))
    found["cpu_ms"] -= account.cpu_ms
    if work.numbered:
        found["presents"] = desktop.presents(account.newest) - before
    found.update(others, **account.summary(desktop.presented))
    # Comparisons take time, so they come after the clock has stopped.
    found["faults"] += desktop.wrong(opened, work, account.samples or [(0, image)])
    opened.close()
    return found


def warm_up(grab: Callable[[], Any], account: Account, seconds: float, frames: int) -> None:
    """With frames that are not counted, so that the memory of later ones is in use already: fresh memory costs time."""
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds or (account.frames < frames and passed < PATIENCE):
        image = grab()
        if image is not None:
            account.add(image)


def main() -> None:
    kind, place, name, seconds, *names = sys.argv[1:]
    open_it, _ = MATRIX[kind][name]
    works = [workload(name) for name in names]
    with import_module("benches.x11" if kind == "x11" else "benches.lab").desktop(place) as desktop:
        # The first workload of a process also pays for its initialisation.
        measure(desktop, open_it, works[0], float(seconds))
        for work in random.sample(works, len(works)):
            print(json.dumps([work.name, name, measure(desktop, open_it, work, float(seconds))]), flush=True)
    # This skips the destructors of the packages, some of which crash.
    os._exit(0)


if __name__ == "__main__":
    main()
