"""Where the microseconds of one call go, on Xvfb: anatomy.py RESULT.json.

Calls are made by themselves and, in turns with that, with every system call and switch of both processes recorded,
which makes the stages of `timeline.py`; then with samples of where the processors are. That is repeated in rounds, all
calls in a random order in each, because machines are noisy. Needs perf, and the right to use it.
"""

from __future__ import annotations

import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import mean
from typing import Any, Callable, NamedTuple

import numpy as np
from limits import limits
from perf import recording, script
from race import colours
from raw_shm import RawShm
from record import machine, write
from timeline import events, stages, stretches

import rustcam
from desktops import Painter, XServer

WIDTH, HEIGHT = 1920, 1080
PART = WIDTH // 10, HEIGHT // 10
ROUNDS, WARM_UP, TURNS, FRAMES, SAMPLED = 10, 50, 2, 30, 200
TRACED = {
    "raw_syscalls:sys_enter": ["common_pid"],
    "raw_syscalls:sys_exit": ["common_pid"],
    "sched:sched_switch": ["prev_pid", "next_pid"],
}
RATE = 10_000  # samples per second
MOST = 12  # functions shown
SAMPLE = re.compile(r"^\s*(\d+)/\d+\s+(\d+)\.(\d{9}):\s+[0-9a-f]+ (.+) \((.+)\)$")

Spans = list[tuple[int, int]]


class Call(NamedTuple):
    """A call, what it is of, and how much of the screen changes before it."""

    name: str
    what: str
    open: Callable[[], AbstractContextManager[Any]]
    make: Callable[[Any], Any]
    changed: tuple[int, int]


def capturer() -> AbstractContextManager[rustcam.Capturer]:
    return rustcam.Capturer(backend="x11", cursor=False)


def raw() -> AbstractContextManager[RawShm]:
    return nullcontext(RawShm(os.environ["DISPLAY"], WIDTH, HEIGHT))


def bare(screen: RawShm) -> RawShm:
    screen.grab()
    return screen


ALL = "everything has changed"
CALLS = [
    Call("grab()", ALL, capturer, lambda screen: screen.grab(), (WIDTH, HEIGHT)),
    Call("XShmGetImage", ALL, raw, bare, (WIDTH, HEIGHT)),
    Call('grab(fmt="rgb")', ALL, capturer, lambda screen: screen.grab(fmt="rgb"), (WIDTH, HEIGHT)),
    Call("grab(copy=False)", "1 % has changed", capturer, lambda screen: screen.grab(copy=False), PART),
]


class Bench:
    """One call, again and again, and a screen that changes before each."""

    def __init__(self, call: Call, server: XServer, painter: Painter, screen: Any) -> None:
        self._call, self._painter, self._screen = call, painter, screen
        self._processes = os.getpid(), server.process.pid
        self._colours = colours()

    def run(self, count: int) -> Spans:
        """When each call began and ended."""
        spans = []
        for _ in range(count):
            self._painter.fill((0, 0, *self._call.changed), next(self._colours))
            start = time.monotonic_ns()
            image = self._call.make(self._screen)
            end = time.monotonic_ns()
            assert image is not None
            spans.append((start, end))
            del image
        return spans

    def stages(self) -> dict[str, Any]:
        """The mean of those calls that took neither very short nor very long, so that the stages add up."""
        alone: Spans = []
        traced: Spans = []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "perf.data"
            with recording(path, self._tracing()) as perf:
                for _ in range(TURNS):
                    alone += self.run(FRAMES)
                    with perf.enabled():
                        traced += self.run(FRAMES)
            told = sorted(events(script(path, "--fields", "pid,tid,time,event,trace")), key=lambda event: event.at)
        at = [event.at for event in told]
        usual = sorted(traced, key=lambda span: span[1] - span[0])[len(traced) // 4 : -len(traced) // 4]
        found = []
        for start, end in usual:
            between = told[np.searchsorted(at, start) : np.searchsorted(at, end, "right")]
            found.append(stages(stretches(between, *self._processes, start, end)))
        return {
            "alone_us": [(end - start) / 1000 for start, end in alone],
            "traced_us": [(end - start) / 1000 for start, end in traced],
            "stages": {
                name: {
                    "us": sum(one[name].length for one in found) / len(found) / 1000,
                    "events": sum(one[name].events for one in found) / len(found),
                }
                for name in found[0]
            },
        }

    def _tracing(self) -> list[str]:
        """Every system call of both processes, and every switch to them or from them, whoever is at the other end."""
        options = ["--all-cpus"]
        for event, fields in TRACED.items():
            terms = [f"{field}=={process}" for field in fields for process in self._processes]
            options += ["--event", event, "--filter", "||".join(terms)]
        return options

    def functions(self) -> Counter[tuple[str, str, str]]:
        """Who had the processors during the calls: how many samples."""
        options = ["--event", "cpu-clock", "--freq", str(RATE), "--pid", ",".join(map(str, self._processes))]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "perf.data"
            with recording(path, options) as perf, perf.enabled():
                spans = self.run(SAMPLED)
            lines = script(path, "--fields", "pid,tid,time,ip,sym,dso")
        starts = [start for start, _ in spans]
        names = dict(zip(self._processes, ("capture", "X server")))
        counts: Counter[tuple[str, str, str]] = Counter()
        for line in lines:
            if found := SAMPLE.match(line):
                pid, seconds, fraction, function, library = found.groups()
                at = int(seconds) * 10**9 + int(fraction)
                place = int(np.searchsorted(starts, at)) - 1
                if place >= 0 and at <= spans[place][1]:
                    counts[names[int(pid)], named(library), function] += 1
        return counts


class Findings:
    """What all rounds found out about a call."""

    def __init__(self) -> None:
        self._rounds: list[dict[str, Any]] = []
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, bench: Bench) -> None:
        bench.run(WARM_UP)
        self._rounds.append(bench.stages())
        self._counts += bench.functions()

    def told(self) -> dict[str, Any]:
        total = sum(self._counts.values())
        means = {
            name: {what: mean(one["stages"][name][what] for one in self._rounds) for what in stage}
            for name, stage in self._rounds[0]["stages"].items()
        }
        times = {name: [us for one in self._rounds for us in one[name]] for name in ("alone_us", "traced_us")}
        functions = [[*where, count / total] for where, count in self._counts.most_common(MOST)]
        return {**times, "stages": means, "samples": total, "functions": functions}


def named(library: str) -> str:
    """Without the place where it is."""
    return "kernel" if "kernel" in library or library == "[vdso]" else Path(library).name


def main() -> int:
    server = XServer(WIDTH, HEIGHT)
    os.environ["DISPLAY"] = server.display
    painter = Painter(server.display)
    try:
        found = {call: Findings() for call in CALLS}
        for _ in range(ROUNDS):
            for call in random.sample(CALLS, len(CALLS)):
                with call.open() as screen:
                    found[call].add(Bench(call, server, painter, screen))
        calls = [{"call": call.name, "what": call.what, **findings.told()} for call, findings in found.items()]
        reached = limits(server.display, WIDTH, HEIGHT, PART[0] * PART[1] * 4)
    finally:
        painter.close()
        server.stop()
    versions = {"rustcam": rustcam.__version__, "cpu_path": rustcam._rustcam._cpu_path}
    screen_size = f"{WIDTH}x{HEIGHT}"
    result = {"machine": {**machine(), **versions}, "screen": screen_size, "calls": calls, "limits_us": reached}
    write(Path(sys.argv[1]), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
