"""Tables, and what is measured against what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Row:
    """One target and what came of it."""

    work: str
    target: str
    measured: str
    good: bool

    @property
    def verdict(self) -> str:
        return "met" if self.good else "missed"


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[(len(values) - 1) * percent // 100]


def targets(rows: list[Row]) -> list[str]:
    return table(
        ["work", "target", "measured:", "verdict"], [[row.work, row.target, row.measured, row.verdict] for row in rows]
    )


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Markdown; columns whose head ends with a colon stand at the right."""
    marks = ["---:" if head.endswith(":") else "---" for head in heads]
    names = [head.rstrip(":") for head in heads]
    return [f"| {' | '.join(names)} |", f"|{'|'.join(marks)}|", *(f"| {' | '.join(row)} |" for row in rows)]


def show(rows: list[Row]) -> None:
    """Prints the targets as columns."""
    widths = [max(len(getattr(row, field)) for row in rows) for field in ("work", "target", "measured")]
    for row in rows:
        cells = (row.work.ljust(widths[0]), row.target.ljust(widths[1]), row.measured.rjust(widths[2]), row.verdict)
        print("  ".join(cells))
