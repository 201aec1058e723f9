"""Where the time of one call went: from what the kernel saw two processes do to stages.

At any moment either the capturing process runs, or else the server, or neither, because one of them is being woken. A
call is as long as the sum of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

OURS, SERVER, NOBODY = "ours", "server", "nobody"
CODE, SYSTEM = "code", "system"

# 1234/1234 5678.901234567: raw_syscalls:sys_enter: NR 46 (...)
LINE = re.compile(r"^\s*(\d+)/(\d+)\s+(\d+)\.(\d{9}):\s+\w+:(\w+): (.*)")
SWITCH = re.compile(r"prev_pid=(\d+) .* next_pid=(\d+) ")


@dataclass(frozen=True)
class Event:
    """A process enters or leaves a system call, or comes on or goes off a processor."""

    at: int  # nanoseconds
    process: int
    what: str


@dataclass
class State:
    """What a process does."""

    system: bool
    on: bool

    def take(self, what: str) -> None:
        if what in ("on", "off"):
            self.on = what == "on"
        else:
            self.on, self.system = True, what == "enter"


@dataclass(frozen=True)
class Stretch:
    """A time in which one of them did one thing."""

    who: str
    what: str
    start: int
    end: int
    events: int = 0  # that were recorded meanwhile

    @property
    def length(self) -> int:
        return self.end - self.start


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Of `perf script`; only those of main threads, which do the work of both processes."""
    for line in lines:
        if not (found := LINE.match(line)):
            continue
        process, thread, seconds, fraction, kind, details = found.groups()
        at = int(seconds) * 10**9 + int(fraction)
        if kind == "sched_switch":
            if pids := SWITCH.search(details):
                yield Event(at, int(pids[1]), "off")
                yield Event(at, int(pids[2]), "on")
        elif process == thread:
            yield Event(at, int(process), "enter" if kind == "sys_enter" else "leave")


def stretches(told: Sequence[Event], ours: int, server: int, start: int, end: int) -> list[Stretch]:
    """What happened from `start` to `end`, without a gap; at the start ours runs and the server waits for a request."""
    states = {ours: State(system=False, on=True), server: State(system=True, on=False)}
    found: list[Stretch] = []
    since = start
    for event in told:
        if event.process in states and start <= event.at <= end:
            add(found, *running(states[ours], states[server]), since, event.at)
            since = event.at
            states[event.process].take(event.what)
    add(found, *running(states[ours], states[server]), since, end)
    return found


def running(ours: State, server: State) -> tuple[str, str]:
    """Where both run, the server works ahead: it is ours that takes the time."""
    for who, state in ((OURS, ours), (SERVER, server)):
        if state.on:
            return who, SYSTEM if state.system else CODE
    return NOBODY, ""


def add(found: list[Stretch], who: str, what: str, start: int, end: int) -> None:
    """Every stretch but the first begins with an event."""
    events = 1 if found else 0
    if found and (found[-1].who, found[-1].what) == (who, what):
        last = found.pop()
        start, events = last.start, last.events + 1
    if end > start:
        found.append(Stretch(who, what, start, end, events))


@dataclass
class Stage:
    """What belongs together of a call."""

    length: int = 0  # nanoseconds
    events: int = 0


def stages(found: Sequence[Stretch]) -> dict[str, Stage]:
    """The longest stretch of the server is the drawing; what is ours is told apart by it."""
    names = ("ask", "ask system", "server", "server system", "draw", "wake", "take", "pass", "take system")
    told = {name: Stage() for name in names}
    drawing = longest((SERVER, CODE), found)
    after = [stretch for stretch in found if drawing and stretch.start > drawing.start]
    converting = longest((OURS, CODE), after)
    for stretch in found:
        if stretch is drawing:
            name = "draw"
        elif stretch is converting:
            name = "pass"
        elif stretch.who == NOBODY:
            name = "wake"
        else:
            name = {OURS: "take" if stretch in after else "ask", SERVER: "server"}[stretch.who]
            name += " system" if stretch.what == SYSTEM else ""
        told[name].length += stretch.length
        told[name].events += stretch.events
    return told


def longest(kind: tuple[str, str], found: Sequence[Stretch]) -> Optional[Stretch]:
    return max((s for s in found if (s.who, s.what) == kind), key=lambda stretch: stretch.length, default=None)
