"""Frames that stay on the device, beside frames that become arrays."""

from __future__ import annotations

from statistics import median
from typing import Any

from .table import Row, table

FULL_HD, TINY = "1920x1080", "64x48"
WAYS = (("grab", FULL_HD), ("grab copy=False", FULL_HD), ("grab_gpu", FULL_HD), ("grab_gpu", TINY))
TIMES = ("cpu_ms", "device_ms", "thread_cpu_ms", "process_cpu_ms")
HEADS = ["", "desktop", "CPU ms:", "device ms:", "thread's CPU ms:", "process's CPU ms:", "maps:", "MiB mapped:"]


def middle(rounds: list[dict[str, Any]], way: tuple[str, str], what: str) -> float:
    """The median over the rounds."""
    return median(sample[what] for turn in rounds for sample in turn["gpu"] if (sample["way"], sample["size"]) == way)


def rows(rounds: list[dict[str, Any]]) -> list[Row]:
    array, texture = (middle(rounds, (way, FULL_HD), "cpu_ms") for way in ("grab", "grab_gpu"))
    maps = max(sample["maps"] for turn in rounds for sample in turn["gpu"] if sample["way"] == "grab_gpu")
    ratio = texture / array
    work = "full: `grab_gpu()`"
    return [
        Row(f"{work}, CPU per frame without the device's", "≤ 0.25× `grab()`", f"{ratio:.2f}×", ratio <= 0.25),
        Row(work, "maps nothing", f"{maps:g} maps per frame", not maps),
    ]


def lines(rounds: list[dict[str, Any]]) -> list[str]:
    cells = []
    for name, size in WAYS:
        times = [f"{middle(rounds, (name, size), what):.3f}" for what in TIMES]
        maps, mapped = (middle(rounds, (name, size), what) for what in ("maps", "bytes_mapped"))
        cells.append([f"`{name}`", size, *times, f"{maps:g}", f"{mapped / 2**20:.1f}"])
    return table(HEADS, cells)
