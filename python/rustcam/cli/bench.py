"""`rustcam bench`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from .contenders import CONTENDERS, installed
from .measuring import Plan, measure
from .options import Screen, seconds
from .table import show

NAME = "bench"
HELP = "measure frame rate, CPU time and latency on this machine"
DETAILS = (
    "Something has to move on the screen. An image counts as unique if a pixel differs from the image before, as a"
    " duplicate if none does; latency is the time from the present to the array, and missed are presents that no image"
    " showed, both known to packages that tell of presents; CPU time is that of the whole process inside the calls."
)
EXAMPLES = [
    ("rustcam bench --seconds 5 --json", "for programs"),
    ("rustcam bench --region 0,0,640,360 --fmt rgb", "a part of the screen, in another format"),
    ("rustcam bench --peers", "mss, Pillow, dxcam, bettercam too, if installed, each in a process"),
]

COLUMNS = ["package", "unique fps", "fps", "unique", "duplicated", "missed"]
COLUMNS += ["CPU ms", "latency p50", "p95", "p99 ms", "RSS MB", "note"]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=seconds, default="3", metavar="S", help="how long")
    parser.add_argument("--fmt", default="bgra", help="pixel format")
    parser.add_argument("--peers", action="store_true", help="measure other installed packages, too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    plan = Plan(Screen.chosen(arguments), arguments.fmt, float(arguments.seconds))
    if not arguments.peers:
        report = measure(CONTENDERS["rustcam"], plan)
        print(json.dumps(report, indent=2)) if arguments.json else describe(report)
        return 0
    if plan.screen.source.backend == "sim":
        raise ValueError("other packages cannot see the simulated desktop: --peers needs a real one")
    reports = [in_a_process(name, plan) for name in installed()]
    if arguments.json:
        print(json.dumps(reports, indent=2))
    else:
        show(COLUMNS, [row(report) for report in reports])
    return 0 if all("error" not in report for report in reports) else 1


def in_a_process(name: str, plan: Plan) -> dict[str, Any]:
    """What a contender measured alone. Several in one process would share its memory and hinder each other."""
    command = [sys.executable, "-m", "rustcam.cli.measuring", name, plan.to_json()]
    limit = plan.seconds + 30
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"package": name, "error": f"did not end within {limit:g} s"}
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return {"package": name, "error": reason[-1]}
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def row(report: dict[str, Any]) -> list[str]:
    if "error" in report:
        return [report["package"], *[""] * (len(COLUMNS) - 2), report["error"]]
    latency = report["latency_ms"] or {}
    return [
        f"{report['package']} {report['version']}",
        f"{report['unique_fps']:.1f}",
        f"{report['fps']:.1f}",
        *(number(report[count], 0) for count in ("unique", "duplicated", "missed")),
        number(report["cpu_ms_per_frame"], 3),
        *(number(latency.get(p), 2) for p in ("p50", "p95", "p99")),
        number(report["rss_mb"], 0),
        remark(report),
    ]


def describe(report: dict[str, Any]) -> None:
    print("{backend} {width}x{height}: {frames} frames in {seconds:.2f} s".format_map(report))
    if report["unique"]:
        print("unique       {unique_fps:.1f} fps of {fps:.1f}: {unique} images".format_map(report))
        print("others       {duplicated} duplicates, {missed} presents missed".format_map(report))
        print("CPU time     {cpu_ms_per_frame:.3f} ms per frame".format_map(report))
        print("latency      {p50:.2f} ms median, {p95:.2f} ms p95, {p99:.2f} ms p99".format_map(report["latency_ms"]))
        print(f"memory       {number(report['rss_mb'], 0)} MB")
    if remark(report):
        print(remark(report))


def remark(report: dict[str, Any]) -> str:
    if not report["unique"]:
        return "nothing on the screen changed, so there was nothing to measure"
    return f"slower than it could be: {report['fallback']}" if report["fallback"] else ""


def number(value: Any, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
