"""What a lane of tests did, and how that is read from cargo and pytest."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"


@dataclass
class Result:
    """What one lane did."""

    lane: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    status: int = 0
    left_out: str = ""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        # In CI everything is there, so whatever did not run is a fault of the set-up.
        complete = not (self.left_out or self.skipped) or not IN_CI
        return self.failed == 0 and self.status == 0 and complete

    def __str__(self) -> str:
        if self.left_out:
            return f"{self.lane:12} left out: {self.left_out}"
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        died = f" (exit status {self.status})" if self.status and not self.failed else ""
        return f"{self.lane:12} {self.passed} passed, {self.failed} failed{skipped}, {self.seconds:.0f} s{died}"

    def read_cargo(self, line: str) -> None:
        """Shows a line of `cargo test`, and counts."""
        print(line, flush=True)
        counts = re.match(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", line)
        if counts:
            self.passed += int(counts[1])
            self.failed += int(counts[2])

    def read_programs(self, running: Iterable[Future[tuple[int, list[str]]]]) -> None:
        """Shows what several `cargo test`s printed, one after the other, and counts."""
        for program in running:
            status, lines = program.result()
            self.status |= status
            for line in lines:
                self.read_cargo(line)

    def read_report(self, report: Path) -> None:
        """Counts what pytest wrote down."""
        if not report.exists():
            self.status = self.status or 1
            return
        for suite in ElementTree.parse(report).iter("testsuite"):
            total = int(suite.get("tests", 0))
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            self.failed += failed
            self.skipped += skipped
            self.passed += total - failed - skipped


def report_of(lane: str) -> Path:
    """Where pytest has to write what it did; nothing is there yet."""
    report = ROOT / "build" / f"test-{lane}.xml"
    report.unlink(missing_ok=True)
    return report
