"""Memory over many grabs."""

from __future__ import annotations

import gc
import os
import resource
from pathlib import Path
from typing import Any

import rustcam
from desktops import XServer


def steady(width: int, height: int, grabs: int) -> dict[str, Any]:
    """Resident bytes every thousandth grab, page faults, bytes copied by polls."""
    server = XServer(width, height)
    os.environ["DISPLAY"] = server.display
    try:
        with rustcam.Capturer(backend="x11", cursor=False) as capturer:
            for _ in range(100):
                capturer.grab(new_frame_only=False)
            gc.collect()
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            memory = [resident()]
            for turn in range(1, grabs + 1):
                capturer.grab(new_frame_only=False)
                if turn % 1000 == 0:
                    memory.append(resident())
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
            copied = capturer.stats.bytes_copied
            for _ in range(1000):
                capturer.grab(0)
            copied = capturer.stats.bytes_copied - copied
    finally:
        server.stop()
    return {"grabs": grabs, "resident_bytes": memory, "page_faults": faults, "bytes_copied_by_1000_polls": copied}


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()
