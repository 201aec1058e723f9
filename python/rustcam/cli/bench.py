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
    "Something has to move on the screen. An image is unique if a pixel differs from the previous image, else a"
    " duplicate. Latency is the time from the present to the array. Missed presents are in no image. Latency and missed"
    " presents are empty for packages that do not report presents. CPU time is that of the whole process during the"
    " calls."
)
EXAMPLES = [
    ("rustcam bench --seconds 5 --json", "JSON for programs"),
    ("rustcam bench --region 0,0,640,360 --fmt rgb", "a part of the screen, in another format"),
    ("rustcam bench --peers", "also mss, Pillow, dxcam, bettercam, if installed, in separate processes"),
]

COLUMNS = ["package", "unique fps", "fps", "unique", "duplicated", "missed"]
COLUMNS += ["CPU ms", "latency p50", "p95", "p99 ms", "RSS MB", "note"]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=seconds, default="3", metavar="S", help="duration")
    parser.add_argument("--fmt", default="bgra", help="pixel format")
    parser.add_argument("--peers", action="store_true", help="also measure other installed packages")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    plan = Plan(Screen.chosen(arguments), arguments.fmt, float(arguments.seconds))
    if not arguments.peers:
        report = measure(CONTENDERS["rustcam"], plan)
        print(json.dumps(report, indent=2)) if arguments.json else describe(report)
        return 0
    if plan.screen.source.backend == "sim":
        raise ValueError("other packages cannot capture the simulated desktop: --peers needs a real one")
    reports = [in_a_process(name, plan) for name in installed()]
    if arguments.json:
        print(json.dumps(reports, indent=2))
    else:
        show(COLUMNS, [row(report) for report in reports])
    return 0 if all("error" not in report for report in reports) else 1


def in_a_process(name: str, plan: Plan) -> dict[str, Any]:
    """The report of a contender in its own process. In one process they would share memory and slow each other down."""
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
    return f"a slower path is in use: {report['fallback']}" if report["fallback"] else ""


def number(value: Any, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
