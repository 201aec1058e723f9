"""What the threads of large frames cost while nothing is captured: idle.py SECONDS prints a line.

Every thread of this process is watched but the main one, which sleeps meanwhile.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import rustcam

from .contenders import UHD

DESKTOP = "size {}x{}; refresh 60; full; pointer still; clock virtual".format(*UHD)
THREADS = 4
FRAMES = 30
# After the last frame: a thread that was woken for it may still look for work.
REST = 0.5


def others() -> list[Path]:
    """The tasks of this process but that of the main thread."""
    return [task for task in Path("/proc/self/task").iterdir() if int(task.name) != os.getpid()]


def wake_ups(task: Path) -> int:
    """How often a thread came back from sleep: it went to sleep as often."""
    status = (task / "status").read_text(encoding="ascii")
    return int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)[0])


def cpu_ms(task: Path) -> float:
    """Exact for a thread that sleeps."""
    return int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e6


def watched(seconds: float) -> dict[str, float]:
    """What the other threads do while this one sleeps."""
    tasks, start = others(), time.perf_counter()
    before = [(wake_ups(task), cpu_ms(task)) for task in tasks]
    time.sleep(seconds)
    found: dict[str, float] = {"seconds": time.perf_counter() - start, "threads": len(tasks)}
    after = [(wake_ups(task), cpu_ms(task)) for task in tasks]
    for name, start_values, end_values in zip(("wake_ups", "cpu_ms"), zip(*before), zip(*after)):
        found[name] = sum(end_values) - sum(start_values)
    return found


def idle(seconds: float) -> dict[str, float]:
    with rustcam.Capturer(backend="sim", sim=DESKTOP, cursor=False, threads=THREADS) as capturer:
        for _ in range(FRAMES):
            capturer.grab(fmt="bgr")
        time.sleep(REST)
        return watched(seconds)


if __name__ == "__main__":
    print(json.dumps(["idle", "rustcam", idle(float(sys.argv[1]))]))
