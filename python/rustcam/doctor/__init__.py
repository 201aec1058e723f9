"""Examines what can be captured on this machine, what cannot, and what to do about it.

    import rustcam.doctor

    report = rustcam.doctor.examine()
    for finding in report.findings:
        print(finding.level, finding.message, finding.advice)

`rustcam doctor` prints the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Optional

from .. import _rustcam
from . import backends, linux, python, windows
from .finding import NOTE, OK, PROBLEM, Finding, Report

__all__ = ["NOTE", "OK", "PROBLEM", "Finding", "Report", "examine"]


def examine(backend: str = "auto", *, sim: Optional[str] = None) -> Report:
    """Tries `backend`, or with `"auto"` every backend of this platform: takes a screenshot of every output, and of the
    top-most window.

    Takes a few seconds at most and changes nothing. The only exception is `ValueError`, for an unknown backend or a
    mistake in the script of the simulated desktop.
    """
    if backend != "auto":
        _rustcam.list_outputs("sim", sim=sim) if backend == "sim" else _known(backend)
    names = _rustcam._backends if backend == "auto" else [backend]
    findings = [*python.examine(), *surroundings(names)]
    for name in names:
        found = backends.examine(name, sim if name == "sim" else None)
        # Only windows need it: outputs have another backend.
        findings += map(backends.without_problem, found) if name == "wgc" and backend == "auto" else found
    return Report(python.facts(), findings)


def surroundings(names: list[str]) -> Iterator[Finding]:
    """Findings about the operating system that concern the backends called `names`."""
    if "x11" in names:
        yield from linux.examine(os.environ)
    if sys.platform == "win32" and {"dxgi", "wgc"} & set(names):
        yield from windows.examine()
    if sys.platform == "win32" and "wgc" in names:
        yield from windows.window_capture()


def _known(backend: str) -> None:
    if backend not in _rustcam._backends:
        names = ", ".join(f'"{name}"' for name in _rustcam._backends)
        raise ValueError(f'no backend "{backend}" on this platform; it has "auto", {names}')
