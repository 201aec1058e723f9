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
RATES = (144, 180, 240)
WAYS = (("free", "{}"), ("paced", "{}, paced"))
STREAM_TAIL = 1.5
NOISE = 0.01
EXPLAINED = [
    "A program of its own presents, sixty times a second if nothing else is said, each time by one request. Every",
    "present has a number that never comes again, drawn into the pixels at the top and at the bottom; with it goes the",
    "time of the request, told through a pipe, so that the latency of every frame is known exactly. rustcam and ffmpeg",
    "wait for frames; the others cannot, and are asked as often as there are presents. *paced* asks right after each",
    "present. *server* is the time of the X server, painting included; *MiB* is the most that the process had in",
    "memory, pages that it shares with the X server only where it looked at them; *faults* counts what was torn,",
    "changed afterwards, or wrong. `raw` makes no array of its own: its CPU is that of one request for each frame,",
    "which nobody can do without; paced, its latency is what this machine does at best, and how evenly.",
]
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
        best = min(results.cell(name, "free", content, FULL_HD).cpu for name in PEERS)
        bare = results.cell("raw", "free", content, FULL_HD).cpu
        for name, what in (("rustcam copy=False", "`grab(copy=False)`"), ("rustcam stream", "stream")):
            ours = results.cell(name, "free", content, FULL_HD).cpu
            found.append(
                Row(
                    f"{FULL_HD}, {WHAT[content]}: {what}, CPU per frame",
                    f"≤ {most:g}× the best peer",
                    f"{ours / best:.2f}× ({ours:.2f} to {best:.2f} ms; raw: {bare / best:.2f}×)",
                    ours <= most * best,
                )
            )
    for content in ("full", "window"):
        place = ("rustcam stream", "free", f"{content}@240", FULL_HD)
        if results.has(*place):
            ours, floor = tail(results, *place), tail(results, "raw", "paced", f"{content}@240", FULL_HD)
            found.append(
                Row(
                    f"{FULL_HD}, {WHAT[content]}, 240 Hz: stream, p99 from present to array",
                    f"≤ {STREAM_TAIL:g}× the median",
                    f"{ours[1]} (raw, paced: {floor[1]})",
                    ours[0] <= STREAM_TAIL,
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


def tail(results: Results, *place: str) -> tuple[float, str]:
    """How much longer than the median one frame in a hundred takes."""
    cell = results.cell(*place)
    usual, late = cell.latency(50), cell.latency(99)
    return late / usual, f"{late / usual:.2f}×, {late:.2f} to {usual:.2f} ms"


def lines(rounds: list[dict[str, list[dict[str, Any]]]]) -> list[str]:
    results, text = Results(rounds), []
    for screen in (FULL_HD, UHD):
        for content in MOVING:
            if results.has("rustcam", "free", content, screen):
                text += ["", f"#### {screen}, {WHAT[content]}", "", *moving(results, content, screen)]
    for content in MOVING:
        if results.has("rustcam", "free", f"{content}@{RATES[0]}", FULL_HD):
            text += ["", f"#### {FULL_HD}, {WHAT[content]}, at higher rates", "", *rates(results, content)]
    text += ["", "#### Nothing to see", "", *idle(results)]
    if results.has("rustcam", "beside", "full", FULL_HD):
        text += ["", "#### The GIL", "", *beside(results)]
    return text


HEADS = ["fps:", "missed:", "repeated:", "p50 ms:", "p95 ms:", "p99 ms:", "CPU ms:", "server ms:", "MiB:", "faults:"]


def moving(results: Results, content: str, screen: str) -> list[str]:
    body = []
    for way, what in WAYS:
        for name in FIELD:
            if results.has(name, way, content, screen):
                cell = results.cell(name, way, content, screen)
                body.append([what.format(name), *cells(cell)])
    return table(["", *HEADS], body)


def rates(results: Results, content: str) -> list[str]:
    body = []
    for hz in RATES:
        for way, what in WAYS:
            for name in FIELD:
                place = (name, way, f"{content}@{hz}", FULL_HD)
                if results.has(*place):
                    body.append([str(hz), what.format(name), *cells(results.cell(*place))])
    return table(["Hz:", "", *HEADS], body)


def beside(results: Results) -> list[str]:
    """What a grab takes from other threads."""
    body = []
    for name in FIELD:
        cell = results.cell(name, "beside", "full", FULL_HD)
        share, each = cell.total("waited_ms") / (1000 * cell.total("seconds")), cell.total("waited_ms") / cell.frames
        body.append([name, f"{each:.2f}", f"{100 * share:.1f}", f"{cell.fps:.0f}"])
    said = [
        f"How long a loop in Python waits for the interpreter while another thread grabs; {FULL_HD}, everything",
        "changes. It is the time in which the kernel says that the loop neither ran nor waited for a processor, and",
        "handing over is part of it.",
    ]
    return [*said, "", *table(["", "ms per frame:", "% of the time:", "fps:"], body)]


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
