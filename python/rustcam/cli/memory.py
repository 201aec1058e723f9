"""The resident memory of this process."""

from __future__ import annotations

import ctypes
import struct
import sys
from pathlib import Path
from typing import Optional

# PROCESS_MEMORY_COUNTERS: size, page faults, peak working set, working set, and six more.
COUNTERS = struct.Struct("@II8N")
THIS_PROCESS = -1


def resident() -> Optional[int]:
    """Bytes of resident memory, `None` if unknown."""
    if sys.platform == "win32":
        return _working_set()
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    except (ImportError, OSError):
        return None


def _working_set() -> Optional[int]:
    # `vars`: type checkers on Linux do not know `ctypes.WinDLL`.
    query = vars(ctypes)["WinDLL"]("kernel32").K32GetProcessMemoryInfo
    query.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    counters = ctypes.create_string_buffer(COUNTERS.size)
    if not query(THIS_PROCESS, counters, COUNTERS.size):
        return None
    _, _, _, working_set, *_ = COUNTERS.unpack(counters.raw)
    return int(working_set)
