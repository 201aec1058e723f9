"""Frames that stay on the device, beside frames that become arrays."""

from __future__ import annotations

from statistics import median
from typing import Any

from .table import Row, table

WAYS = ("grab", "grab copy=False", "grab_gpu")
HEADS = ["", "CPU ms:", "device ms:", "thread's CPU ms:", "process's CPU ms:", "maps:", "MiB mapped:"]


def middle(rounds: list[dict[str, Any]], way: str, what: str) -> float:
    """The median over the rounds."""
    return median(sample[what] for turn in rounds for sample in turn["gpu"] if sample["way"] == way)


def rows(rounds: list[dict[str, Any]]) -> list[Row]:
    array, texture = (middle(rounds, way, "cpu_ms") for way in ("grab", "grab_gpu"))
    maps = max(sample["maps"] for turn in rounds for sample in turn["gpu"] if sample["way"] == "grab_gpu")
    ratio = texture / array
    return [
        Row(
            "full: `grab_gpu()`, CPU per frame without the device's", "≤ 0.25× `grab()`", f"{ratio:.2f}×", ratio <= 0.25
        ),
        Row("full: `grab_gpu()`", "maps nothing", f"{maps:g} maps per frame", not maps),
    ]


def lines(rounds: list[dict[str, Any]]) -> list[str]:
    cells = []
    for way in WAYS:
        times = [
            f"{middle(rounds, way, what):.3f}" for what in ("cpu_ms", "device_ms", "thread_cpu_ms", "process_cpu_ms")
        ]
        mapped = middle(rounds, way, "bytes_mapped") / 2**20
        cells.append([f"`{way}`", *times, f"{middle(rounds, way, 'maps'):g}", f"{mapped:.1f}"])
    return table(HEADS, cells)
