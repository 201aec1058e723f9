"""How long a program waits for `import rustcam` once it has numpy, and for numpy."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, time
start = time.perf_counter()
import numpy
between = time.perf_counter()
import rustcam
print(json.dumps([1000 * (between - start), 1000 * (time.perf_counter() - between)]))
"""


def milliseconds(rounds: int) -> dict[str, list[float]]:
    """One sample per process; the first one, which fills the caches of the system, is not counted."""
    samples = [
        json.loads(subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout)
        for _ in range(rounds + 1)
    ]
    numpy, rustcam = zip(*samples[1:])
    return {"numpy_ms": list(numpy), "rustcam_ms": list(rustcam)}
