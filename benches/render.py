"""Makes the page of all measurements: render.py PAGE [SECTION]. Also prints the targets of that section.

A section is the name of a file in `results`; what was not measured is left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from report import windows, x11
from report.plots import compare
from report.table import show

RESULTS = Path(__file__).resolve().parent / "results"
SECTIONS = {"x11": x11, "windows": windows}


def main() -> int:
    page, chosen = Path(sys.argv[1]), sys.argv[2:]
    lines = ["# Performance", "", "No number here is typed by hand."]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            lines += ["", *section.section(result, f"benches/results/{path.name}")]
            if bars := section.bars(result):
                lines += ["", compare(page.parent / "plots" / f"{name}.svg", section.TITLE, bars)]
            if name in chosen:
                show(section.rows(result))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
