"""Pictures of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from .cells import Cell

# Without a date and with names that stay, the same results make the same file.
mpl.rcParams["svg.hashsalt"] = "rustcam"
GRAY, OURS = "#9aa5b1", "#c8553d"

Bars = Mapping[str, Sequence[tuple[str, Cell]]]


def compare(path: Path, title: str, groups: Bars) -> str:
    """Processor time and latency of every contender, one row of bars per group. Returns the Markdown that shows it."""
    figure = Figure(figsize=(9, 0.6 + 0.32 * sum(2 + len(bars) for bars in groups.values())), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(len(groups), 2, squeeze=False)
    for (group, bars), (cost, delay) in zip(groups.items(), axes):
        names = [name for name, _ in reversed(bars)]
        colours = [OURS if name.startswith("rustcam") and "0.1" not in name else GRAY for name in names]
        cost.barh(names, [cell.cpu for _, cell in reversed(bars)], color=colours)
        cost.set_title(f"{group}: CPU per frame, ms", fontsize="medium")
        for percent, height in ((99, 0.3), (95, 0.55), (50, 0.8)):
            values = [cell.latency(percent) for _, cell in reversed(bars)]
            delay.barh(names, values, height=height, color=colours, alpha=0.35 + 0.65 * (percent == 50))
        delay.set_title("present to array: p50, p95, p99, ms", fontsize="medium")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    return f"![{title}](plots/{path.name})"
