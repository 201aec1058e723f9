"""Makes a page from its template in `pages/` and the results: render.py PAGE [RESULTS]. Prints the claims of these.

A template has slots, which begin with the name of a result. `{{x11 COLUMNS | WORKLOAD; WORKLOAD}}` is a table, and
`{{x11 plot TITLE | WORKLOAD; WORKLOAD}}` a picture. Every line of `{{x11 claims … }}` is a claim. `{{x11 FACT}}` is
something about the machine, and `{{x11 WORKLOAD: CONTENDER: COLUMN}}` one number. Of a page with the comments
`measured` and `end of measured`, only what is between them is written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rustcam.cli.table import show

from .contenders import ORDER, PAGES
from .report import in_order, judged, markdown, table, text, value
from .run import Results

SLOT = re.compile(r"\{\{(\w+) ([^}]+)\}\}")
MEASURED = re.compile(r"(<!-- measured: .*?-->\n).*?(<!-- end of measured -->)", re.DOTALL)
OURS, PEERS, INK = "#c8553d", "#9aa5b1", "#7a8490"
LEFT, PANEL, LENGTH = 125, 370, 240  # pixels: where bars begin, from one panel to the next, the longest bar
LINE, HEAD = 20, 44
# Columns, and how dark they are: later latencies stand behind the usual one.
PANELS = {
    "CPU per frame, ms": {"cpu": 1.0},
    "from present to array, ms: p50, p95, p99": {"p99": 0.35, "p95": 0.6, "p50": 1.0},
}
LEFT_OUT = "ffmpeg"  # its latency would hide all others'


def render(page: Path, chosen: list[str]) -> None:
    results = {file.stem: Results.read(file) for file in (PAGES.parent / "results").glob("*.json")}

    def fill(slot: re.Match[str]) -> str:
        name, (what, _, workloads) = slot[1], slot[2].partition(" | ")
        found = results[name]
        if what.startswith("claims\n"):
            rows = [judged(found, claim) for claim in slot[2].splitlines()[1:]]
            heads = ["work", "target", "measured:", "verdict"]
            if name in chosen:
                show(heads, rows)
            return markdown(heads, rows)
        if what.startswith("plot "):
            picture, title = page.parent / "plots" / f"{name}.svg", what.partition(" ")[2]
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_text(bars(title, found, workloads.split("; ")), encoding="utf-8")
            return f"![{title}](plots/{picture.name})"
        if workloads:
            return table(found, what, workloads.split("; "))
        return text(found, *what.split(": ")) if ": " in what else str(found.machine[what])

    filled = SLOT.sub(fill, (PAGES / page.name).read_text(encoding="utf-8"))
    if page.exists() and MEASURED.search(before := page.read_text(encoding="utf-8")):
        filled = MEASURED.sub(lambda marks: marks[1] + filled + marks[2], before)
    page.write_text(filled, encoding="utf-8")
    print(f"written: {page}")


def bars(title: str, results: Results, workloads: Sequence[str]) -> str:
    """Processor time and latency as SVG, a line of text for each mark; every workload has a scale of its own."""
    marks, top = [label(0, 16, title, 'font-size="15"')], 24
    for workload in workloads:
        cells = {name: results.cell(workload, name) for name in in_order(results.contenders(workload))}
        cells.pop(LEFT_OUT, None)
        for left, (what, shades) in zip((LEFT, LEFT + PANEL), PANELS.items()):
            marks.append(label(left, top + HEAD - 14, f"{workload}: {what}" if left == LEFT else what))
            lengths = {name: [value(cell, column) for column in shades] for name, cell in cells.items()}
            scale = LENGTH / max(map(max, lengths.values()))
            for row, (name, found) in enumerate(lengths.items()):
                y, colour = top + HEAD + LINE * row, OURS if name in ORDER[:3] else PEERS
                for length, shade in zip(found, shades.values()):
                    shape = f'x="{left}" y="{y - 8}" width="{scale * length:.1f}" height="{LINE - 6}"'
                    marks.append(f'<rect {shape} fill="{colour}" fill-opacity="{shade}"/>')
                numbers = ", ".join(f"{length:.2f}" for length in reversed(found))
                marks.append(label(round(left + 5 + scale * max(found)), y + 3, numbers))
                if left == LEFT:
                    marks.append(label(left - 6, y + 3, name, 'text-anchor="end"'))
        top += HEAD + LINE * len(cells)
    size = f'viewBox="0 0 {LEFT + 2 * PANEL} {top}" font-family="sans-serif" font-size="11" fill="{INK}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', *marks, "</svg>"]) + "\n"


def label(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}"{" " * bool(more)}{more}>{words}</text>'


if __name__ == "__main__":
    render(Path(sys.argv[1]), sys.argv[2:])
