"""A window of Windows, for what captures windows or finds a monitor by one."""

from __future__ import annotations

import ctypes
from typing import Any

from .contenders import TITLE

WS_OVERLAPPEDWINDOW, WS_VISIBLE = 0x00CF0000, 0x10000000


class Window:
    """It never changes, so that no thread has to work for it; left, top, width, height are those of its frame."""

    CLASS = "Static"

    def __init__(self, place: tuple[int, int, int, int]) -> None:
        # `vars`: type checkers on Linux do not know `ctypes.WinDLL`.
        self._user: Any = vars(ctypes)["WinDLL"]("user32")
        self._user.CreateWindowExW.restype = ctypes.c_void_p
        style = WS_OVERLAPPEDWINDOW | WS_VISIBLE
        self.handle: int = self._user.CreateWindowExW(0, self.CLASS, TITLE, style, *place, None, None, None, None)
        assert self.handle, "no window could be made"

    def close(self) -> None:
        self._user.DestroyWindow(ctypes.c_void_p(self.handle))
