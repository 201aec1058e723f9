"""A window of another process, for packages that capture windows: `target.py TITLE WIDTH HEIGHT`.

Prints its handle, and handles its messages until its input ends.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from ctypes import wintypes
from typing import Any

CLASS = "STATIC"
STYLE = 0x00CF0000  # WS_OVERLAPPEDWINDOW
SHOW_WITHOUT_ACTIVATING = 4


def main() -> None:
    title, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    user: Any = vars(ctypes)["WinDLL"]("user32")
    user.CreateWindowExW.restype = wintypes.HWND
    user.CreateWindowExW.argtypes = [
        wintypes.DWORD,
        wintypes.LPCWSTR,
        wintypes.LPCWSTR,
        wintypes.DWORD,
        *[ctypes.c_int] * 4,
        *[ctypes.c_void_p] * 4,
    ]
    window = user.CreateWindowExW(0, CLASS, title, STYLE, 50, 40, width, height, None, None, None, None)
    user.ShowWindow(wintypes.HWND(window), SHOW_WITHOUT_ACTIVATING)
    print(window, flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    message = wintypes.MSG()
    while user.GetMessageW(ctypes.byref(message), None, 0, 0) > 0:
        user.DispatchMessageW(ctypes.byref(message))


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
