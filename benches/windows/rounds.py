"""Measures the Windows wheel and its rivals under Wine, on the laboratory's desktop: rounds.py RESULT.json.

Every round runs all contenders in a random order, each in a process of its own. ROUNDS and SECONDS in the environment
make it shorter or longer.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from cameras import ABSENT, DRAWING, DUPLICATING
from record import machine, write
from wine.lanes import build_lab, build_wheels, missing, windows_path
from wine.pythons import RIVALS, ROOT, TESTED, provide, provide_wheel
from wine.session import TARGET, Session

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = os.environ.get("SECONDS", "0.5")
MOST_LOAD = 0.5
LIMIT = 300  # seconds for one contender in one round

OURS = next(python for python in TESTED if python.version == RIVALS.version)
WORKS = Path(__file__).resolve().parent / "works.py"
GPU = WORKS.parent.parent / "gpu.py"
# Commands of Direct3D run where they are called. Otherwise Wine's own thread for them never sleeps, which costs one of
# the processors and hides what a capture costs.
VARIABLES = {"WINE_D3D_CONFIG": "csmt=0"}
# The same for the threads in which Mesa draws: what is to be told apart by calls must happen inside them.
ONE_THREAD = {"LP_NUM_THREADS": "0"}
BARE = ["glance", "copy"]
SCRIPT = "size 1920x1080; refresh 180; pointer still"
SCRIPTS = {"full": f"{SCRIPT}; full; lab paint ahead", "ordinary": SCRIPT}


class Field:
    """All contenders, ready to run."""

    def __init__(self, wine: Session, wheel: Path) -> None:
        provide(OURS)
        provide_wheel(OURS, wheel)
        provide(RIVALS)
        self._wine, self._dll = wine, build_lab(wine)
        example = ["--package", "dda-lab", "--example", "bare"]
        wine.must(["cargo", "build", "--quiet", "--release", "--target", TARGET, *example], limit=900)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        self._bare = target / TARGET / "release" / "examples" / "bare.exe"

    def names(self) -> list[str]:
        return [*DUPLICATING, *DRAWING, "bare", "gpu"]

    def run(self, name: str) -> list[dict[str, Any]]:
        """What one contender did in one process."""
        if name == "bare":
            return [
                {"desktop": kind, **told}
                for kind, script in SCRIPTS.items()
                for mode in BARE
                for told in self._lines([self._bare, mode, script, SECONDS])
            ]
        if name == "gpu":
            return self._lines([OURS.exe, windows_path(GPU), SECONDS], ONE_THREAD)
        python = OURS if name == "rustcam" else RIVALS
        return self._lines([python.exe, windows_path(WORKS), name, self._dll, SECONDS])

    def _lines(self, command: list[Any], more: dict[str, str] | None = None) -> list[dict[str, Any]]:
        lines: list[str] = []
        variables = {**VARIABLES, **(more or {}), "RUSTCAM_LAB_DLL": self._dll}
        status = self._wine.run(["wine", *command], limit=LIMIT, line=lines.append, variables=variables)
        if status:
            raise RuntimeError("\n".join([*lines, f"exit status {status}: {' '.join(map(str, command))}"]))
        # Wine and some packages print, too.
        return [json.loads(line) for line in lines if line.startswith("{")]


def wine_version(wine: Session) -> str:
    lines: list[str] = []
    wine.run(["wine", "--version"], limit=60, line=lines.append)
    return next(line for line in lines if line.startswith("wine-")).split()[0].replace("-", " ").capitalize()


def main() -> int:
    if missing():
        print(missing(), file=sys.stderr)
        return 1
    if status := build_wheels():
        return status
    (wheel,) = (ROOT / "dist").glob("rustcam-*-win_amd64.whl")
    told = machine()
    if told["load"] > MOST_LOAD:
        print(f"The machine is busy (load {told['load']:.1f}): these numbers will mean little.", flush=True)
    rounds: list[dict[str, list[dict[str, Any]]]] = []
    start = time.monotonic()
    with Session() as wine:
        field = Field(wine, wheel)
        absent = {name: field.run(name)[0]["reason"] for name in ABSENT}
        told["wine"] = wine_version(wine)
        for turn in range(ROUNDS):
            rounds.append({})
            for name in random.sample(field.names(), len(field.names())):
                print(f"round {turn + 1} of {ROUNDS}, {time.monotonic() - start:.0f} s: {name}", flush=True)
                rounds[-1][name] = field.run(name)
            # After each round, because a run that is broken off has measured something, too.
            versions = {
                name: work["version"] for name, works in rounds[0].items() for work in works if "version" in work
            }
            write(Path(sys.argv[1]), {"machine": told, "versions": versions, "absent": absent, "rounds": rounds})
    return 0


if __name__ == "__main__":
    sys.exit(main())
