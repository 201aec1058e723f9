"""What the operating system reports about a process: handles, threads, memory, and whether a thread is waiting."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any


class Linux:
    def handles(self) -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    def resident(self) -> int:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGESIZE")


class MemoryCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS."""

    _fields_ = [
        ("cb", ctypes.c_uint32),
        ("PageFaultCount", ctypes.c_uint32),
        ("PeakWorkingSetSize", ctypes.c_size_t),
        ("WorkingSetSize", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 6),
    ]


class Windows:
    SYSTEM_PROCESS_INFORMATION = 5
    THREADS, PROCESS = 0x04, 0x50  # offsets in its 64-bit layout
    MOST_HANDLES = 4096

    def __init__(self) -> None:
        # `Any`: type checkers on Linux do not know `ctypes.WinDLL`.
        load: Any = vars(ctypes)["WinDLL"]
        self._ntdll = load("ntdll")
        self._kernel32 = load("kernel32")
        self._kernel32.GetHandleInformation.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._kernel32.K32GetProcessMemoryInfo.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]

    def _own_record(self) -> bytes:
        """The SYSTEM_PROCESS_INFORMATION of this process."""
        memory, needed = ctypes.create_string_buffer(1 << 22), ctypes.c_uint32()
        query = self._ntdll.NtQuerySystemInformation
        assert query(self.SYSTEM_PROCESS_INFORMATION, memory, len(memory), ctypes.byref(needed)) == 0
        data, start, step = memory.raw[: needed.value], 0, 1
        while step:
            if struct.unpack_from("<Q", data, start + self.PROCESS)[0] == os.getpid():
                return data[start:]
            (step,) = struct.unpack_from("<I", data, start)
            start += step
        raise AssertionError("the system does not list this process")

    def handles(self) -> int:
        """Tests every possible handle: the counts that Wine reports are 0 or the size of its table."""
        flags, is_open = ctypes.c_uint32(), self._kernel32.GetHandleInformation
        return sum(is_open(4 * place, ctypes.byref(flags)) != 0 for place in range(1, self.MOST_HANDLES))

    def threads(self) -> int:
        return int(struct.unpack_from("<I", self._own_record(), self.THREADS)[0])

    def resident(self) -> int:
        counters = MemoryCounters(cb=ctypes.sizeof(MemoryCounters))
        assert self._kernel32.K32GetProcessMemoryInfo(-1, ctypes.byref(counters), counters.cb)
        return int(counters.WorkingSetSize)


_system = Windows() if sys.platform == "win32" else Linux()


def handles() -> int:
    """Number of open handles (file descriptors) of this process."""
    return _system.handles()


def threads() -> int:
    """Number of threads of this process, including native ones."""
    return _system.threads()


def resident() -> int:
    """Bytes of resident memory of this process."""
    return _system.resident()


def shared_memory() -> set[str]:
    """The names in /dev/shm. Linux only."""
    return {entry.name for entry in Path("/dev/shm").iterdir()}


def until_asleep(pid: int, thread: int | None = None) -> None:
    """Returns when a process, or one thread of it, was found asleep in the kernel three times in a row. Linux only."""
    path = f"/proc/{pid}/stat" if thread is None else f"/proc/{pid}/task/{thread}/stat"
    deadline, calm = time.perf_counter() + 5, 0
    while calm < 3 and time.perf_counter() < deadline:
        with open(path, encoding="ascii") as stat:  # noqa: PTH123 - read thousands of times
            calm = calm + 1 if stat.read().rpartition(") ")[2][0] == "S" else 0
        os.sched_yield()


def until_waiting(thread: int, native_id: int) -> None:
    """Returns when a thread of this process has released the GIL and waits in native code."""
    if isinstance(_system, Linux):
        until_asleep(os.getpid(), native_id)
        return
    # The thread waits if its Python frame stays at the same instruction while this thread runs Python code.
    deadline, calm, last = time.perf_counter() + 5, 0, None
    while calm < 20 and time.perf_counter() < deadline:
        frame = sys._current_frames()[thread]
        here = (id(frame), frame.f_lasti)
        calm, last = (calm + 1 if here == last else 0), here
        time.sleep(0.001)
