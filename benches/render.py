"""Makes a page of a measurement: render.py RESULT.json PAGE.md. Also prints its table.

Every number of the page comes from the JSON file; only the targets are written here.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

FULL_HD, UHD = "1920x1080", "3840x2160"
FRAME = 1920 * 1080 * 4
FREE = 0.02  # milliseconds


@dataclass
class Row:
    """One line of the table."""

    work: str
    target: str
    measured: str
    good: bool

    @property
    def verdict(self) -> str:
        return "met" if self.good else "missed"


def wall(result: dict[str, Any], screen: str, name: str) -> float:
    """Median milliseconds of a contender."""
    return median(result["screens"][screen][name]["wall_ms"])


def faster(result: dict[str, Any], screen: str, work: str, ours: str, theirs: str, least: float) -> Row:
    ratio = wall(result, screen, theirs) / wall(result, screen, ours)
    return Row(f"{screen}: {work}", f"≥ {least:g}× the speed of {theirs}", f"{ratio:.2f}×", ratio >= least)


def costs(result: dict[str, Any], screen: str, work: str, ours: str, theirs: str, most: float) -> Row:
    ratio = wall(result, screen, ours) / wall(result, screen, theirs)
    return Row(f"{screen}: {work}", f"≤ {most:g}× the time of {theirs}", f"{ratio:.2f}×", ratio <= most)


def kernel_rows(kernels: dict[str, Any]) -> list[Row]:
    rows = []
    for name, least in (("bgr", 0.85), ("rgb", 0.85), ("rgba", 0.85), ("gray", 0.45)):
        ratio = kernels["sizes"][FULL_HD][name]["ratio_median"]
        target = f"≥ {least:g}× memcpy's bytes per second"
        rows.append(Row(f"{FULL_HD}: kernel BGRA→{name}", target, f"{ratio:.2f}×", ratio >= least))
    return rows


def table(result: dict[str, Any]) -> list[Row]:
    rows = []
    for screen in (FULL_HD, UHD):
        rows.append(faster(result, screen, "`grab()`, all changed", "rustcam bgra", "mss bgra", 1.5))
        rows.append(costs(result, screen, "`grab()`, all changed", "rustcam bgra", "raw", 1.3))
    rows.append(faster(result, FULL_HD, '`grab(fmt="rgb")`, all changed', "rustcam rgb", "mss rgb", 8))
    for screen, share, most in ((FULL_HD, "0.11", 0.5), (UHD, "0.03", 0.25)):
        rows.append(
            costs(result, screen, f"640×360 region ({share} of the area)", "rustcam region", "rustcam bgra", most)
        )
    little = "1 % changed, `copy=False`"
    rows.append(costs(result, FULL_HD, little, "rustcam little", "rustcam borrowed", 0.2))
    static = wall(result, FULL_HD, "rustcam static")
    copied = result["steady"]["bytes_copied_by_1000_polls"]
    rows.append(
        Row(
            f"{FULL_HD}: static, `grab(timeout_ms=0)`",
            "< 20 µs, no pixel copied",
            f"{1000 * static:.1f} µs, {copied} bytes",
            static < FREE and copied == 0,
        )
    )
    rows += kernel_rows(result["kernels"])
    steady = result["steady"]
    growth = max(steady["resident_bytes"]) - steady["resident_bytes"][0]
    faults = steady["page_faults"] / steady["grabs"]
    rows.append(
        Row(
            f"{FULL_HD}: {steady['grabs']} grabs",
            "memory flat, nothing of the size of a frame allocated",
            f"{growth / 2**20:+.1f} MiB, {faults:.2f} page faults per grab",
            growth < FRAME and faults < 10,
        )
    )
    return rows


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[(len(values) - 1) * percent // 100]


def times(samples: dict[str, dict[str, list[float]]]) -> list[str]:
    lines = ["| work | median ms | p95 ms | CPU ms | samples |", "|---|---:|---:|---:|---:|"]
    for name, sample in samples.items():
        ms, cpu = sample["wall_ms"], sum(sample["cpu_ms"]) / len(sample["cpu_ms"])
        lines.append(f"| {name} | {median(ms):.3f} | {percentile(ms, 95):.3f} | {cpu:.3f} | {len(ms)} |")
    return lines


def kernel_times(kernels: dict[str, Any]) -> list[str]:
    lines = ["| size | kernel | median ms | best ms | bytes per second to memcpy's |", "|---|---|---:|---:|---:|"]
    for size, field in kernels["sizes"].items():
        for name, k in field.items():
            lines.append(f"| {size} | {name} | {k['median_ms']:.3f} | {k['best_ms']:.3f} | {k['ratio_median']:.2f} |")
    return lines


def page(result: dict[str, Any], source: str) -> str:
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        "# Performance",
        "",
        f"Written by `make bench` from `{source}`, which holds every sample; no number here is typed by hand.",
        "",
        f"- Measured on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}.",
        f"- Python {machine['python']}, {versions}; pixel kernels: {machine['cpu_path']}.",
        "- A real X server (Xvfb). Before every timed call, and outside of it, the screen gets a new colour.",
        "- All contenders take turns in random order within each round. `raw` is XShmGetImage alone, called from C.",
        "- `mss bgra` is `np.asarray(sct.grab(monitor))`; `mss rgb` is that made a contiguous RGB array by numpy.",
        "- CPU is the time of the capturing process; the X server's own is not in it.",
        "",
        "## Targets",
        "",
        "| work | target | measured | verdict |",
        "|---|---|---:|---|",
        *(f"| {row.work} | {row.target} | {row.measured} | {row.verdict} |" for row in table(result)),
    ]
    for screen, samples in result["screens"].items():
        lines += ["", f"## Times at {screen}", "", *times(samples)]
    lines += [
        "",
        "## Pixel kernels",
        "",
        "Bytes are those read and those written. `bgra_90` and the like turn the image.",
        "",
    ]
    lines += kernel_times(result["kernels"])
    return "\n".join(lines) + "\n"


def main() -> int:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    result = json.loads(source.read_text(encoding="utf-8"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(result, source.as_posix()), encoding="utf-8")
    rows = table(result)
    widths = [max(len(getattr(row, field)) for row in rows) for field in ("work", "target", "measured")]
    for row in rows:
        cells = (row.work.ljust(widths[0]), row.target.ljust(widths[1]), row.measured.rjust(widths[2]), row.verdict)
        print("  ".join(cells))
    print(f"written: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
