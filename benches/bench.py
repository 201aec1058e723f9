"""Measures rustcam on Xvfb beside mss, Pillow, ffmpeg and XShmGetImage, and alone: bench.py RESULT.json.

ROUNDS in the environment makes it shorter. With `--check` it measures only what ratios are made of, briefly, and fails
where one is worse than in that file. On a machine that is busy, or another than the one of the recording, that means
little.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Callable

import rustcam
from desktops import XServer

from . import parts
from .contenders import FULL_HD, UHD, matrix
from .ratios import RATIOS, compare, print_table, ratios
from .run import Line, Results, child, machine

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = 0.35  # of a workload
IDLE_SECONDS = 10
PACKAGES = ("rustcam", "mss", "pillow", "imageio-ffmpeg", "opencv-python-headless", "numpy")


def compared(stack: ExitStack, brief: bool) -> dict[str, Callable[[], Iterable[Line]]]:
    """The parts that are measured beside peers. `brief`: only what the ratios need."""
    calls = {FULL_HD: 8 if brief else 30, UHD: 5 if brief else 10}
    found = {
        "import": partial(parts.imports, 2 if brief else 4),
        "kernels": partial(parts.kernels, 8),
        **{f"calls, {size}": partial(child, "calls", "calls", *size, count) for size, count in calls.items()},
        **({} if brief else {name: partial(child, "calls", name, *FULL_HD, 60) for name in ("window", "models")}),
        **{f"pointer, {name}": partial(child, "calls", name, *FULL_HD, 60) for name in ("sim", "x11")},
        **{name: partial(parts.delivery, name, 240 if brief else 480) for name in ("stream", "grab")},
        **({} if brief else {f"record, {fmt}": partial(parts.recording, fmt, 3) for fmt in ("nv12", "bgra")}),
    }
    ratio = {(workload, name) for workload, *names, _ in RATIOS for name in names}
    for size in (FULL_HD, UHD):
        server = XServer(*size)
        stack.callback(server.stop)
        for name, works in matrix("x11").items():
            chosen = [work.name for work in works if work.size == size and (not brief or (work.name, name) in ratio)]
            if chosen:
                work = ("measure", "x11", server.process.pid, name, SECONDS, *chosen)
                found[f"{name}, {size}"] = partial(child, *work, DISPLAY=server.display)
    return found


def measured(brief: bool = False) -> Results:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    about = {"python": platform.python_version(), "versions": versions, "cpu_path": rustcam._rustcam._cpu_path}
    results = Results(machine(**about), {})
    with ExitStack() as stack:
        results.run(ROUNDS, compared(stack, brief))
    if not brief:
        away = {f"away for {ms} ms": partial(parts.access_lost, ms) for ms in (0, 20, 100, 500)}
        once = {**away, "mode": parts.mode_changed, "server": parts.server_killed, "loop": parts.spinning}
        results.run(2 * ROUNDS, once)
        results.run(min(ROUNDS, 3), {size: partial(parts.slots, size) for size in ("96x64", "1920x1080")})
        results.run(1, {"memory": parts.memory, "idle": partial(child, "idle", IDLE_SECONDS)})
    return results


def check(recording: Results) -> bool:
    """Whether no ratio is worse than recorded."""
    here, there = machine(), recording.machine
    if here["load"] > 0.5:
        print(f"The machine is busy (load {here['load']}): this will mean little.")
    if (here["cpu"], here["cores"]) != (there["cpu"], there["cores"]):
        print(f"Recorded on {there['cpu']}, {there['cores']} cores; this is {here['cpu']}, {here['cores']} cores.")
    start, recorded, now = time.monotonic(), ratios(recording), ratios(measured(brief=True))
    verdicts = compare(recorded, now)
    if not all(verdict.good for verdict in verdicts):
        # One bad minute of the machine is no reason to fail.
        print("something looks worse; looking once more")
        for name, blocks in ratios(measured(brief=True)).items():
            now[name].extend(blocks)
        verdicts = compare(recorded, now)
    print_table(verdicts)
    print(f"{time.monotonic() - start:.0f} s")
    return all(verdict.good for verdict in verdicts)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if check(Results.read(Path(sys.argv[-1]))) else 1)
    measured().write(Path(sys.argv[-1]))
