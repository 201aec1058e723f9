"""Captures the desktop of the lab with an unmodified package and compares every pixel.

`capture.py PACKAGE DLL [SCRIPT [FRAMES]]`

Runs in a Python for Windows, prints one line of JSON, and ends with status 0 if everything was exact.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable

# An embedded interpreter does not look beside the script by itself.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from lab import Lab, check

SCRIPT = "size 640x480; refresh 60; pointer path"


def dxcam(module: Any) -> Callable[[], Any]:
    grab: Callable[[], Any] = module.create(output_idx=0, output_color="BGRA", processor_backend="numpy").grab
    return grab


def bettercam(module: Any) -> Callable[[], Any]:
    grab: Callable[[], Any] = module.create(output_idx=0, output_color="BGRA").grab
    return grab


def rustcam(module: Any) -> Callable[[], Any]:
    capturer = module.Capturer(cursor=False)
    return lambda: capturer.grab(1000)


PACKAGES = {"dxcam": dxcam, "bettercam": bettercam, "rustcam": rustcam}


def main() -> None:
    package, dll, *rest = sys.argv[1:]
    script = rest[0] if rest else SCRIPT
    # Before the package, which may look at the outputs while it is imported.
    lab = Lab(dll, script)
    grab = PACKAGES[package](import_module(package))
    result = check(lab, package, grab, int(rest[1]) if len(rest) > 1 else 20)
    result["version"] = version(package)
    print(json.dumps(result), flush=True)
    # Not by way of the packages' destructors: bettercam 1.0.0 releases its duplication twice, once by itself and
    # once through comtypes, and may crash of that.
    os._exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
