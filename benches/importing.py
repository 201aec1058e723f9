"""How long a program waits for `import rustcam` once it has numpy."""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 20
PROGRAM = """
import numpy, time
start = time.perf_counter()
import rustcam
print(1000 * (time.perf_counter() - start))
"""


def milliseconds() -> list[float]:
    """One sample per process; the first one, which fills the caches of the system, is not counted."""
    samples = [
        float(subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout)
        for _ in range(ROUNDS + 1)
    ]
    return samples[1:]
