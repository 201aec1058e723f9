"""Makes a page from its template in `pages/` and the results: render.py PAGE [RESULTS]. Prints the claims of these.

A template has slots, which begin with the name of a result. `{{x11 COLUMNS | WORKLOAD; WORKLOAD}}` is a table, and
`{{x11 plot KIND: TITLE | WORKLOAD; WORKLOAD}}` a picture (`plots.py`). Every line of `{{x11 claims … }}` is a claim.
`{{x11 FACT}}` is something about the machine, and `{{x11 WORKLOAD: CONTENDER: COLUMN}}` one number. Of a page with the
comments `measured` and `end of measured`, only what is between them is written.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path

from rustcam.cli.table import show

from .contenders import PAGES
from .report import judged, markdown, table, text
from .run import Results

SLOT = re.compile(r"\{\{([\w-]+) ([^}]+)\}\}")
MEASURED = re.compile(r"(<!-- measured: .*?-->\n).*?(<!-- end of measured -->)", re.DOTALL)


def render(page: Path, chosen: list[str], draw: bool = True) -> None:
    """`draw`: the pictures, too. That needs matplotlib."""
    results: defaultdict[str, Results] = defaultdict(lambda: Results({}, {}))
    results.update({file.stem: Results.read(file) for file in (PAGES.parent / "results").glob("*.json")})

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
            kind, _, title = what[len("plot ") :].partition(": ")
            if not all(found.contenders(workload) for workload in workloads.split("; ")):
                return "Not measured yet."
            picture = f"plots/{name}-{kind}.svg"
            if draw:
                import_module("benches.plots").write(kind, title, found, workloads.split("; "), page.parent / picture)
            return f"![{title}]({picture})"
        if workloads:
            return table(found, what, workloads.split("; "))
        return text(found, *what.split(": ")) if ": " in what else str(found.machine.get(what, "–"))

    filled = SLOT.sub(fill, (PAGES / page.name).read_text(encoding="utf-8"))
    if page.exists() and MEASURED.search(before := page.read_text(encoding="utf-8")):
        filled = MEASURED.sub(lambda marks: marks[1] + filled + marks[2], before)
    page.write_text(filled, encoding="utf-8")
    print(f"written: {page}")


if __name__ == "__main__":
    render(Path(sys.argv[1]), sys.argv[2:])
