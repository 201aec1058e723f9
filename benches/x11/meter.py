"""What a piece of work costs: time, processor time, memory."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any, Optional

TICK = os.sysconf("SC_CLK_TCK")


def cpu_ms(pid: int) -> float:
    """Processor time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / TICK


def peak_kib(pid: int) -> int:
    """The most memory that a process had since it was asked to forget."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[0])


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


class Meter:
    """Time, processor time and memory of this process and its child, and the time of the server."""

    def __init__(self, server: int, child: Optional[int]) -> None:
        self._server, self._child = server, child
        self._watched = [os.getpid(), *([child] if child else [])]
        for pid in self._watched:
            forget_peak(pid)
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
        return {
            "seconds": round(seconds, 6),
            "cpu_ms": round(own + child, 3),
            "server_ms": round(server, 3),
            "peak_mib": round(sum(map(peak_kib, self._watched)) / 1024, 1),
        }
