"""What the kernel saw processes do, as `perf script` prints it."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# 1234/1234 5678.901234567: raw_syscalls:sys_enter: NR 46 (...)
LINE = re.compile(r"^\s*(\d+)/(\d+)\s+(\d+)\.(\d{9}):\s+\w+:(\w+): (?:NR (\d+))?(.*)")
SWITCH = re.compile(r"prev_pid=(\d+) .* next_pid=(\d+) ")
# write, writev, sendto, sendmsg
WRITES = {"x86_64": (1, 20, 44, 46), "aarch64": (64, 66, 206, 211)}.get(platform.machine(), ())


class Event(NamedTuple):
    """A process enters or leaves a system call, or comes on or goes off a processor."""

    at: int  # nanoseconds
    process: int
    what: str
    call: int = -1  # number of the system call


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Of `perf script`; only those of main threads, which do the work of both processes."""
    for line in lines:
        if not (found := LINE.match(line)):
            continue
        process, thread, seconds, fraction, kind, call, details = found.groups()
        at = int(seconds) * 10**9 + int(fraction)
        if kind == "sched_switch":
            if pids := SWITCH.search(details):
                yield Event(at, int(pids[1]), "off")
                yield Event(at, int(pids[2]), "on")
        elif process == thread:
            yield Event(at, int(process), "enter" if kind == "sys_enter" else "leave", int(call or -1))


def longest(found: Iterable[Event], process: int, start: int, end: int, on: bool = True) -> tuple[int, int]:
    """Between which moments a process computed for longest without a system call; whether it is `on` at the start."""
    since, system, best = start, not on, (end, end)
    for event in [*found, Event(end, process, "off")]:
        if event.process != process or not start <= event.at <= end:
            continue
        if on and not system and event.at - since > best[1] - best[0]:
            best = since, event.at
        since, on = event.at, event.what != "off"
        if event.what in ("enter", "leave"):
            system = event.what == "enter"
    return best


def counts(found: Iterable[Event], process: int) -> list[int]:
    """How often a process asked the kernel for something, wrote, and left its processor to wait or to give way."""
    own = [event for event in found if event.process == process]
    asked = [event.call for event in own if event.what == "enter"]
    return [len(asked), sum(call in WRITES for call in asked), sum(event.what == "off" for event in own)]
