"""Runs the test lanes and says how many tests ran in each: test.py [LANE...]."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from typing import Callable

import wine.lanes
from lanes import ROOT, Result, report_of

X_TOOLS = ("Xvfb", "xrandr")
LANE_LIMIT = 600  # seconds; reached only if a test hangs in a way that its own limit cannot end
MARKERS = {
    "sim": "sim and not x11 and not torch",
    "x11": "x11",
    "python": "not sim and not x11 and not dxgi and not wheels and not install",
    "wheels": "wheels",
    "torch": "torch",
    "install": "install",
}


def missing_tools() -> str:
    return ", ".join(tool for tool in X_TOOLS if not shutil.which(tool))


def rust() -> list[Result]:
    env = dict(os.environ)
    if not missing_tools():
        env["RUSTCAM_REQUIRE_X11"] = "1"
    result = Result("rust")
    command = ["cargo", "test", "--workspace", "--exclude", "rustcam-python", "--no-fail-fast"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            result.read_cargo(line.rstrip("\n"))
    result.status = process.returncode
    return [result]


def python(lane: str) -> list[Result]:
    if lane in ("x11", "install") and missing_tools():
        return [Result(lane, left_out=f"no {missing_tools()}")]
    report = report_of(lane)
    command = [sys.executable, "-m", "pytest", "-q", "-m", MARKERS[lane], f"--junitxml={report}"]
    result = Result(lane)
    try:
        result.status = subprocess.run(command, cwd=ROOT, check=False, timeout=LANE_LIMIT).returncode
    except subprocess.TimeoutExpired:
        print(f"the lane {lane} did not end within {LANE_LIMIT} s", flush=True)
        result.status = 1
    result.read_report(report)
    return [result]


def wheels() -> list[Result]:
    if wine.lanes.missing("windows"):
        return [Result("wheels", left_out=wine.lanes.missing("windows"))]
    if status := wine.lanes.build_wheels():
        return [Result("wheels", status=status)]
    return python("wheels")


def torch() -> list[Result]:
    if not importlib.util.find_spec("torch"):
        return [Result("torch", left_out="PyTorch is not installed: .venv/bin/pip install torch")]
    return python("torch")


LANES: dict[str, Callable[[], list[Result]]] = {
    "rust": rust,
    "sim": partial(python, "sim"),
    "x11": partial(python, "x11"),
    "python": partial(python, "python"),
    "wheels": wheels,
    "torch": torch,
    "install": partial(python, "install"),
    "wine-rust": wine.lanes.rust,
    "wine-worlds": wine.lanes.worlds,
    "windows": wine.lanes.windows,
    "windows-whole": partial(wine.lanes.windows, whole=True),
    "peers": wine.lanes.peers,
}


# Run where they are asked for: PyTorch is large, and the others take long.
ON_REQUEST = ("torch", "wine-worlds", "windows-whole")


def main() -> int:
    names = sys.argv[1:] or [name for name in LANES if name not in ON_REQUEST]
    unknown = [name for name in names if name not in LANES]
    if unknown:
        print(f"no lane {unknown[0]}; there are {', '.join(LANES)}", file=sys.stderr)
        return 2
    # Whatever was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell starts its background jobs with SIGINT ignored, and nohup ignores SIGHUP. All children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    results: list[Result] = []
    for name in names:
        print(f"--- {name}", flush=True)
        start = time.monotonic()
        try:
            done = LANES[name]()
        except (RuntimeError, subprocess.SubprocessError) as error:
            print(f"the lane {name} cannot be set up: {error}", flush=True)
            done = [Result(name, status=1)]
        if len(done) == 1:
            done[0].seconds = time.monotonic() - start
        results += done
    print("--- tests per lane")
    for result in results:
        print(result)
    total = f"{sum(r.passed for r in results)} passed, {sum(r.failed for r in results)} failed"
    print(f"{'total':12} {total}, {sum(r.seconds for r in results):.0f} s")
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
