"""Runs the test lanes and says how many tests ran in each: test.py [LANE...]."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"
X_TOOLS = ("Xvfb", "xrandr")
LANE_LIMIT = 600  # seconds; reached only if a test hangs in a way that its own limit cannot end
MARKERS = {"sim": "sim", "x11": "x11", "python": "not sim and not x11"}


@dataclass
class Result:
    """What one lane did."""

    lane: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    status: int = 0
    left_out: str = ""

    @property
    def good(self) -> bool:
        # In CI everything is there, so whatever did not run is a fault of the set-up.
        complete = not (self.left_out or self.skipped) or not IN_CI
        return self.failed == 0 and self.status == 0 and complete

    def __str__(self) -> str:
        if self.left_out:
            return f"{self.lane:8} left out: {self.left_out}"
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        died = f" (exit status {self.status})" if self.status and not self.failed else ""
        return f"{self.lane:8} {self.passed} passed, {self.failed} failed{skipped}{died}"


def missing_tools() -> str:
    return ", ".join(tool for tool in X_TOOLS if not shutil.which(tool))


def rust() -> Result:
    env = dict(os.environ)
    if not missing_tools():
        env["RUSTCAM_REQUIRE_X11"] = "1"
    result = Result("rust")
    command = ["cargo", "test", "--workspace", "--exclude", "rustcam-python", "--no-fail-fast"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            counts = re.match(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", line)
            if counts:
                result.passed += int(counts[1])
                result.failed += int(counts[2])
    result.status = process.returncode
    return result


def python(lane: str) -> Result:
    if lane == "x11" and missing_tools():
        return Result(lane, left_out=f"no {missing_tools()}")
    report = ROOT / "build" / f"test-{lane}.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-m", MARKERS[lane], f"--junitxml={report}"]
    result = Result(lane)
    try:
        result.status = subprocess.run(command, cwd=ROOT, check=False, timeout=LANE_LIMIT).returncode
    except subprocess.TimeoutExpired:
        print(f"the lane {lane} did not end within {LANE_LIMIT} s", flush=True)
        result.status = 1
    if report.exists():
        for suite in ElementTree.parse(report).iter("testsuite"):
            total = int(suite.get("tests", 0))
            result.failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            result.skipped += int(suite.get("skipped", 0))
            result.passed = total - result.failed - result.skipped
    return result


def main() -> int:
    lanes = sys.argv[1:] or ["rust", *MARKERS]
    unknown = [lane for lane in lanes if lane != "rust" and lane not in MARKERS]
    if unknown:
        print(f"no lane {unknown[0]}; there are rust, {', '.join(MARKERS)}", file=sys.stderr)
        return 2
    results = []
    for lane in lanes:
        print(f"--- {lane}", flush=True)
        results.append(rust() if lane == "rust" else python(lane))
    print("--- tests per lane")
    for result in results:
        print(result)
    print(f"{'total':8} {sum(r.passed for r in results)} passed, {sum(r.failed for r in results)} failed")
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
