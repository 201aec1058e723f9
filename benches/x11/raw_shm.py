"""XShmGetImage and nothing else: the time that no capture through an X server can beat.

The C libraries of X are called directly (Xlib manual, MIT-SHM extension), into one segment of shared memory.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import numpy as np

IPC_PRIVATE, IPC_RMID = 0, 0
Z_PIXMAP = 2
ALL_PLANES = ctypes.c_ulong(-1)


class SegmentInfo(ctypes.Structure):
    """XShmSegmentInfo."""

    _fields_ = (
        ("shmseg", ctypes.c_ulong),
        ("shmid", ctypes.c_int),
        ("shmaddr", ctypes.c_void_p),
        ("read_only", ctypes.c_int),
    )


class Image(ctypes.Structure):
    """The first fields of XImage, as far as they are needed."""

    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("xoffset", ctypes.c_int),
        ("format", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("byte_order", ctypes.c_int),
        ("bitmap_unit", ctypes.c_int),
        ("bitmap_bit_order", ctypes.c_int),
        ("bitmap_pad", ctypes.c_int),
        ("depth", ctypes.c_int),
        ("bytes_per_line", ctypes.c_int),
    )


def load(name: str, fallback: str) -> ctypes.CDLL:
    return ctypes.CDLL(ctypes.util.find_library(name) or fallback, use_errno=True)


class RawShm:
    """One screen and one segment."""

    def __init__(self, display: str, width: int, height: int) -> None:
        libc, xlib, self._xext = load("c", "libc.so.6"), load("X11", "libX11.so.6"), load("Xext", "libXext.so.6")
        self._xlib = xlib
        xlib.XOpenDisplay.restype = ctypes.c_void_p
        xlib.XDefaultRootWindow.restype = ctypes.c_ulong
        xlib.XDefaultVisual.restype = ctypes.c_void_p
        libc.shmat.restype = ctypes.c_void_p
        self._xext.XShmCreateImage.restype = ctypes.POINTER(Image)

        self._display = ctypes.c_void_p(xlib.XOpenDisplay(display.encode()))
        if not self._display:
            raise OSError(f"cannot open display {display}")
        self._root = ctypes.c_ulong(xlib.XDefaultRootWindow(self._display))
        visual = ctypes.c_void_p(xlib.XDefaultVisual(self._display, 0))
        self._segment = SegmentInfo()
        size = [ctypes.c_uint(width), ctypes.c_uint(height)]
        self._image = self._xext.XShmCreateImage(
            self._display, visual, ctypes.c_uint(24), Z_PIXMAP, None, ctypes.byref(self._segment), *size
        )
        length = self._image.contents.bytes_per_line * height
        self._shape = height, width, 4
        self._segment.shmid = libc.shmget(IPC_PRIVATE, ctypes.c_size_t(length), 0o600)
        self._segment.shmaddr = libc.shmat(self._segment.shmid, None, 0)
        self._image.contents.data = self._segment.shmaddr
        if not self._xext.XShmAttach(self._display, ctypes.byref(self._segment)):
            raise OSError("the server cannot attach shared memory")
        xlib.XSync(self._display, 0)
        # Attached on both sides: the segment goes when the last of them does.
        libc.shmctl(self._segment.shmid, IPC_RMID, None)

    def grab(self) -> None:
        """Lets the server write the whole screen into the segment."""
        if not self._xext.XShmGetImage(self._display, self._root, self._image, 0, 0, ALL_PLANES):
            raise OSError("XShmGetImage failed")

    def sync(self) -> None:
        """A request that does nothing, and its answer."""
        self._xlib.XSync(self._display, 0)

    def view(self) -> Any:
        """The segment as an array of BGRA."""
        pixels = (ctypes.c_ubyte * (self._shape[0] * self._shape[1] * 4)).from_address(self._segment.shmaddr)
        return np.frombuffer(pixels, np.uint8).reshape(self._shape)
