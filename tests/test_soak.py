"""The short form of `make soak`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parent.parent / "benches" / "soak.py"

pytestmark = [pytest.mark.sim, pytest.mark.linux]


def test_streaming_leaks_nothing() -> None:
    run = subprocess.run([sys.executable, str(SOAK), "5"], capture_output=True, text=True, timeout=25, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.endswith("nothing grew\n")
