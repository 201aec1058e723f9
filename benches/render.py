"""Makes a page from what was measured: render.py PAGE [SECTION]. Also prints the targets of that section.

A section is the name of a file in `results`; what was not measured is left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Optional

from report import anatomy, windows, x11
from report.plots import compare
from report.table import show

RESULTS = Path(__file__).resolve().parent / "results"
SECTIONS = {"x11": x11, "windows": windows}


def measured(name: str) -> Optional[dict[str, Any]]:
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def performance(page: Path, chosen: list[str]) -> list[str]:
    """How fast it is, beside others."""
    lines = ["# Performance", "", "No number here is typed by hand. [Where the time of a frame goes](profile.md)."]
    for name, section in SECTIONS.items():
        if result := measured(name):
            lines += ["", *section.section(result, f"benches/results/{name}.json")]
            if bars := section.bars(result):
                lines += ["", compare(page.parent / "plots" / f"{name}.svg", section.TITLE, bars)]
            if name in chosen:
                show(section.rows(result))
    return lines


def profile(page: Path, chosen: list[str]) -> list[str]:
    """Where the time of a frame goes."""
    result = measured("profile")
    if not result:
        raise SystemExit("there is no profile yet: make profile")
    return anatomy.page(result, measured("windows"))


PAGES = {"performance": performance, "profile": profile}


def main() -> int:
    page, chosen = Path(sys.argv[1]), sys.argv[2:]
    lines = PAGES[page.stem](page, chosen)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
