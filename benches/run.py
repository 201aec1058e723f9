"""Runs everything in turns, and keeps a summary.

All parts of a run take turns, round by round, in a random order, mostly in processes of their own. A part gives
lines: a workload, a contender, and a number or samples for each metric. A round makes a block: what differs from block
to block is what differs from run to run. Of samples a block keeps the median, and the run the median, p95 and mean.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import mean, median
from typing import Any, Callable

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 300  # seconds for one process

Line = tuple[str, str, dict[str, Any]]


def turns(names: Iterable[str], rounds: int) -> Iterator[str]:
    """Every name once per round, in a random order: a slow moment of the machine hits them all alike."""
    names = list(names)
    for _ in range(rounds):
        yield from random.sample(names, len(names))


def child(module: str, *arguments: Any, **variables: str) -> list[Line]:
    """The lines that a module of this package prints in a process of its own."""
    command = [sys.executable, "-m", f"benches.{module}", *map(str, arguments)]
    env = {**os.environ, **variables}
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT)
    return [json.loads(line) for line in done.stdout.splitlines()]


def quantile(values: Any, percent: int) -> Any:
    return sorted(values)[(len(values) - 1) * percent // 100]


def over_blocks(function: Callable[[list[float]], float]) -> Callable[[Cell, str], float]:
    return lambda cell, metric: function(cell[metric])


class NotMeasuredError(KeyError):
    """Nothing is known of a contender in a workload, or not this metric."""


class Cell:
    """What one contender did in one workload."""

    def __init__(self, metrics: dict[str, Any]) -> None:
        self._metrics = metrics

    def __getitem__(self, metric: str) -> list[float]:
        """Block by block; `cpu_ms/frames` is a ratio of two metrics. Raises `NotMeasuredError`."""
        metric, _, other = metric.partition("/")
        if metric not in self._metrics:
            raise NotMeasuredError(metric)
        blocks: list[float] = self._metrics[metric]
        return [one / max(1e-9, two) for one, two in zip(blocks, self[other])] if other else blocks

    total, mean, median, smallest = map(over_blocks, (sum, mean, median, min))

    def per_frame(self, metric: str, *less: str) -> float:
        """Without other metrics."""
        return (self.total(metric) - sum(map(self.total, less))) / max(1.0, self.total("frames"))

    def middle(self, metric: str, *less: str) -> float:
        """The same, as the median of the blocks."""
        each = zip(*(self[f"{name}/frames"] for name in (metric, *less)))
        return median(value - sum(others) for value, *others in each)

    def added(self, *metrics: str) -> float:
        """The median of their sums."""
        return median(map(sum, zip(*(self[metric] for metric in metrics))))

    def mib_per_frame(self, metric: str) -> float:
        return self.per_frame(metric) / 2**20

    def percent(self, metric: str) -> float:
        """Of the elapsed time."""
        return self.total(metric) / self.total("seconds") / 10

    @property
    def share(self) -> float:
        """Percent of the presents that were delivered. What arrives late was presented before the counting began."""
        return min(100.0, 100 * self.total("frames") / max(1.0, self.total("presents")))

    @property
    def missed(self) -> float:
        return max(0.0, self.total("presents") - self.total("frames"))

    def lost(self, over: str) -> float:
        """Percent of the turns of the loop beside, by the `total` or the `median` of all blocks."""
        return 100 - 100 * getattr(self, over)("beside") / getattr(self, over)("alone")


class Results:
    """The machine, and all cells: workload → contender → metric → blocks."""

    def __init__(self, machine: dict[str, Any], cells: dict[str, Any]) -> None:
        self.machine, self._cells = machine, cells

    @classmethod
    def read(cls, path: Path) -> Results:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def add(self, workload: str, contender: str, metrics: dict[str, Any]) -> None:
        """One block more."""
        kept = self._cells.setdefault(workload, {}).setdefault(contender, {})
        for name, value in metrics.items():
            kept.setdefault(name, []).append(value)

    def run(self, rounds: int, parts: Mapping[str, Callable[[], Iterable[Line]]]) -> None:
        """Measures all parts once per round. Whatever their turns are, they are kept in the given order."""
        start = time.monotonic()
        for count in range(rounds):
            lines = {}
            for name in turns(parts, 1):
                print(f"round {count + 1} of {rounds}, {time.monotonic() - start:.0f} s: {name}", file=sys.stderr)
                lines[name] = list(parts[name]())
            for line in (line for name in parts for line in lines[name]):
                self.add(*line)

    def contenders(self, workload: str) -> list[str]:
        return list(self._cells.get(workload, {}))

    def cell(self, workload: str, contender: str) -> Cell:
        """Raises `NotMeasuredError`."""
        if contender not in self.contenders(workload):
            raise NotMeasuredError(f"{workload}: {contender}")
        return Cell(summarised(self._cells[workload][contender]))

    def write(self, path: Path) -> None:
        """One line per cell."""
        groups = []
        for workload, cells in self._cells.items():
            texts = {name: json.dumps(summarised(metrics), separators=(",", ":")) for name, metrics in cells.items()}
            lines = (f"  {json.dumps(name)}: {text}" for name, text in texts.items())
            groups.append(f" {json.dumps(workload)}: {{\n" + ",\n".join(lines) + "\n }")
        text = f'{{"machine": {json.dumps(self.machine)},\n"cells": {{\n' + ",\n".join(groups) + "\n}}\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def summarised(metrics: dict[str, Any]) -> dict[str, Any]:
    """With a summary in place of samples, and not more digits than anybody needs."""
    found: dict[str, Any] = {}
    for name, blocks in metrics.items():
        samples = [sample for block in blocks for sample in block] if isinstance(blocks[0], list) else []
        digits = 5 if len(blocks) > 1 else 6
        found[name] = [short(median(block) if samples else block, digits) for block in blocks]
        if samples:
            whole = {"p50": median(samples), "p95": quantile(samples, 95), "mean": mean(samples)}
            found.update({f"{name}_{kind}": [short(value, 6)] for kind, value in whole.items()})
            found["samples"] = [len(samples)]
    return found


def short(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}") if isinstance(value, float) and not value.is_integer() else int(value)


def machine(**more: Any) -> dict[str, Any]:
    """Where this runs, and how busy it is already."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 1),
        **more,
    }
