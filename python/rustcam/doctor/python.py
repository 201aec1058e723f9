"""Checks the interpreter and the package."""

from __future__ import annotations

import importlib.metadata
import platform
import struct
import sys
from collections.abc import Iterator
from typing import Any

from .. import _rustcam
from .finding import NOTE, OK, PROBLEM, Finding

PACKAGES = ("numpy", "av", "rich")


def facts() -> dict[str, Any]:
    """Versions of the package, the interpreter and the system."""
    return {
        "rustcam": _rustcam.__version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "bits": 8 * struct.calcsize("P"),
        "gil": gil_enabled(),
        "system": platform.system(),
        "release": platform.release(),
        "version": platform.version(),
        "machine": platform.machine(),
        "kernels": _rustcam._cpu_path,
        "backends": list(_rustcam._backends),
        **{name: version(name) for name in PACKAGES},
    }


def examine() -> Iterator[Finding]:
    yield Finding(
        "python",
        OK,
        f"rustcam {_rustcam.__version__} in Python {platform.python_version()} on {platform.system()}"
        f" {platform.release()}, {platform.machine()}, pixel kernels for {_rustcam._cpu_path}",
    )
    if _rustcam._debug_build:
        yield Finding(
            "python",
            PROBLEM,
            "this rustcam was built without optimisation and is many times slower than a release build",
            "Install it with pip install, which makes a release build",
        )
    if version("av") is None:
        yield Finding(
            "python",
            NOTE,
            "PyAV is not installed, so rustcam record writes only .y4m and pipes",
            "For .mp4, .mkv and .mov: pip install av",
        )


def gil_enabled() -> bool:
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def version(package: str) -> Any:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
