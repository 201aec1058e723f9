"""XShmGetImage and nothing else: the time that no capture through an X server can beat.

The C libraries of X are called directly (Xlib manual, MIT-SHM extension), into one segment of shared memory.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import numpy as np

IPC_PRIVATE, IPC_RMID = 0, 0
DEPTH, Z_PIXMAP, ALL_PLANES = 24, 2, ctypes.c_ulong(-1)


class SegmentInfo(ctypes.Structure):
    """XShmSegmentInfo: segment, its number, its address, whether it is read-only."""

    _fields_ = (("seg", ctypes.c_ulong), ("id", ctypes.c_int), ("at", ctypes.c_void_p), ("fixed", ctypes.c_int))


class RawShm:
    """The screen that `DISPLAY` names, and one segment. Its pixels have four bytes each."""

    def __init__(self, width: int, height: int) -> None:
        libc, xlib, xext = (ctypes.CDLL(ctypes.util.find_library(name)) for name in ("c", "X11", "Xext"))
        xlib.XOpenDisplay.restype = xlib.XDefaultVisual.restype = ctypes.c_void_p
        xext.XShmCreateImage.restype = libc.shmat.restype = ctypes.c_void_p
        xlib.XDefaultRootWindow.restype = ctypes.c_ulong
        self._xlib, self._xext = xlib, xext
        self._display = ctypes.c_void_p(xlib.XOpenDisplay(None))
        if not self._display:
            raise OSError("cannot open the display")
        self._root = ctypes.c_ulong(xlib.XDefaultRootWindow(self._display))
        visual = ctypes.c_void_p(xlib.XDefaultVisual(self._display, 0))
        segment = SegmentInfo(id=libc.shmget(IPC_PRIVATE, ctypes.c_size_t(height * width * 4), 0o600))
        segment.at = libc.shmat(segment.id, None, 0)
        self._segment, memory, about = segment, ctypes.c_void_p(segment.at), ctypes.byref(segment)
        self._image = ctypes.c_void_p(
            xext.XShmCreateImage(self._display, visual, DEPTH, Z_PIXMAP, memory, about, width, height)
        )
        if not xext.XShmAttach(self._display, about):
            raise OSError("the server cannot attach shared memory")
        self.sync()
        # Attached on both sides: the segment goes when the last of them does.
        libc.shmctl(segment.id, IPC_RMID, None)
        self._shape = height, width, 4

    def grab(self) -> None:
        """Lets the server write the whole screen into the segment."""
        if not self._xext.XShmGetImage(self._display, self._root, self._image, 0, 0, ALL_PLANES):
            raise OSError("XShmGetImage failed")

    def sync(self) -> None:
        """A request that does nothing, and its answer."""
        self._xlib.XSync(self._display, 0)

    def view(self) -> Any:
        """The segment as an array of BGRA."""
        pixels = (ctypes.c_ubyte * int(np.prod(self._shape))).from_address(self._segment.at)
        return np.frombuffer(pixels, np.uint8).reshape(self._shape)
