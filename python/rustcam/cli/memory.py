"""How much memory this process has in use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional


def resident() -> Optional[int]:
    """Bytes, or `None` where nobody knows."""
    if sys.platform == "win32":
        return _working_set()
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    except (ImportError, OSError):
        return None


def _working_set() -> Optional[int]:
    import ctypes

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = [
            ("size", ctypes.c_uint32),
            ("page_faults", ctypes.c_uint32),
            ("peak_working_set", ctypes.c_size_t),
            ("working_set", ctypes.c_size_t),
            ("others", ctypes.c_size_t * 6),
        ]

    # `vars`, because types of Linux have no Windows in them.
    kernel = vars(ctypes)["WinDLL"]("kernel32")
    query = kernel.K32GetProcessMemoryInfo
    query.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    counters = Counters(size=ctypes.sizeof(Counters))
    this_process = -1
    return int(counters.working_set) if query(this_process, ctypes.byref(counters), counters.size) else None
