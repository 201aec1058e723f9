"""The lab from Python: loads the DLL, and compares captured pixels with the oracle. See docs/lab.md."""

from __future__ import annotations

import ctypes
import json
import time
from typing import Any, Callable

import numpy as np


class Lab:
    def __init__(self, dll: str, script: str) -> None:
        self.dll: Any = vars(ctypes)["WinDLL"](dll)
        self.dll.lab_time_ms.restype = ctypes.c_double
        self.dll.lab_present.restype = ctypes.c_uint64
        for name in ("lab_counters", "lab_frame", "lab_message"):
            getattr(self.dll, name).restype = ctypes.c_size_t
        self.dll.lab_frame.argtypes = [ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t]
        self.dll.lab_counters.argtypes = self.dll.lab_message.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self.start(script)

    def start(self, script: str) -> None:
        """Restarts the lab with another script."""
        if self.dll.lab_start(script.encode()) != 0:
            raise SystemExit(self.text(self.dll.lab_message))

    @staticmethod
    def text(export: Any) -> str:
        # Other threads may make the text longer between two calls.
        buffer = ctypes.create_string_buffer(4096)
        while (length := export(buffer, len(buffer))) > len(buffer):
            buffer = ctypes.create_string_buffer(length)
        return buffer.raw[:length].decode()

    def counters(self) -> dict[str, int]:
        counters: dict[str, int] = json.loads(self.text(self.dll.lab_counters))
        return counters

    def oracle(self, frame: int, width: int, height: int) -> np.ndarray:
        """What a program must get of this frame: BGRA."""
        image = np.empty((height, width, 4), np.uint8)
        size = self.dll.lab_frame(frame, image.ctypes.data, image.nbytes)
        assert size == image.nbytes, f"frame {frame} has {size} bytes, not {image.nbytes}"
        return image


def frame_number(image: np.ndarray, y: int = 4) -> int:
    block = max(1, min(8, image.shape[1] // 64))
    bits = image[y, block // 2 : 64 * block : block, 1] >= 128
    return int("".join("01"[int(bit)] for bit in bits), 2)


def check(lab: Lab, package: str, grab: Callable[[], Any], frames: int, seconds: float = 30.0) -> dict[str, Any]:
    """Grabs until `frames` images came, and compares every one with the oracle.

    The fourth channel is not compared: packages differ in it.
    """
    images: list[np.ndarray] = []
    deadline = time.perf_counter() + seconds
    start = time.perf_counter()
    while len(images) < frames and time.perf_counter() < deadline:
        image = grab()
        if image is not None:
            # A copy at once: some packages return memory that they use again.
            images.append(np.array(image))
    elapsed = time.perf_counter() - start
    numbers = [frame_number(image) for image in images]
    wrong = []
    for number, image in zip(numbers, images):
        right = lab.oracle(number, image.shape[1], image.shape[0])
        if not np.array_equal(image[..., :3], right[..., :3]):
            wrong.append(number)
    return {
        "package": package,
        "frames": numbers,
        "distinct": len(set(numbers)),
        "exact": len(images) - len(wrong),
        "wrong": wrong,
        "fps": round(len(images) / elapsed, 1),
        "ok": len(images) == frames and not wrong and numbers == sorted(numbers) and len(set(numbers)) > 1,
        "counters": lab.counters(),
    }
