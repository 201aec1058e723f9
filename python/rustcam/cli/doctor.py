"""`rustcam doctor`."""

from __future__ import annotations

import argparse
import json
import textwrap

from ..doctor import NOTE, OK, PROBLEM, Report, examine
from .options import Source

NAME = "doctor"
HELP = "report what works on this machine, what does not, and what to do about it"
DETAILS = "Takes a screenshot of every output. The exit status is 1 if there is a problem."
EXAMPLES = [
    ("rustcam doctor", "text"),
    ("rustcam doctor --json", "JSON for bug reports, without personal data"),
    ("rustcam doctor --backend x11", "one backend only"),
]

MARKS = {OK: "ok     ", NOTE: "note   ", PROBLEM: "PROBLEM"}
WIDTH = 100


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    source = Source.chosen(arguments)
    report = examine(source.backend, sim=source.sim)
    print(json.dumps(report.to_json(), indent=2) if arguments.json else text(report))
    return 0 if report.healthy else 1


def text(report: Report) -> str:
    """The report as text for a terminal."""
    lines = []
    about = max(len(finding.about) for finding in report.findings)
    for finding in report.findings:
        head = f"{MARKS[finding.level]}  {finding.about:{about}}  "
        lines += _wrapped(head, finding.message)
        if finding.advice:
            lines += _wrapped(" " * len(head) + "-> ", finding.advice)
    problems = sum(finding.level == PROBLEM for finding in report.findings)
    summary = {0: "everything works", 1: "1 problem"}.get(problems, f"{problems} problems")
    return "\n".join([*lines, "", summary])


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
