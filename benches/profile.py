"""Where the time of one call goes, on Xvfb, and what it asks of the kernel: profile.py RESULT.json.

Every call is made by itself, and then with every system call and switch of both processes recorded. Needs perf, and
the right to use it. ROUNDS in the environment makes it shorter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

import rustcam

from . import x11
from .calls import Call, Screen
from .contenders import FULL_HD, workload
from .raw_shm import RawShm
from .run import Line, Results, machine, quantile
from .trace import counts, events, longest

ROUNDS = int(os.environ.get("ROUNDS", "10"))
WARM_UP, FRAMES, ATTEMPTS = 50, 60, 200
CALLS = ("rustcam bgra", "raw", "rustcam rgb", "rustcam little")
WAITING = "rustcam bgra, waiting"
MEASURED = ("draw_us", "pass_us", "calls", "writes", "sleeps", "server_calls", "server_writes", "server_sleeps")
TRACED = {
    "raw_syscalls:sys_enter": ["common_pid"],
    "raw_syscalls:sys_exit": ["common_pid"],
    "sched:sched_switch": ["prev_pid", "next_pid"],
}


@contextmanager
def recording(path: Path, *processes: int) -> Iterator[None]:
    """Of every system call of these processes, and every switch to them or from them, by the monotonic clock."""
    command = ["perf", "record", "--quiet", "--clockid", "CLOCK_MONOTONIC", "--output", str(path), "--all-cpus"]
    for event, fields in TRACED.items():
        terms = [f"{field}=={process}" for field in fields for process in processes]
        command += ["--event", event, "--filter", "||".join(terms)]
    (commands, control), (answers, acknowledge) = os.pipe(), os.pipe()
    command += ["--control", f"fd:{commands},{acknowledge}"]
    with subprocess.Popen(command, pass_fds=[commands, acknowledge]):
        os.close(commands)
        os.close(acknowledge)
        with os.fdopen(control, "wb", buffering=0) as orders, os.fdopen(answers, "rb") as answered:
            for order in (b"ping\n", b"stop\n"):
                orders.write(order)
                if not answered.readline():
                    raise OSError("perf has ended; run as root, or set kernel.perf_event_paranoid to -1")
                if order == b"ping\n":
                    yield


def spans(call: Call, count: int) -> list[tuple[int, int]]:
    """When each call began and ended."""
    prepare, make = call
    found = []
    for _ in range(count):
        prepare()
        start = time.monotonic_ns()
        result = make()
        found.append((start, time.monotonic_ns()))
        del result
    return found


def traced(name: str, call: Call, ours: int, server: int) -> Iterator[Line]:
    """Means over the middle half of the calls. The longest computation of the server is the drawing."""
    spans(call, WARM_UP)
    alone = [(end - start) / 1000 for start, end in spans(call, FRAMES)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "perf.data"
        with recording(path, ours, server):
            recorded = spans(call, FRAMES)
        script = ["perf", "script", "--input", str(path), "--ns", "--fields", "pid,tid,time,event,trace"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        seen = sorted(events(subprocess.run(script, check=True, text=True, **pipes).stdout.splitlines()))
    at, rows = [event.at for event in seen], []
    for start, end in sorted(recorded, key=lambda span: span[1] - span[0])[FRAMES // 4 : -FRAMES // 4]:
        inside = seen[bisect_left(at, start) : bisect_right(at, end)]
        draw = longest(inside, server, start, end, on=False)
        after = longest(inside, ours, draw[1], end, on=False)
        times = [(until - since) / 1000 for since, until in (draw, after)]
        rows.append([*times, *counts(inside, ours), *counts(inside, server)])
    yield "calls", name, {"us": alone, **dict(zip(MEASURED, map(mean, zip(*rows))))}


def waiting(name: str, call: Call, ours: int, server: int) -> Iterator[Line]:
    """Sixty presents a second, so that every call waits for one."""
    with x11.desktop(str(server)) as desktop:
        desktop.show(workload("1920x1080 full@60 bgra free"))
        yield from traced(name, (lambda: None, call[1]), ours, server)


def limits() -> Iterator[Line]:
    """What nothing on this machine can beat, in microseconds: the best tenth of all attempts."""
    raw, size = RawShm(*FULL_HD), FULL_HD[0] * FULL_HD[1] * 4
    # Four bytes read and three written for each pixel; a copy of seven rows in eight moves as many.
    drawn = raw.view()[: FULL_HD[1] * 7 // 8]
    whole, part = np.ones(size, np.uint8), np.ones(size // 100, np.uint8)
    calls: dict[str, Call] = {
        "copy whole": (lambda: None, partial(np.copyto, np.ones_like(whole), whole)),
        "copy part": (lambda: None, partial(np.copyto, np.ones_like(part), part)),
        "convert": (raw.grab, partial(np.copyto, np.ones_like(drawn), drawn)),
        "round trip": (lambda: None, raw.sync),
    }
    for name, call in calls.items():
        yield "limits", name, {"us": quantile([end - start for start, end in spans(call, ATTEMPTS)], 10) / 1000}


def main() -> None:
    results = Results(machine(rustcam=rustcam.__version__, cpu_path=rustcam._rustcam._cpu_path), {})
    with ExitStack() as stack:
        screen = Screen(FULL_HD, stack)
        calls, processes = screen.calls(), (os.getpid(), screen.server.process.pid)
        parts = {name: partial(traced, name, calls[name], *processes) for name in CALLS}
        parts[WAITING] = partial(waiting, WAITING, calls["rustcam bgra"], *processes)
        results.run(ROUNDS, {**parts, "limits": limits})
    results.write(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
