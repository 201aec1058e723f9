"""The X server and the simulated desktop."""

from __future__ import annotations

from statistics import median
from typing import Any

from . import contents, recovery
from .cells import Results
from .plots import Bars
from .table import Row, percentile, table, targets

TITLE = "Full HD on an X server, 60 presents a second"
FULL_HD, UHD = "1920x1080", "3840x2160"
FRAME = 1920 * 1080 * 4
FREE = 0.02  # milliseconds


def wall(result: dict[str, Any], screen: str, name: str) -> float:
    """Median milliseconds of a contender."""
    return median(result["screens"][screen][name]["wall_ms"])


def costs(result: dict[str, Any], screen: str, work: str, ours: str, theirs: str, most: float) -> list[Row]:
    """Nothing where one of them was not measured."""
    if not {ours, theirs} <= result["screens"][screen].keys():
        return []
    ratio = wall(result, screen, ours) / wall(result, screen, theirs)
    return [Row(f"{screen}: {work}", f"≤ {most:g}× the time of {theirs}", f"{ratio:.2f}×", ratio <= most)]


def full_rows(result: dict[str, Any]) -> list[Row]:
    """The whole screen has changed."""
    rows = []
    for screen in (FULL_HD, UHD):
        for theirs, most in (("mss bgra", 0.6), ("raw", 1.1)):
            rows += costs(result, screen, "`grab()`, all changed", "rustcam bgra", theirs, most)
        for fmt in ("bgr", "rgb"):
            work = f'`grab(fmt="{fmt}")`, all changed'
            rows += costs(result, screen, work, f"rustcam {fmt}", "rustcam bgra", 1.15)
        for theirs, most in (("mss rgb", 0.125), ("mss rgb opencv", 0.5)):
            rows += costs(result, screen, '`grab(fmt="rgb")`, all changed', "rustcam rgb", theirs, most)
    return rows


def kernel_rows(kernels: list[dict[str, Any]]) -> list[Row]:
    rows = []
    for name, least in (("bgr", 0.85), ("rgb", 0.85), ("rgba", 0.85), ("gray", 0.45)):
        ratio = median(heat["sizes"][FULL_HD][name]["ratio_median"] for heat in kernels)
        target = f"≥ {least:g}× memcpy's bytes per second"
        rows.append(Row(f"{FULL_HD}: kernel BGRA→{name}", target, f"{ratio:.2f}×", ratio >= least))
    return rows


def delivery_rows(deliveries: dict[str, Any]) -> list[Row]:
    streams = deliveries["stream"]
    taken, presents = (sum(count) for count in zip(*((len(s["latency_ms"]), s["presents"]) for s in streams)))
    # The median over the rounds: one bad moment of the machine spoils one of them.
    stream, grab = (
        median(percentile(turn["latency_ms"], 95) for turn in deliveries[name]) for name in ("stream", "grab")
    )
    work = "sim, 240 Hz: `start(0)` and `get_latest_frame()`"
    share, ratio = taken / presents, stream / grab
    return [
        Row(work, "≥ 99 % of the presents delivered", f"{100 * share:.1f} %", share >= 0.99),
        Row(
            f"{work}, p95 from present to array",
            "≤ 1.3× that of `grab()`",
            f"{ratio:.2f}× ({stream:.2f} to {grab:.2f} ms)",
            ratio <= 1.3,
        ),
    ]


def slot_rows(rounds: list[dict[str, Any]]) -> list[Row]:
    rows = []
    for size in dict.fromkeys(turn["size"] for turn in rounds):
        turns = [turn for turn in rounds if turn["size"] == size]
        errors, drifts = [], []
        for turn in turns:
            behind, usual = turn["behind_us"], median(turn["behind_us"])
            errors.append(sum(abs(us - usual) for us in behind) / len(behind))
            # Other programs only ever delay a slot, so the early ones of a second tell where the clock is.
            drifts.append(percentile(behind[-60:], 10) - percentile(behind[:60], 10))
        error, drift = median(errors), median(drifts)
        ratio = median(turn["cpu_s"] / turn["cpu_s_of_grabs"] for turn in turns)
        seconds, late = len(turns[0]["behind_us"]) / 60, sum(turn["late"] for turn in turns)
        work = f"sim {size}, 60 Hz: `frames(60)` for {len(turns)} × {seconds:.0f} s"
        rows += [
            Row(f"{work}, mean slot error", "< 50 µs", f"{error:.0f} µs, {late} late", error < 50),
            Row(f"{work}, drift first to last second", "none (< 50 µs)", f"{drift:+.0f} µs", abs(drift) < 50),
            Row(f"{work}, CPU", "≤ 1.1× as many `grab()`", f"{ratio:.2f}×", ratio <= 1.1),
        ]
    return rows


def spinning_row(spinning: dict[str, list[float]]) -> Row:
    loss = 1 - median(spinning["beside"]) / median(spinning["alone"])
    work = "sim, 240 Hz: a Python loop beside a stream and its reader"
    return Row(work, "loses < 5 % of its turns", f"{100 * loss:.1f} %", loss < 0.05)


def rows(result: dict[str, Any]) -> list[Row]:
    found = full_rows(result)
    for screen, share, most in ((FULL_HD, "0.11", 0.5), (UHD, "0.03", 0.25)):
        found += costs(result, screen, f"640×360 region ({share} of the area)", "rustcam region", "rustcam bgra", most)
    little = "1 % changed, `copy=False`"
    found += costs(result, FULL_HD, little, "rustcam little", "rustcam borrowed", 0.2)
    static = wall(result, FULL_HD, "rustcam static")
    copied = result["steady"]["bytes_copied_by_1000_polls"]
    found.append(
        Row(
            f"{FULL_HD}: static, `grab(timeout_ms=0)`",
            "< 20 µs, no pixel copied",
            f"{1000 * static:.1f} µs, {copied} bytes",
            static < FREE and copied == 0,
        )
    )
    if "contents" in result:
        found += contents.rows(result["contents"])
    found += recovery.rows(result.get("recovery", []))
    if "import" in result:
        importing = median(result["import"]["rustcam_ms"])
        found.append(Row("`import rustcam` after numpy", "< 60 ms", f"{importing:.1f} ms", importing < 60))
    found += kernel_rows(result["kernels"])
    steady = result["steady"]
    growth = max(steady["resident_bytes"]) - steady["resident_bytes"][0]
    faults = steady["page_faults"] / steady["grabs"]
    found.append(
        Row(
            f"{FULL_HD}: {steady['grabs']} grabs",
            "memory flat, nothing of the size of a frame allocated",
            f"{growth / 2**20:+.1f} MiB, {faults:.2f} page faults per grab",
            growth < FRAME and faults < 10,
        )
    )
    if streams := result.get("streams"):
        found += delivery_rows(streams["deliveries"])
        found += slot_rows(streams["slots"])
        found.append(spinning_row(streams["spinning"]))
    return found


def times(samples: dict[str, dict[str, list[float]]]) -> list[str]:
    rows = []
    for name, sample in samples.items():
        ms, cpu = sample["wall_ms"], sum(sample["cpu_ms"]) / len(sample["cpu_ms"])
        rows.append([name, f"{median(ms):.3f}", f"{percentile(ms, 95):.3f}", f"{cpu:.3f}", str(len(ms))])
    return table(["work", "median ms:", "p95 ms:", "CPU ms:", "samples:"], rows)


def kernel_times(kernels: list[dict[str, Any]]) -> list[str]:
    rows = []
    for size, field in kernels[0]["sizes"].items():
        for name in field:
            heats = [heat["sizes"][size][name] for heat in kernels]
            middle, best = median(heat["median_ms"] for heat in heats), min(heat["best_ms"] for heat in heats)
            ratio = median(heat["ratio_median"] for heat in heats)
            rows.append([size, name, f"{middle:.3f}", f"{best:.3f}", f"{ratio:.2f}"])
    return table(["size", "kernel", "median ms:", "best ms:", "bytes per second to memcpy's:"], rows)


def bars(result: dict[str, Any]) -> Bars:
    """What the picture shows."""
    if "contents" not in result:
        return {}
    results = Results(result["contents"])
    return {
        contents.WHAT[content]: [
            (name, results.cell(name, "free", content, FULL_HD)) for name in contents.FIELD if name != "ffmpeg"
        ]
        for content in contents.MOVING
    }


def section(result: dict[str, Any], source: str) -> list[str]:
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        "## Linux",
        "",
        f"Written by `make bench` from `{source}`, which holds every sample.",
        "",
        f"- Measured on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}.",
        f"- Python {machine['python']}, {versions}; pixel kernels: {machine['cpu_path']}.",
        "- A real X server (Xvfb). Before every timed call, and outside of it, the screen gets a new colour.",
        "- All contenders take turns in random order within each round. `raw` is XShmGetImage alone, called from C.",
        "- `mss bgra` is `np.asarray(sct.grab(monitor))`; `mss rgb` is that made a contiguous RGB array by numpy, and",
        "  `mss rgb opencv` by OpenCV.",
        "- CPU is the time of the capturing process without that of keeping account of the frames; the X server's own",
        "  is not in it.",
        "- Streams are measured on the simulated desktop, full HD if nothing else is said; it takes CPU time, too.",
        "  The error of a slot is how much later or earlier than usual `next()` returned. The tiny desktop costs",
        "  next to nothing, so that its errors are those of the clock and the machine alone.",
        "",
        "### Targets on Linux",
        "",
        *targets(rows(result)),
        "",
        "What RGB and BGR cost here beside BGRA, and why, is shown by the [profile](profile.md#what-rgb-costs).",
    ]
    if "contents" in result:
        lines += [
            "",
            "### Contents",
            "",
            *contents.EXPLAINED,
            *contents.lines(result["contents"]),
        ]
    if "recovery" in result:
        lines += ["", "### From a loss to the next image", "", *recovery.lines(result["recovery"])]
    for screen, samples in result["screens"].items():
        lines += ["", f"### Times at {screen}", "", *times(samples)]
    lines += [
        "",
        "### Pixel kernels",
        "",
        "Bytes are those read and those written. `bgra_90` and the like turn the image. numpy and OpenCV are compared",
        "with memcpy in their own process; OpenCV may use all processors.",
        "",
    ]
    lines += kernel_times(result["kernels"])
    return lines
