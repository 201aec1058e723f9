"""Holds the architecture: which part of the source may name which other part.

`error <- geometry <- frame <- {pixels, source} <- capture <- rustcam-python`, one way only.
Comments and tests are free.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

CRATES = Path(__file__).resolve().parent.parent / "crates"

# A module of the engine may name modules of lower levels only; those of one level do not know each other.
LEVELS = {"error": 0, "clock": 0, "memory": 0, "geometry": 1, "frame": 2, "pixels": 3, "source": 3, "capture": 4}

# What may be named where: a pattern, the places allowed to match it, and the reason.
PLACES = [
    (r"\bx11rb::", ["rustcam/src/source/x11/"], "only the x11 backend speaks X11"),
    (
        r"\bwindows(_core|_sys)?::",
        ["rustcam/src/source/dxgi/", "dda-lab/"],
        "only the dxgi backend and its lab speak to Windows",
    ),
    (r"\b(pyo3|numpy)::", ["rustcam-python/"], "the engine knows no Python"),
    (
        r"\bInstant\b|\bSystemTime\b|\bthread::sleep\b|\bclock_gettime\b",
        ["rustcam/src/clock.rs", "dda-lab/src/qpc.rs"],
        "only clock.rs reads the clock or sleeps, and qpc.rs for the lab",
    ),
    (
        r"\bunsafe\b",
        [
            "rustcam/src/source/",
            "rustcam/src/memory.rs",
            "rustcam/src/clock.rs",
            "rustcam/src/pixels/",
            "rustcam-python/",
            "dda-lab/",
        ],
        "unsafe stays at the borders of the system",
    ),
]
BACKENDS = re.compile(r"\b(sim|x11|dxgi)::|\b(Sim|X11|Dxgi)Source\b")


def code_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file without comments and string contents, up to its tests."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#[cfg(test)]"):
            return
        code = re.sub(r'"(\\.|[^"\\])*"', '""', line)
        yield number, code.split("//", 1)[0]


def module(name: str) -> str:
    """The engine module that a file belongs to, empty for lib.rs and other crates."""
    match = re.match(r"rustcam/src/(\w+)(\.rs|/)", name)
    return match[1] if match and match[1] in LEVELS else ""


def faults(name: str, code: str) -> Iterator[str]:
    """What is wrong with one line of the file called `name`."""
    for pattern, places, reason in PLACES:
        if re.search(pattern, code) and not name.startswith(tuple(places)):
            yield reason
    here = module(name)
    if not here:
        return
    for other in re.findall(r"\bcrate::(\w+)", code):
        if other in LEVELS and other != here and LEVELS[other] >= LEVELS[here]:
            yield f"{here} must not know {other}"
    if here == "capture" and BACKENDS.search(code):
        yield "capture must not know which backend it runs on"


def main() -> int:
    found = 0
    for path in sorted(CRATES.glob("*/src/**/*.rs")):
        name = path.relative_to(CRATES).as_posix()
        if path.name == "tests.rs" or "/tests/" in name:
            continue
        for number, code in code_lines(path):
            for fault in faults(name, code):
                print(f"crates/{name}:{number}: {fault}")
                found += 1
    print(f"{found} arrows point the wrong way" if found else "all arrows point one way")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
