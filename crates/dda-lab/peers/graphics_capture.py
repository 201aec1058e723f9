"""Captures by Windows.Graphics.Capture with an unmodified package, in the lab, and compares every pixel.

`graphics_capture.py PACKAGE DLL [SCRIPT [FRAMES]]`

Runs in a Python for Windows, prints one line of JSON, and ends with status 0 if everything was exact.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import wintypes
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable

import numpy as np

# An embedded interpreter does not look beside the script by itself.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from target import CLASS

from lab import Lab, frame_number

HERE = Path(__file__).resolve().parent
SCRIPT = "size 640x480; refresh 60; at 0ms pointer hide"
TITLE = "window of the lab"
SIZE = (403, 301)
LIMIT = 30.0  # seconds

Images = list[np.ndarray]
Oracle = Callable[[Lab, np.ndarray], tuple[int, np.ndarray]]


def desktop(lab: Lab, image: np.ndarray) -> tuple[int, np.ndarray]:
    """The number of a captured desktop, and what it must look like."""
    number = frame_number(image)
    return number, lab.oracle(number, image.shape[1], image.shape[0])


def window(part: tuple[int, int, int, int]) -> Oracle:
    """The same of a captured window, of which the package delivers the part `left, top, right, bottom`."""
    left, top, right, bottom = part

    def oracle(lab: Lab, image: np.ndarray) -> tuple[int, np.ndarray]:
        # Four neighbours hold the four bytes of the number.
        shift = -left % 4
        number = int.from_bytes(bytes(image[0, shift : shift + 4, 2]), "little")
        return number, lab.window(number, *SIZE)[top:bottom, left:right]

    return oracle


WHOLE = window((0, 0, *SIZE))


@contextmanager
def target() -> Iterator[int]:
    """The handle of a window of another process."""
    command = [sys.executable, str(HERE / "target.py"), TITLE, *map(str, SIZE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def windows_capture(frames: int, **what: Any) -> Images:
    from windows_capture import WindowsCapture

    images: Images = []
    done = threading.Event()
    capture = WindowsCapture(cursor_capture=False, draw_border=False, minimum_update_interval=1, **what)

    @capture.event
    def on_frame_arrived(frame: Any, control: Any) -> None:
        images.append(frame.frame_buffer.copy())
        if len(images) >= frames:
            control.stop()
            done.set()

    @capture.event
    def on_closed() -> None:
        done.set()

    control = capture.start_free_threaded()
    done.wait(LIMIT)
    control.stop()
    return images[:frames]


def windows_capture_monitor(frames: int) -> tuple[Images, Oracle]:
    return windows_capture(frames, monitor_index=1), desktop


def windows_capture_window(frames: int) -> tuple[Images, Oracle]:
    with target() as handle:
        return windows_capture(frames, window_hwnd=handle), WHOLE


def windows_capture_title(frames: int) -> tuple[Images, Oracle]:
    with target():
        return windows_capture(frames, window_name=TITLE), WHOLE


def dxcam(frames: int) -> tuple[Images, Oracle]:
    import dxcam as module

    camera = module.create(output_idx=0, output_color="BGRA", processor_backend="numpy", backend="winrt")
    return polled(frames, camera.grab), desktop


def wgc_python(frames: int, client: bool) -> Images:
    from wgc_python import WindowCapture

    # Without its destructor, which the process ends before.
    capture = WindowCapture(TITLE, CLASS.title(), client_area_only=client, capture_cursor=False)

    def grab() -> Any:
        mapped = capture.get_frame()
        if mapped is None:
            return None
        address, width, height, pitch = mapped
        memory = (ctypes.c_ubyte * (height * pitch)).from_address(address)
        image = np.ndarray((height, width, 4), np.uint8, buffer=memory, strides=(pitch, 4, 1)).copy()
        capture.release_frame()
        return image

    return polled(frames, grab)


def wgc_python_whole(frames: int) -> tuple[Images, Oracle]:
    with target():
        return wgc_python(frames, False), WHOLE


def wgc_python_client(frames: int) -> tuple[Images, Oracle]:
    with target() as handle:
        return wgc_python(frames, True), window(client_part(handle))


def client_part(handle: int) -> tuple[int, int, int, int]:
    """Where the client area of a window without an invisible border is in it."""
    user: Any = vars(ctypes)["WinDLL"]("user32")
    outer, client, corner = wintypes.RECT(), wintypes.RECT(), wintypes.POINT()
    place = wintypes.HWND(handle)
    user.GetWindowRect(place, ctypes.byref(outer))
    user.GetClientRect(place, ctypes.byref(client))
    user.ClientToScreen(place, ctypes.byref(corner))
    left, top = corner.x - outer.left, corner.y - outer.top
    return left, top, left + client.right, top + client.bottom


def polled(frames: int, grab: Callable[[], Any]) -> Images:
    """What a package returns until there are `frames` images, without repetitions."""
    images: Images = []
    deadline = time.perf_counter() + LIMIT
    while len(images) < frames and time.perf_counter() < deadline:
        image = grab()
        if image is None or (images and np.array_equal(image, images[-1])):
            time.sleep(0.002)
        else:
            images.append(np.array(image))
    return images


PACKAGES = {
    "windows-capture": windows_capture_monitor,
    "windows-capture-window": windows_capture_window,
    "windows-capture-title": windows_capture_title,
    "dxcam-winrt": dxcam,
    "wgc-python": wgc_python_whole,
    "wgc-python-client": wgc_python_client,
}


def main() -> None:
    package, dll, *rest = sys.argv[1:]
    # Before the package, whose modules import what the lab provides.
    lab = Lab(dll, rest[0] if rest else SCRIPT)
    frames = int(rest[1]) if len(rest) > 1 else 20
    images, oracle = PACKAGES[package](frames)
    numbers, wrong = [], []
    for image in images:
        number, right = oracle(lab, image)
        numbers.append(number)
        if image.shape != right.shape or not np.array_equal(image[..., :3], right[..., :3]):
            wrong.append(number)
    name = next(name for name in ("windows-capture", "wgc-python", "dxcam") if package.startswith(name))
    result = {
        "package": package,
        "version": version(name),
        "frames": numbers,
        "exact": len(images) - len(wrong),
        "wrong": wrong,
        "ok": len(images) == frames and not wrong and numbers == sorted(set(numbers)),
        "counters": {key: value for key, value in lab.counters().items() if key.startswith("wgc_")},
    }
    print(json.dumps(result), flush=True)
    # Not by way of the packages' destructors, of which dxcam 0.3.0 gives an interface back twice.
    os._exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
