"""Every kind of content on X11."""

from __future__ import annotations

from typing import Any

from .cells import Cell, Results
from .table import Row, table

FULL_HD, UHD = "1920x1080", "3840x2160"
MOVING = ("full", "window", "scroll", "video")
OURS = ("rustcam", "rustcam copy=False", "rustcam stream")
PEERS = ("mss", "pillow", "ffmpeg")
FIELD = (*OURS, *PEERS, "raw")
NOISE = 0.01
WHAT = {
    "full": "everything changes",
    "window": "a window of 320×200 moves",
    "scroll": "a page of 1200×880 scrolls",
    "video": "a video of 1280×720 runs",
    "static": "nothing happens",
    "pointer": "the pointer moves, not drawn",
}


def busy(cell: Cell) -> float:
    """Percent of a processor."""
    return 100 * cell.total("cpu_ms") / (1000 * cell.total("seconds"))


def rows(rounds: list[dict[str, list[dict[str, Any]]]]) -> list[Row]:
    results, found = Results(rounds), []
    for content in MOVING:
        ours, best = (
            max(results.cell(name, "free", content, FULL_HD).share for name in names) for names in (OURS[:1], PEERS)
        )
        found.append(
            Row(
                f"{FULL_HD}, {WHAT[content]}: `grab()`",
                "delivers what the best peer delivers",
                f"{100 * ours:.1f} % of the presents (best peer {100 * best:.1f} %)",
                ours >= best - NOISE,
            )
        )
    for content, most in (("window", 0.1), ("scroll", 0.3)):
        ours, best = (
            min(results.cell(name, "free", content, FULL_HD).cpu for name in names)
            for names in (("rustcam copy=False",), PEERS)
        )
        found.append(
            Row(
                f"{FULL_HD}, {WHAT[content]}: `grab(copy=False)`, CPU per frame",
                f"≤ {most:g}× the best peer",
                f"{ours / best:.2f}× ({ours:.2f} to {best:.2f} ms)",
                ours <= most * best,
            )
        )
    for content in ("static", "pointer"):
        cell = results.cell("rustcam", "idle", content, FULL_HD)
        found.append(
            Row(
                f"{FULL_HD}, {WHAT[content]}: `grab()`",
                "no frame, < 0.1 % of a processor",
                f"{cell.frames:.0f} frames, {busy(cell):.2f} %",
                not cell.frames and busy(cell) < 0.1,
            )
        )
    return found


def lines(rounds: list[dict[str, list[dict[str, Any]]]]) -> list[str]:
    results, text = Results(rounds), []
    for screen in (FULL_HD, UHD):
        for content in MOVING:
            if results.has("rustcam", "free", content, screen):
                text += ["", f"#### {screen}, {WHAT[content]}", "", *moving(results, content, screen)]
    return [*text, "", "#### Nothing to see", "", *idle(results)]


def moving(results: Results, content: str, screen: str) -> list[str]:
    heads = ["", "fps:", "missed:", "repeated:", "p50 ms:", "p95 ms:", "p99 ms:"]
    heads += ["CPU ms:", "server ms:", "MiB:", "faults:"]
    body = []
    for way, what in (("free", "{}"), ("paced", "{}, paced")):
        for name in FIELD:
            if results.has(name, way, content, screen):
                cell = results.cell(name, way, content, screen)
                body.append([what.format(name), *cells(cell)])
    return table(heads, body)


def cells(cell: Cell) -> list[str]:
    return [
        f"{cell.fps:.0f}",
        str(cell.missed),
        str(cell.repeated),
        *(f"{cell.latency(percent):.2f}" for percent in (50, 95, 99)),
        f"{cell.cpu:.2f}",
        f"{cell.total('server_ms') / max(1, cell.frames):.2f}",
        f"{cell.total('peak_mib') / cell.rounds:.0f}",
        str(cell.faults),
    ]


def idle(results: Results) -> list[str]:
    body = []
    for content in ("static", "pointer"):
        for name in FIELD:
            cell = results.cell(name, "idle", content, FULL_HD)
            body.append([WHAT[content], name, f"{cell.frames:.0f}", f"{busy(cell):.2f}"])
    return table(["", "", "frames:", "% of a processor:"], body)
