"""Frames that stay on the device, beside frames that become arrays."""

from __future__ import annotations

from statistics import median
from typing import Any

from .table import Row, table

FULL_HD, TINY = "1920x1080", "64x48"
WAYS = ("grab", "grab copy=False", "grab_gpu")
PLACES = (
    *((way, FULL_HD, desktop) for desktop in ("full", "ordinary") for way in WAYS),
    *((way, TINY, "full") for way in ("grab_gpu", "grab_gpu, shared_handle")),
)
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
    for way, size, desktop in (
        ("grab_gpu", FULL_HD, "ordinary"),
        ("grab_gpu", FULL_HD, "full"),
        ("grab_gpu", TINY, "full"),
        ("grab_gpu, shared_handle", TINY, "full"),
    ):
        array = middle(rounds, ("grab", FULL_HD, desktop), "cpu_ms")
        texture = middle(rounds, (way, size, desktop), "cpu_ms")
        work = f"{desktop}, {size}: `{way}`, CPU per frame without the device's"
        ratio, measured = texture / array, f"{texture / array:.2f}× ({texture:.3f} to {array:.3f} ms)"
        found.append(Row(work, f"≤ 0.25× `grab` of {FULL_HD}", measured, ratio <= 0.25))
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
