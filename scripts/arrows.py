"""Holds the architecture: which part of the source may use which other part, and no circles: arrows.py [ROOT].

`error <- geometry <- region, color <- frame <- frame_format <- axis <- {pixels, source} <- capture <- rustcam-python`,
one way only. Inside each crate no file may use another that uses it, directly or through others; `rust_modules.py`
says what counts as a use. Comments and tests are free.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from rust_modules import Arrow, Crate, Module

HERE = Path(__file__).resolve().parent.parent

# A module of the engine may use modules of lower levels only; those of one level do not know each other.
LEVELS = {
    "error": 0,
    "kernel_wait": 0,
    "event_count": 1,
    "clock": 2,
    "color": 1,
    "memory": 1,
    "geometry": 1,
    "region": 2,
    "frame": 3,
    "frame_format": 4,
    "axis": 5,
    "pixels": 6,
    "source": 6,
    "parallel": 7,
    "capture": 8,
}

# What may be named where: a pattern, the places allowed to match it, and the reason.
PLACES = [
    (r"\bx11rb::", ["rustcam/src/source/x11/"], "only the x11 backend speaks X11"),
    (
        # The crate; the simulated desktop has a module of that name.
        r"\bwindows(_core|_sys)?::(core|[A-Z]\w+::)|\bwindows_(core|sys)::",
        [
            "rustcam/src/source/d3d11/",
            "rustcam/src/source/displays/",
            "rustcam/src/source/dxgi/",
            "rustcam/src/source/wgc/",
            "rustcam/src/kernel_wait.rs",
            "dda-lab/",
        ],
        "only the backends of Windows, their lab and kernel_wait.rs speak to Windows",
    ),
    (r"\b(pyo3|numpy)::", ["rustcam-python/"], "the engine knows no Python"),
    (
        r"\bInstant\b|\bSystemTime\b|\bthread::sleep\b|\bclock_gettime\b",
        ["rustcam/src/clock.rs", "rustcam/src/event_count.rs", "dda-lab/src/clock.rs"],
        "only clock.rs reads the clock or sleeps, event_count.rs, and the clock of the lab",
    ),
    (
        r"\bunsafe\b",
        [
            "rustcam/src/source/",
            "rustcam/src/memory.rs",
            "rustcam/src/clock.rs",
            "rustcam/src/kernel_wait.rs",
            "rustcam/src/pixels/",
            "rustcam/src/parallel/",
            "rustcam-python/",
            "dda-lab/",
        ],
        "unsafe stays at the borders of the system",
    ),
]


def room(module: Module) -> str:
    """The folder that a module is in, or the module itself where it is a file of the crate's own folder."""
    path = module.home.path
    return "::".join(path if module.file.name == "mod.rs" or len(path) < 2 else path[:-1]) or "lib"


def places(name: str, code: str) -> Iterator[str]:
    """What stands where it may not, in the file called `name`."""
    for number, line in enumerate(code.splitlines(), 1):
        for pattern, allowed, reason in PLACES:
            if re.search(pattern, line) and not name.startswith(tuple(allowed)):
                yield f"crates/{name}:{number}: {reason}"


def wrong_way(arrow: Arrow) -> str:
    """Why an arrow of the engine must not be; nothing if it may."""
    here, other = arrow.source.path[:1], arrow.target.path
    if not here or not other or here == other[:1]:
        return ""
    levels = [LEVELS.get(name) for name in (here[0], other[0])]
    if levels[0] is None or levels[1] is None:
        return f"{here[0] if levels[0] is None else other[0]} has no level in scripts/arrows.py"
    if levels[1] >= levels[0]:
        return f"{here[0]} must not know {other[0]}"
    if here[0] == "capture" and other[0] == "source" and len(other) > 1 and is_backend(arrow.target):
        return "capture must not know which backend it runs on"
    return ""


def is_backend(module: Module) -> bool:
    """Whether a module under `source` belongs to one of its folders."""
    return len(module.path) > 2 or module.file.name == "mod.rs"


def circles(graph: dict[Path, set[Path]]) -> Iterator[list[Path]]:
    """The sets of files of which each can be reached from each (strongly connected components of more than one)."""
    numbers: dict[Path, int] = {}
    lowest: dict[Path, int] = {}
    stack: list[Path] = []

    def visit(file: Path) -> Iterator[list[Path]]:
        numbers[file] = lowest[file] = len(numbers)
        stack.append(file)
        for other in sorted(graph[file]):
            if other not in numbers:
                yield from visit(other)
                lowest[file] = min(lowest[file], lowest[other])
            elif other in stack:
                lowest[file] = min(lowest[file], numbers[other])
        if lowest[file] == numbers[file]:
            found = stack[stack.index(file) :]
            del stack[stack.index(file) :]
            if len(found) > 1:
                yield sorted(found)

    for file in sorted(graph):
        if file not in numbers:
            yield from visit(file)


def rooms(arrows: Iterable[Arrow], modules: Iterable[Module]) -> Iterator[str]:
    """One line per room: which other rooms it uses."""
    used: dict[str, set[str]] = {room(module): set() for module in modules}
    for arrow in arrows:
        used[room(arrow.source)].add(room(arrow.target))
    width = max(len(name) for name in used)
    for name, others in sorted(used.items()):
        yield f"  {name:{width}} -> {', '.join(sorted(others - {name})) or '(nothing)'}"


def circle_lines(circle: list[Path], arrows: Iterable[Arrow], root: Path) -> Iterator[str]:
    """The files on a circle, each with the lines that use others on it."""
    uses: dict[tuple[Path, Path], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for arrow in arrows:
        if arrow.source.file in circle and arrow.target.file in circle:
            uses[arrow.source.file, arrow.target.file][arrow.line].add(arrow.text)
    for (file, other), lines in sorted(uses.items()):
        back = ", which uses it" if (other, file) in uses else ""
        yield f"    {file.relative_to(root).as_posix()} uses {other.relative_to(root).as_posix()}{back}"
        yield from (f"      line {line}: {', '.join(sorted(names))}" for line, names in sorted(lines.items()))


def main(root: Path = HERE) -> int:
    faults: list[str] = []
    count = 0
    for lib in sorted(root.glob("crates/*/src/lib.rs")):
        crate = Crate(lib)
        arrows = [arrow for arrow in crate.arrows() if arrow.source.file != arrow.target.file]
        print(lib.parent.relative_to(root).as_posix())
        print(*rooms(arrows, crate.modules), sep="\n")
        for file, code in crate.code.items():
            faults += places(file.relative_to(root / "crates").as_posix(), code)
        if lib.parts[-3] == "rustcam":
            reasons = ((arrow, wrong_way(arrow)) for arrow in arrows)
            lines = [f"{a.source.file.relative_to(root).as_posix()}:{a.line}: {why}" for a, why in reasons if why]
            faults += dict.fromkeys(lines)
        graph = {file: {a.target.file for a in arrows if a.source.file == file} for file in crate.code}
        for circle in circles(graph):
            count += 1
            print(f"  circle of {len(circle)} files:")
            print(*circle_lines(circle, arrows, root), sep="\n")
    print(*faults, sep="\n", end="\n" if faults else "")
    directions = f"{len(faults)} arrows point the wrong way" if faults else "all arrows point one way"
    print(f"{directions}, {count} circle{'' if count == 1 else 's'}")
    return 1 if faults or count else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:])))
