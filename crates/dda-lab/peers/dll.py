"""The lab's exported functions, in Python. See docs/lab.md."""

from __future__ import annotations

import ctypes
import json
from typing import Any

import numpy as np


class Dll:
    """Runs one script at a time."""

    def __init__(self, path: str) -> None:
        # `Any`, because types of Linux have no Windows in them.
        self.dll: Any = vars(ctypes)["WinDLL"](path)
        size, text, pixels = ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p
        for name, result, arguments in (
            ("lab_message", size, [text, size]),
            ("lab_counters", size, [text, size]),
            ("lab_inject", ctypes.c_int32, [text, ctypes.c_uint32, ctypes.c_int32]),
            ("lab_present", ctypes.c_uint64, []),
            ("lab_time_ms", ctypes.c_double, []),
            ("lab_frame", size, [ctypes.c_uint64, pixels, size]),
            ("lab_window_frame", size, [ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, pixels, size]),
            ("lab_shared", size, [size, ctypes.c_uint32, pixels, size]),
        ):
            export = getattr(self.dll, name)
            export.restype, export.argtypes = result, arguments

    def start(self, script: str) -> None:
        """Starts the lab, after stopping one that runs."""
        self._check(self.dll.lab_start(script.encode()))

    def stop(self) -> None:
        self.dll.lab_stop()

    def counters(self) -> dict[str, int]:
        """What the program did since the start, and which rules it broke."""
        counters: dict[str, int] = json.loads(self._text(self.dll.lab_counters))
        return counters

    def inject(self, call: str, code: int, nth: int = 0) -> None:
        """Makes the `nth` call of the method fail, or every call, if that is 0."""
        self._check(self.dll.lab_inject(call.encode(), nth, ctypes.c_int32(code)))

    def heal(self) -> None:
        """Removes the injected failures."""
        self.dll.lab_heal()

    def present(self) -> int:
        """The number of the frame that the desktop shows now."""
        return int(self.dll.lab_present())

    def oracle(self, number: int, width: int, height: int) -> np.ndarray:
        """What a program must get of a frame, as BGRA."""
        image = np.empty((height, width, 4), np.uint8)
        size = self.dll.lab_frame(number, image.ctypes.data, image.nbytes)
        assert size == image.nbytes, f"frame {number} has {size} bytes, not {image.nbytes}"
        return image

    def window(self, number: int, width: int, height: int) -> np.ndarray:
        """What a captured window of this size shows in a frame, as BGRA."""
        image = np.empty((height, width, 4), np.uint8)
        size = self.dll.lab_window_frame(number, width, height, image.ctypes.data, image.nbytes)
        assert size == image.nbytes
        return image

    def shared(self, handle: int, behaviour: int, width: int, height: int, dtype: type = np.uint8) -> np.ndarray:
        """What a reader with this behaviour gets from a shared texture."""
        image = np.empty((height, width, 4), dtype)
        size = self.dll.lab_shared(handle, behaviour, image.ctypes.data, image.nbytes)
        assert size == image.nbytes, self._text(self.dll.lab_message)
        return image

    def _check(self, status: int) -> None:
        if status != 0:
            raise ValueError(self._text(self.dll.lab_message))

    @staticmethod
    def _text(export: Any) -> str:
        # Other threads may make the text longer between two calls.
        buffer = ctypes.create_string_buffer(4096)
        while (length := export(buffer, len(buffer))) > len(buffer):
            buffer = ctypes.create_string_buffer(length)
        return buffer.raw[:length].decode()
