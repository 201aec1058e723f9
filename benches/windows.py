"""Measures the Windows wheel and its rivals under Wine, on the lab's desktop: windows.py RESULT.json.

ROUNDS and SECONDS in the environment make it shorter or longer. At the end it compares ratios with the recording that
it replaces.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from wine.lanes import build_lab, build_wheels, missing, windows_path
from wine.pythons import RIVALS, TESTED, provide, provide_wheel
from wine.session import TARGET, Session

from .contenders import REGION, Workload, matrix, workload
from .lab import script
from .ratios import compare, print_table, ratios
from .run import LIMIT, ROOT, Line, Results, machine

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = os.environ.get("SECONDS", "0.5")
MEASURE = windows_path(Path(__file__).resolve().parent / "measure.py")
OURS = next(python for python in TESTED if python.version == RIVALS.version)
# Commands of Direct3D run where they are called. Otherwise Wine's own thread for them never sleeps, which costs one of
# the processors and hides what a capture costs.
VARIABLES = {"WINE_D3D_CONFIG": "csmt=0"}
# The same for Mesa: it draws in the calling thread, so that the time of a call includes the drawing.
ONE_THREAD = {"LP_NUM_THREADS": "0"}
WHOLE = tuple(f"1920x1080 {content}@180 bgra paced" for content in ("full", "ordinary"))
# A program without Python: its mode, what that does, and in which workloads. `glance` shows what the lab costs; four
# numbers are a region.
BARE = {
    "glance": ("acquire and release", WHOLE),
    "copy": ("and copy, map, memcpy", WHOLE),
    ",".join(map(str, REGION)): (
        "copy, map, memcpy of the region",
        ("1920x1080 full@180 bgra paced region asynchronous",),
    ),
}


def with_call_time(metrics: dict[str, Any]) -> dict[str, Any]:
    """The program counts from the arrival of a frame, `measure.py` from the call: the lab works between these."""
    found = {name: value for name, value in metrics.items() if name not in ("work", "call_us")}
    if "call_us" in metrics:
        found["call_ms"] = metrics["call_us"] * metrics["frames"] / 1000 + metrics["lab_ms"]
    return found


class Wine:
    """Programs in a session, with the lab."""

    def __init__(self, session: Session) -> None:
        self._session, self._dll = session, build_lab(session)
        example = ["--package", "dda-lab", "--example", "bare"]
        session.must(["cargo", "build", "--quiet", "--release", "--target", TARGET, *example], limit=900)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        self._bare = target / TARGET / "release" / "examples" / "bare.exe"

    def lines(self, *command: Any, **variables: str) -> list[Any]:
        lines: list[str] = []
        env = {**VARIABLES, **variables}
        status = self._session.run(["wine", *command], limit=LIMIT, line=lines.append, variables=env)
        if status:
            raise RuntimeError("\n".join([*lines, f"exit status {status}: {' '.join(map(str, command))}"]))
        # Wine and some packages print, too.
        return [json.loads(line) for line in lines if line.startswith(("[", "{"))]

    def contender(self, name: str, works: list[Workload]) -> list[Line]:
        python = OURS if name in ("rustcam", "rustcam window") or name.startswith("grab") else RIVALS
        variables = ONE_THREAD if name.startswith("grab") else {}
        names = [work.name for work in works]
        return self.lines(python.exe, MEASURE, "windows", self._dll, name, SECONDS, *names, **variables)

    def bare(self) -> Iterator[Line]:
        for mode, (name, works) in BARE.items():
            for work in works:
                (metrics,) = self.lines(self._bare, mode, script(workload(work)), SECONDS)
                yield work, name, with_call_time(metrics)


def main() -> int:
    if missing():
        print(missing(), file=sys.stderr)
        return 1
    if status := build_wheels():
        return status
    (wheel,) = (ROOT / "dist").glob("rustcam-*-win_amd64.whl")
    provide(OURS)
    provide_wheel(OURS, wheel)
    provide(RIVALS)
    installed = importlib.metadata.distributions(path=[str(RIVALS.packages)])
    names = ("bettercam", "dxcam", "mss", "pillow", "rapidshot", "wgc-python", "windows-capture", "winrt-runtime")
    peers = sorted(f"{package.name} {package.version}" for package in installed if package.name in names)
    path = Path(sys.argv[1])
    recorded = ratios(Results.read(path)) if path.exists() else {}
    about = machine(versions=", ".join([" ".join(wheel.name.split("-")[:2]), *peers]))
    with Session() as session:
        wine = Wine(session)
        version = subprocess.run(["wine", "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
        results = Results({**about, "wine": version.replace("-", " ").capitalize()}, {})
        contenders = {name: partial(wine.contender, name, works) for name, works in matrix("windows").items()}
        for _ in range(ROUNDS):
            results.run(1, {**contenders, "bare": wine.bare})
            results.machine["rounds"] = results.machine.get("rounds", 0) + 1
            # After each round, because a run that is broken off has measured something, too.
            results.write(path)
    if ROUNDS > 1:
        # One round does not show the noise.
        print_table(compare(recorded, ratios(results)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
