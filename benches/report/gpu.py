"""Frames that stay on the device, beside frames that become arrays."""

from __future__ import annotations

from statistics import median
from typing import Any

from .table import Row, table

FULL_HD, TINY = "1920x1080", "64x48"
WAYS = ("grab", "grab copy=False", "grab_gpu")
PLACES = (*((way, FULL_HD, desktop) for desktop in ("full", "ordinary") for way in WAYS), ("grab_gpu", TINY, "full"))
TIMES = ("cpu_ms", "device_ms", "thread_cpu_ms", "process_cpu_ms")
HEADS = [
    "",
    "size",
    "desktop",
    "CPU ms:",
    "device ms:",
    "thread's CPU ms:",
    "process's CPU ms:",
    "maps:",
    "MiB mapped:",
]


def middle(rounds: list[dict[str, Any]], place: tuple[str, str, str], what: str) -> float:
    """The median over the rounds."""
    samples = [sample for turn in rounds for sample in turn["gpu"]]
    return median(sample[what] for sample in samples if (sample["way"], sample["size"], sample["desktop"]) == place)


def rows(rounds: list[dict[str, Any]]) -> list[Row]:
    found = []
    for desktop in ("full", "ordinary"):
        array, texture = (middle(rounds, (way, FULL_HD, desktop), "cpu_ms") for way in ("grab", "grab_gpu"))
        ratio = texture / array
        work = f"{desktop}: `grab_gpu()`, CPU per frame without the device's"
        found.append(Row(work, "≤ 0.25× `grab()`", f"{ratio:.2f}×", ratio <= 0.25))
    maps = max(sample["maps"] for turn in rounds for sample in turn["gpu"] if sample["way"] == "grab_gpu")
    return [*found, Row("`grab_gpu()`", "maps nothing", f"{maps:g} maps per frame", not maps)]


def lines(rounds: list[dict[str, Any]]) -> list[str]:
    cells = []
    for place in PLACES:
        name, *where = place
        times = [f"{middle(rounds, place, what):.3f}" for what in TIMES]
        maps, mapped = (middle(rounds, place, what) for what in ("maps", "bytes_mapped"))
        cells.append([f"`{name}`", *where, *times, f"{maps:g}", f"{mapped / 2**20:.1f}"])
    return table(HEADS, cells)
