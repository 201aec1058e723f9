"""The lab: a DLL that gives this process a Desktop Duplication of a scripted desktop. See crates/dda-lab."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any

import numpy as np
import numpy.typing as npt

import rustcam

VARIABLE = "RUSTCAM_LAB_DLL"

# What a capturer must never do to a duplication.
BROKEN_RULES = [
    "acquire_while_owned",
    "release_without_frame",
    "release_twice",
    "release_while_mapped",
    "leaked_refs",
    "read_after_release",
    "read_without_image",
    "duplicate_while_live",
    "formats_without_bgra",
    "shared_twice",
    "key_out_of_order",
    "draw_without_key",
    "opened_before_done",
]

# How a reader of a shared texture behaves.
POLITE, DYING, HANGING = range(3)


def available() -> bool:
    return bool(os.environ.get(VARIABLE))


class Lab:
    """Runs one script at a time."""

    def __init__(self) -> None:
        # `Any`, because types of Linux have no Windows in them.
        self._dll: Any = vars(ctypes)["WinDLL"](os.environ[VARIABLE])
        for name in ("lab_counters", "lab_message"):
            export = getattr(self._dll, name)
            export.argtypes, export.restype = [ctypes.c_char_p, ctypes.c_size_t], ctypes.c_size_t
        self._dll.lab_present.restype = ctypes.c_uint64
        self._dll.lab_frame.argtypes = [ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t]
        self._dll.lab_frame.restype = ctypes.c_size_t
        self._dll.lab_shared.argtypes = [ctypes.c_size_t, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t]
        self._dll.lab_shared.restype = ctypes.c_size_t
        self._dll.lab_inject.argtypes = [ctypes.c_char_p, ctypes.c_uint32, ctypes.c_int32]
        self.script = ""

    def start(self, script: str) -> None:
        status = self._dll.lab_start(script.encode())
        assert status == 0, self._text(self._dll.lab_message)
        self.script = script

    def stop(self) -> None:
        self._dll.lab_stop()
        self.script = ""

    def counters(self) -> dict[str, int]:
        """What capturers did since the start, and what they did wrong."""
        counters: dict[str, int] = json.loads(self._text(self._dll.lab_counters))
        return counters

    def inject(self, call: str, code: int, nth: int = 0) -> None:
        """The `nth` call of the method fails, every one if that is 0."""
        status = self._dll.lab_inject(call.encode(), nth, ctypes.c_int32(code))
        assert status == 0, self._text(self._dll.lab_message)

    def heal(self) -> None:
        """Nothing fails any more."""
        self._dll.lab_heal()

    def alive(self) -> dict[str, int]:
        """Duplications, their devices and the textures of these that still exist."""
        counters = self.counters()
        return {name: counters[name] for name in ("live", "live_devices", "live_textures") if counters[name]}

    def present(self) -> int:
        """The number of the frame that the desktop shows now."""
        return int(self._dll.lab_present())

    def frame(self, number: int, width: int, height: int) -> npt.NDArray[np.uint8]:
        """What a perfect capturer gets of a frame: BGRA."""
        image = np.empty((height, width, 4), np.uint8)
        assert self._dll.lab_frame(number, image.ctypes.data, image.nbytes) == image.nbytes
        return image

    def read(self, texture: rustcam.GpuTexture, manner: int = POLITE) -> npt.NDArray[np.uint8]:
        """What another device finds in a shared texture."""
        image = np.empty((texture.height, texture.width, 4), np.uint8)
        size = self._dll.lab_shared(texture.shared_handle, manner, image.ctypes.data, image.nbytes)
        assert size == image.nbytes, self._text(self._dll.lab_message)
        return image

    def broken_rules(self) -> dict[str, int]:
        counters = self.counters()
        return {name: counters[name] for name in BROKEN_RULES if counters[name]}

    @staticmethod
    def _text(export: Any) -> str:
        # Other threads may make the text longer between two calls.
        text = ctypes.create_string_buffer(4096)
        while (length := export(text, len(text))) > len(text):
            text = ctypes.create_string_buffer(length)
        return text.raw[:length].decode()
