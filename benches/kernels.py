"""The pixel kernels of the engine, as its example `kernels` prints them: kernels.py RESULT.json < OUTPUT.

So the output of another machine is kept, with what it says of that machine. It is a line for each run of the example;
a run makes a block.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .run import ROOT, Line, Results

EXAMPLE = ["cargo", "run", "--release", "--quiet", "--package", "rustcam", "--example"]
MEASURED = ("median_ms", "best_ms", "ratio_median")
# A plain copy, in one thread always.
COPY = "memcpy"
MACHINE = ("date", "cpu", "cores", "system", "cpu_path")


def printed(rounds: int) -> dict[str, Any]:
    """By the example, on this machine."""
    done = subprocess.run([*EXAMPLE, "kernels", str(rounds)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lines(found: dict[str, Any]) -> Iterator[Line]:
    """Each kernel by one thread beside memcpy, and by each number of threads: `warm_4s` is `warm` of the way `4s`."""
    for size, kernels in found["sizes"].items():
        for name, times in kernels.items():
            yield f"{size} kernels", name, {metric: times[metric] for metric in MEASURED}
            if name != COPY:
                ways = times["ways"].items()
                yield f"{size} threads", name, {f"{kind}_{way}": ms for way, all_ in ways for kind, ms in all_.items()}


def tone(output: str) -> Iterator[Line]:
    """The mapping of half floats by one thread, as the example `tone` prints it: name, seconds, ratio to a memcpy."""
    for name, seconds, to_copy in (line.split() for line in output.splitlines()):
        mapping, _, picture = name.partition("_")
        picture, _, threads = picture.rpartition("_x")
        if threads == "1":
            found = {"median_ms": 1000 * float(seconds), "to_copy": float(to_copy)}
            yield "1920x1080 tone", f"{mapping}, {picture.replace('_', ' ')}", found


def toned() -> Iterator[Line]:
    """On this machine."""
    done = subprocess.run([*EXAMPLE, "tone"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    yield from tone(done.stdout)


def recorded(output: Iterable[str]) -> Results:
    """The runs of one machine, which are dated by the first of them."""
    runs = [json.loads(line) for line in output if line.strip()]
    machines = [[run[fact] for fact in MACHINE[1:]] for run in runs]
    if not runs or any(machine != machines[0] for machine in machines):
        raise ValueError(f"expected runs of one machine, found {len(runs)}: {machines}")
    date = datetime.datetime.fromtimestamp(runs[0]["date"], datetime.timezone.utc).date().isoformat()
    results = Results(dict(zip(MACHINE, [date, *machines[0]])), {})
    for line in (line for run in runs for line in lines(run)):
        results.add(*line)
    return results


if __name__ == "__main__":
    recorded(sys.stdin).write(Path(sys.argv[1]))
