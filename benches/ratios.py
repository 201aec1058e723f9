"""The ratios of `pages/ratios.txt`, block by block, and whether they have become worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple, Optional

from rustcam.cli.table import show

from .report import lines_of
from .run import Results

# In standard errors: a larger difference is not chance, not even among two dozen ratios.
SURE = 4.0
# No ratio can be measured better than this.
FINEST = 0.02
RATIOS = lines_of("ratios.txt")

Blocks = dict[str, list[float]]


def ratios(results: Results) -> Blocks:
    """Those that were measured."""
    found = {}
    for workload, ours, theirs, metric in RATIOS:
        if {ours, theirs} <= set(results.contenders(workload)):
            pairs = zip(*(results.cell(workload, name)[metric] for name in (ours, theirs)))
            found[f"{workload}, {metric}: {ours} / {theirs}"] = [one / other for one, other in pairs]
    return found


class Verdict(NamedTuple):
    """One ratio now and as it was recorded."""

    name: str
    recorded: Optional[float]
    now: float
    allowed: float

    @property
    def good(self) -> bool:
        return self.now <= self.allowed

    @property
    def words(self) -> str:
        if self.recorded is None:
            return "not recorded"
        if not self.good:
            return "WORSE"
        return "better" if self.now < self.recorded**2 / self.allowed else "as recorded"


def judge(name: str, recorded: Sequence[float], now: Sequence[float]) -> Verdict:
    """Compares the medians, with as much tolerance as the blocks of both runs differ among themselves."""
    if not recorded:
        return Verdict(name, None, median(now), math.inf)
    logs = [[math.log(value) for value in blocks] for blocks in (recorded, now)]
    freedom = sum(len(blocks) - 1 for blocks in logs)
    if freedom < 1:
        raise ValueError(f"{name}: one block in each run does not show the noise")
    squares = sum((value - sum(blocks) / len(blocks)) ** 2 for blocks in logs for value in blocks)
    error = math.sqrt(squares / freedom * sum(1 / len(blocks) for blocks in logs))
    before = median(recorded)
    return Verdict(name, before, median(now), before * math.exp(max(FINEST, SURE * error)))


def print_table(verdicts: Sequence[Verdict]) -> None:
    rows = [[verdict.name, *(f"{value or 0:.3f}" for value in verdict[1:]), verdict.words] for verdict in verdicts]
    show(["ratio", "recorded", "now", "allowed", "verdict"], rows)
    worse = sum(not verdict.good for verdict in verdicts)
    print(f"{len(verdicts)} ratios, {worse} worse than recorded")


def compare(recorded: Blocks, now: Blocks) -> list[Verdict]:
    return [judge(name, recorded.get(name, []), blocks) for name, blocks in now.items()]
