"""Ratios that must not become worse: read from the samples of a run, with their noise, and compared with a recording.

Less is better in all of them. Every ratio comes as one value per block of a run; blocks were measured one after the
other, mostly in processes of their own, so what differs from block to block is what differs from run to run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Optional

from report.cells import Cell, Results
from report.table import percentile

FULL_HD, UHD = "1920x1080", "3840x2160"
BLOCKS = 5
# Of the standard error: beyond it a difference is no chance any more, not even if a dozen ratios are looked at.
SURE = 4.0
# Nothing is measured better than this.
FINEST = 0.02

Blocks = dict[str, list[float]]


@dataclass(frozen=True)
class Verdict:
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
        raise ValueError(f"{name}: one block in each run tells nothing of its noise")
    squares = sum((value - sum(blocks) / len(blocks)) ** 2 for blocks in logs for value in blocks)
    error = math.sqrt(squares / freedom * sum(1 / len(blocks) for blocks in logs))
    before = median(recorded)
    return Verdict(name, before, median(now), before * math.exp(max(FINEST, SURE * error)))


def compare(recorded: Blocks, now: Blocks) -> list[Verdict]:
    return [judge(name, recorded.get(name, []), blocks) for name, blocks in now.items()]


def ratios(result: dict[str, Any]) -> Blocks:
    """All that a run measured."""
    return dict(
        [
            *raced(result.get("screens", {})),
            *followed(result.get("contents", [])),
            *converted(result.get("kernels", [])),
            *streamed(result.get("streams", {}).get("deliveries", {})),
            *pointed(result.get("recovery", [])),
            *imported(result.get("import", {})),
        ]
    )


# Not the poll of a screen that stands still: its two microseconds tell what else went through the caches. Not mss made
# RGB by numpy: that copy takes half as long in some processes as in others.
RACES = [
    ("rustcam bgra", "raw"),
    ("rustcam bgra", "mss bgra"),
    ("rustcam bgr", "mss bgra"),
    ("rustcam rgb", "mss rgb opencv"),
    ("rustcam region", "rustcam bgra"),
    ("rustcam little", "rustcam borrowed"),
]


def raced(screens: dict[str, Any]) -> Iterator[tuple[str, list[float]]]:
    for screen, field in screens.items():
        for ours, theirs in RACES:
            if {ours, theirs} <= field.keys():
                pairs = zip(*(parts(field[name]["wall_ms"]) for name in (ours, theirs)))
                yield f"{screen}: {ours} / {theirs}", [median(one) / median(other) for one, other in pairs]


FOLLOWERS = [
    ("rustcam", "mss", "free", "full", FULL_HD),
    ("rustcam copy=False", "mss", "free", "window", FULL_HD),
    ("rustcam stream", "mss", "free", "window", FULL_HD),
    ("rustcam copy=False", "mss", "free", "scroll", FULL_HD),
]


def followed(rounds: list[dict[str, Any]]) -> Iterator[tuple[str, list[float]]]:
    """Processor time per frame."""
    for ours, theirs, *place in FOLLOWERS:
        costs = [[cell.cpu for cell in each(rounds, name, place)] for name in (ours, theirs)]
        if all(costs):
            yield f"{place[-1]} {place[1]}, CPU: {ours} / {theirs}", [one / other for one, other in zip(*costs)]


def each(rounds: list[dict[str, Any]], name: str, place: Sequence[str]) -> list[Cell]:
    """The cells of a place, round by round."""
    return [Results([turn]).cell(name, *place) for turn in rounds if name in turn and Results([turn]).has(name, *place)]


def converted(heats: list[dict[str, Any]]) -> Iterator[tuple[str, list[float]]]:
    for name in ("bgr", "rgb", "rgba", "gray"):
        speeds = [heat["sizes"][FULL_HD][name]["ratio_median"] for heat in heats]
        if speeds:
            yield f"{FULL_HD}: memcpy / kernel {name}, bytes per second", [1 / speed for speed in speeds]


def streamed(deliveries: dict[str, Any]) -> Iterator[tuple[str, list[float]]]:
    for percent in (50, 95):
        late = {name: [percentile(turn["latency_ms"], percent) for turn in turns] for name, turns in deliveries.items()}
        if late:
            pairs = zip(late["stream"], late["grab"])
            yield f"sim, 240 Hz, p{percent} latency: stream / grab", [stream / grab for stream, grab in pairs]


def pointed(rows: list[dict[str, Any]]) -> Iterator[tuple[str, list[float]]]:
    for row in rows:
        if row["what"] == "cursor":
            pairs = zip(parts(row["with_ms"]), parts(row["without_ms"]))
            yield f"{row['backend']}: with / without pointer", [median(one) / median(other) for one, other in pairs]


def imported(samples: dict[str, list[float]]) -> Iterator[tuple[str, list[float]]]:
    if {"rustcam_ms", "numpy_ms"} <= samples.keys():
        pairs = zip(parts(samples["rustcam_ms"]), parts(samples["numpy_ms"]))
        yield "import: rustcam / numpy", [median(one) / median(other) for one, other in pairs]


def parts(samples: Sequence[float]) -> list[Sequence[float]]:
    """The blocks of samples that came one after the other."""
    size = len(samples) / BLOCKS
    return [samples[round(i * size) : round((i + 1) * size)] for i in range(BLOCKS)]
