"""Measures rustcam on Xvfb beside mss, Pillow, ffmpeg and XShmGetImage, and streams on the simulated desktop:
bench.py RESULT.json.

The result holds every single sample; `render.py` makes tables of them.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path
from typing import Any

import importing
import kernels
import recovery
from contents import contents
from race import race
from record import machine, write
from steady import steady
from streams import deliveries, slots, spinning

import rustcam

HEATS = 5
ROUNDS = {(1920, 1080): 30, (3840, 2160): 10}  # in each heat
PACKAGES = ("rustcam", "mss", "pillow", "imageio-ffmpeg", "opencv-python-headless", "numpy")


def versions() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "cpu_path": rustcam._rustcam._cpu_path,
    }


def main() -> int:
    result = {
        "machine": {**machine(), **versions()},
        "import": importing.milliseconds(20),
        "kernels": kernels.heats(HEATS, 20),
        "screens": {f"{width}x{height}": race(width, height, n, HEATS) for (width, height), n in ROUNDS.items()},
        "contents": contents(5),
        "recovery": recovery.rows(),
        "steady": steady(1920, 1080, 50_000),
        "streams": {"deliveries": deliveries(5, 480), "slots": slots(), "spinning": spinning(10)},
    }
    write(Path(sys.argv[1]), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
