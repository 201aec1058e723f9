"""What the pointer costs, and how long it takes from a loss to the next image."""

from __future__ import annotations

from statistics import median
from typing import Any

from .table import Row, percentile, table


def rows(measured: list[dict[str, Any]]) -> list[Row]:
    return [
        Row(
            f"{row['backend']}, full HD: `cursor=True`",
            "≥ 0.98× the frame rate of `cursor=False`",
            f"{row['ratio']:.3f}×",
            row["ratio"] >= 0.98,
        )
        for row in measured
        if row["what"] == "cursor"
    ]


def lines(measured: list[dict[str, Any]]) -> list[str]:
    cells = []
    for row in measured:
        if row["what"] == "loss":
            what = f"sim: access lost for {row['away_ms']:.0f} ms, since it could be had again"
            samples = row["since_return_ms"]
        elif row["what"] == "mode":
            what, samples = "x11: another mode, since `xrandr` returned", row["since_change_ms"]
        elif row["what"] == "restart":
            what, samples = "x11: the server killed, since another one was there", row["since_return_ms"]
        else:
            continue
        cells.append([what, f"{median(samples):.1f}", f"{percentile(samples, 95):.1f}", str(len(samples))])
    return table(["what happened", "median ms:", "p95 ms:", "samples:"], cells)
