"""Pictures of the pages, drawn with matplotlib: what a slot `plot KIND: TITLE | WORKLOADS` of a template shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Callable

import matplotlib as mpl
from matplotlib.figure import Figure

from .contenders import ORDER
from .report import COLUMNS, in_order, value
from .run import Results

# Seen on white and on black.
OURS, PEERS, INK = "#c8553d", "#9aa5b1", "#7a8490"
STYLE = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    # Words stay words, and the same numbers make the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "rustcam",
}
ROW, HEAD, WIDTH = 0.19, 0.65, 9.0  # inches: a bar, what is around those of a workload, the picture
# Columns, and how dark they are: later latencies stand behind the usual one.
CONTENDERS = {
    "CPU per frame, ms": {"cpu": 1.0},
    "from present to array, ms: p50, p95, p99": {"p99": 0.35, "p95": 0.6, "p50": 1.0},
}
LEFT_OUT = "ffmpeg"  # its latency would hide all others'
THREADS = {
    "calls one after the other, ms": "warm",
    "after a pause, then read once, ms": "reading",
    "CPU after a pause, ms": "spent",
}
WAYS = {"1": "#e3a899", "2": "#d67b67", "4": OURS, "1s": "#ccd2d8", "2s": PEERS, "4s": "#65717e"}
FORMATS = ("bgra", "bgr", "rgb", "gray")


def contenders(title: str, results: Results, workloads: Sequence[str]) -> Figure:
    """Processor time and latency; every workload has a scale of its own."""
    found = {workload: in_order(results.contenders(workload)) for workload in workloads}
    rows = [sum(name != LEFT_OUT for name in names) for names in found.values()]
    heights = [HEAD + ROW * count for count in rows]
    figure = Figure((WIDTH, sum(heights) + HEAD), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(len(rows), len(CONTENDERS), squeeze=False, gridspec_kw={"height_ratios": heights})
    for (workload, names), line in zip(found.items(), axes):
        names = [name for name in names if name != LEFT_OUT]
        colours = [OURS if name in ORDER[:3] else PEERS for name in names]
        for axis, (what, shades) in zip(line, CONTENDERS.items()):
            axis.set_title(f"{workload}: {what}" if axis is line[0] else what)
            lengths = {column: [value(results.cell(workload, name), column) for name in names] for column in shades}
            for column, shade in shades.items():
                bars = axis.barh(names, lengths[column], color=colours, alpha=shade)
                if column == next(iter(shades)):
                    texts = [", ".join(f"{ms:.2f}" for ms in reversed(row)) for row in zip(*lengths.values())]
                    axis.bar_label(bars, texts, padding=3)
            axis.invert_yaxis()
            axis.margins(x=0.25)
            axis.tick_params(left=False, bottom=False, labelbottom=False, labelleft=axis is line[0])
            axis.spines[:].set_visible(False)
    return figure


def threads(title: str, results: Results, workloads: Sequence[str]) -> Figure:
    """A group of bars for each format: the ways, those with streaming stores in grey."""
    figure = Figure((WIDTH, 2.0 * len(THREADS) + HEAD), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(len(THREADS), len(workloads), squeeze=False)
    for (what, column), line in zip(THREADS.items(), axes):
        for workload, axis in zip(workloads, line):
            axis.set_title(f"{workload}: {what}")
            for place, (way, colour) in enumerate(WAYS.items()):
                heights = [value(results.cell(workload, fmt), f"{column} {way}") for fmt in FORMATS]
                left = [group + (place - (len(WAYS) - 1) / 2) / (len(WAYS) + 1) for group in range(len(FORMATS))]
                words = COLUMNS[f"{column} {way}"][0]
                bars = axis.bar(left, heights, 1 / (len(WAYS) + 1), color=colour, label=words)
                axis.bar_label(bars, fmt="%.2f", padding=2, fontsize=5, rotation=90)
            axis.set_xticks(range(len(FORMATS)), FORMATS)
            axis.margins(y=0.2)
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(WAYS), frameon=False)
    return figure


KINDS: dict[str, Callable[[str, Results, Sequence[str]], Figure]] = {"contenders": contenders, "threads": threads}


def write(kind: str, title: str, results: Results, workloads: Sequence[str], picture: Path) -> None:
    """Writes an SVG."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        KINDS[kind](title, results, workloads).savefig(picture, transparent=True, metadata={"Date": None})
