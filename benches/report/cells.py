"""One piece of work of one contender, over all rounds."""

from __future__ import annotations

from statistics import median
from typing import Any

from .table import percentile

Sample = dict[str, Any]


class Cell:
    """Sums and medians of samples of the same work."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    @property
    def rounds(self) -> int:
        return len(self._samples)

    def total(self, name: str) -> float:
        return sum(sample[name] for sample in self._samples)

    def count(self, name: str) -> int:
        """Of the laboratory's counters."""
        return sum(sample["counters"].get(name, 0) for sample in self._samples)

    @property
    def frames(self) -> float:
        """Frames that were new; where they have no number, all of them."""
        return sum(sample.get("unique", sample["frames"]) for sample in self._samples)

    @property
    def fps(self) -> float:
        return median(sample.get("unique", sample["frames"]) / sample["seconds"] for sample in self._samples)

    @property
    def share(self) -> float:
        """Of the presents that were delivered. What arrives late was presented before the counting began."""
        return min(1.0, self.frames / max(1.0, self.total("presents")))

    @property
    def missed(self) -> int:
        return max(0, round(self.total("presents") - self.frames))

    @property
    def repeated(self) -> int:
        return round(self.total("frames") - self.frames)

    @property
    def faults(self) -> int:
        """Frames that were torn, changed after they were returned, or differed from the oracle."""
        return round(sum(sample.get(kind, 0) for sample in self._samples for kind in ("torn", "changed", "wrong")))

    @property
    def cpu(self) -> float:
        """Milliseconds of processor time per frame, the laboratory's included."""
        return self.total("cpu_ms") / max(1.0, self.frames)

    @property
    def lab(self) -> float:
        """The laboratory's share of that."""
        return self.total("lab_ms") / max(1.0, self.frames)

    @property
    def net(self) -> float:
        return self.cpu - self.lab

    def latency(self, percent: int) -> float:
        """Milliseconds from present to array: the median over the rounds, for one bad moment spoils one of them."""
        return median(percentile(sample["latency_us"], percent) for sample in self._samples) / 1000


class Results:
    """All rounds of all contenders."""

    def __init__(self, rounds: list[dict[str, list[Sample]]]) -> None:
        self._rounds = rounds

    def cell(self, contender: str, *place: str) -> Cell:
        """What a contender did there: the kind of work, and whatever else tells one piece from another."""
        return Cell([sample for turn in self._rounds for sample in turn[contender] if place_of(sample) == place])

    def has(self, contender: str, *place: str) -> bool:
        return any(place_of(sample) == place for sample in self._rounds[0][contender])


def place_of(sample: Sample) -> tuple[str, ...]:
    return tuple(sample[key] for key in ("work", "desktop", "content", "fmt", "screen") if key in sample)
