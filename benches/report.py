"""Cells as a page shows them: columns of tables, and claims.

A table is a row for each contender of the workloads that the page names, in columns that it names. A claim is a line of
the page's template, `work | target | formula | cells`: the first number of the target is the limit, the sign before it
says on which side the formula's value has to be, and the cells are `workload: contender & contender; workload: …`. So a
claim that is like another one needs only a line in the page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from .contenders import ORDER, PAGES
from .run import Cell, NotMeasuredError, Results

LIMIT = re.compile(r"([≤<≥]) ([\d.]+)")
# Counting begins in the middle of a frame and ends in one.
NOISE = 1.0  # percent
# Columns that say what a row is of: the contender, and the words of the workload's name.
LABELS = ("contender", "size", "content", "Hz", "format", "way")
# How kernels are timed: the numbers of threads, also with streaming stores, and what is shown of each.
WAYS = ("1", "2", "4", "1s", "2s", "4s")
BY_WAY = ("warm", "reading", "spent")
GROUPS = {
    "all": ["fps", "missed", "repeated", "p50", "p95", "p99", "cpu"],
    **{kind: [f"{kind} {way}" for way in WAYS] for kind in BY_WAY},
}


def lines_of(file: str) -> list[list[str]]:
    """The fields of a list in `pages/`, without its comments."""
    lines = (PAGES / file).read_text(encoding="utf-8").splitlines()
    return [line.split(" | ") for line in lines if not line.startswith("#")]


COLUMNS = {name: rest for name, *rest in lines_of("columns.txt")}


def in_order(contenders: Sequence[str]) -> list[str]:
    """That of the matrix; others come last, as they were recorded."""
    return sorted(contenders, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def table(results: Results, names: str, workloads: Iterable[str]) -> str:
    columns = [column for name in names.split(", ") for column in GROUPS.get(name, [name])]
    places = [(workload, name) for workload in workloads for name in in_order(results.contenders(workload))]
    rows = [[text(results, *place, column) for column in columns] for place in places]
    heads = [f"{COLUMNS[column][0]}:" if column in COLUMNS else column for column in columns]
    return markdown(heads, rows) if rows else "Not measured yet."


def text(results: Results, workload: str, contender: str, column: str) -> str:
    """Of two contenders (`one / other`) the ratio; nothing where it was not measured."""
    if column in LABELS:
        return [contender, *re.split("[ @]", workload, maxsplit=4)][LABELS.index(column)]
    try:
        one, *other = (value(results.cell(workload, name), column) for name in contender.split(" / "))
    except NotMeasuredError:
        return "–"
    return f"{one / other[0]:.2f}" if other else f"{one:{COLUMNS[column][1]}}"


def value(cell: Cell, column: str) -> float:
    shown, *metrics = COLUMNS[column][2].split()
    found = getattr(cell, shown)
    return float(found(*metrics) if metrics else found)


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    marks = ["---:" if head.endswith(":") else "---" for head in heads]
    names = [head.rstrip(":") for head in heads]
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join(marks)}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


class Found(NamedTuple):
    """What a formula finds: the words for the page, the value for the limit, and whether all else is good."""

    words: str
    value: float = 0.0
    good: bool = True


def judged(results: Results, claim: str) -> list[str]:
    """Work, target, what was found, verdict."""
    work, target, formula, places = claim.split(" | ")
    pairs = [place.split(": ") for place in places.split("; ")]
    kind, _, column = formula.partition(" ")
    try:
        cells = [results.cell(workload, name) for workload, names in pairs for name in names.split(" & ")]
        found = FORMULAS[kind](*cells, **({"column": column} if column else {}))
    except NotMeasuredError:
        return [work, target, "not measured yet", ""]
    sign, limit = next(iter(LIMIT.findall(target)), ("≤", "inf"))
    holds = {"≤": found.value <= float(limit), "<": found.value < float(limit), "≥": found.value >= float(limit)}
    return [work, target, found.words, "met" if holds[sign] and found.good else "missed"]


def single(cell: Cell, column: str) -> Found:
    """A number with a sign is judged by its size."""
    unit, spec, _ = COLUMNS[column]
    return Found(f"{value(cell, column):{spec}} {unit}".replace(" ×", "×"), abs(value(cell, column)))


def ratio(ours: Cell, *peers: Cell, column: str, values: bool = False) -> Found:
    """To the best of the peers, perhaps with the values."""
    (head, spec, _), mine, best = COLUMNS[column], value(ours, column), min(value(peer, column) for peer in peers)
    # On a busy machine the lab counts too much time as its own, and the rest can be negative.
    found = mine / best if mine >= 0 and best > 0 else math.inf
    return Found(f"{found:.2f}×" + f" ({mine:{spec}} to {best:{spec}} {head.split()[-1]})" * values, found)


def speed(ours: Cell, peer: Cell, column: str) -> Found:
    """A ratio of rates, from columns of times."""
    found = ratio(peer, ours, column=column).value
    return Found(f"{found:.3f}×", found)


def none(*cells: Cell, column: str) -> Found:
    counts = [(name, sum(value(cell, name) for cell in cells)) for name in column.split(", ")]
    return Found(", ".join(f"{count:.0f} {name}" for name, count in counts), good=not any(count for _, count in counts))


def delivers(ours: Cell, *peers: Cell) -> Found:
    best = max(peer.share for peer in peers)
    words = f"{value(ours, 'fps'):.0f} fps, {ours.share:.1f} % of the presents (best peer {best:.1f} %)"
    return Found(words, good=ours.share >= best - NOISE)


def cpu(ours: Cell, raw: Cell, *peers: Cell) -> Found:
    """Processor time per frame beside the best peer's, and that of a bare request."""
    found, floor = ratio(ours, *peers, column="cpu", values=True), ratio(raw, *peers, column="cpu")
    return found._replace(words=f"{found.words[:-1]}; raw: {floor.words})")


def net(ours: Cell, *peers: Cell, column: str = "cpu, net") -> Found:
    """The same with and without what the lab costs, of these two columns."""
    total, least = (ratio(ours, *peers, column=name) for name in column.split(", "))
    if math.isinf(least.value):
        return Found(f"{total.words} total, net cannot be known: the machine was busy", good=False)
    return Found(f"{total.words} total, {least.words} net", max(total.value, least.value))


def tail(cell: Cell, *raw: Cell) -> Found:
    """How much longer than usual one frame in a hundred takes, and the same of what is possible at best."""
    usual, late = cell.median("p50_ms"), cell.median("p99_ms")
    floor = "".join(f"; raw, paced: {tail(best).words}" for best in raw)
    return Found(f"{late / usual:.2f}× ({late:.2f} to {usual:.2f} ms){floor}", late / usual)


def only_net(ours: Cell, *peers: Cell) -> Found:
    return net(ours, *peers)._replace(value=ratio(ours, *peers, column="net").value)


def idle(cell: Cell) -> Found:
    frames, busy = cell.total("frames"), cell.percent("cpu_ms")
    return Found(f"{frames:.0f} frames, {busy:.2f} %", busy, not frames)


def asleep(cell: Cell) -> Found:
    """Threads that do nothing, of which there have to be some."""
    count, woken, busy = cell.total("threads"), cell.total("wake_ups"), cell.percent("cpu_ms")
    return Found(f"{woken:.0f} wake-ups of {count:.0f} threads, {busy:.4f} %", busy, count > 0 and not woken)


def polled(still: Cell, memory: Cell) -> Found:
    us, copied = 1000 * still.median("ms_p50"), memory.total("polls_copied")
    return Found(f"{us:.1f} µs, {copied:.0f} bytes", us, not copied)


def flat(cell: Cell) -> Found:
    growth, faults = cell.total("growth_bytes"), cell.total("page_faults/grabs")
    good = growth < 1920 * 1080 * 4 and faults < 10
    return Found(f"{growth / 2**20:+.1f} MiB, {faults:.2f} page faults per grab", good=good)


def mapped(cell: Cell) -> Found:
    size = cell.total("bytes_mapped") / max(1, cell.total("maps"))
    return Found(f"{size:.0f} bytes", good=round(size) == 640 * 360 * 4)


def error(cell: Cell) -> Found:
    return Found(f"{cell.median('error_us'):.0f} µs, {cell.total('late'):.0f} late", cell.median("error_us"))


FORMULAS: dict[str, Callable[..., Found]] = {
    "spread": partial(ratio, values=True),
    **{formula.__name__: formula for formula in (single, ratio, speed, none, delivers, cpu, net, only_net)},
    **{formula.__name__: formula for formula in (tail, idle, asleep, polled, flat, mapped, error)},
}
