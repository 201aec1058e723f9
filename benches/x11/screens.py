"""The contenders on an X server, each in its best documented way of getting arrays that belong to the caller."""

from __future__ import annotations

import subprocess
import time
from importlib import import_module
from typing import Any, Optional

import numpy as np


class Screen:
    """What most of them have in common."""

    waits = False  # for something new
    paced = True  # can be asked at any time
    fast = True  # can follow more than sixty presents a second
    owned = True
    fmt = "bgra"
    child: Optional[int] = None

    def close(self) -> None:
        pass


class Rustcam(Screen):
    waits = True

    def __init__(self, display: str, size: tuple[int, int]) -> None:
        self._capturer = import_module("rustcam").Capturer(backend="x11", cursor=False)

    def grab(self) -> Any:
        return self._capturer.grab()

    def close(self) -> None:
        self._capturer.close()


class Borrowed(Rustcam):
    """`copy=False`: a read-only array that is brought up to date where the screen changes."""

    def grab(self) -> Any:
        return self._capturer.grab(copy=False)


class Stream(Rustcam):
    paced = False

    def __init__(self, display: str, size: tuple[int, int]) -> None:
        super().__init__(display, size)
        self._capturer.start(0)

    def grab(self) -> Any:
        try:
            return self._capturer.get_latest_frame(1000)
        except TimeoutError:
            return None


class Mss(Screen):
    def __init__(self, display: str, size: tuple[int, int]) -> None:
        self._screen = import_module("mss").MSS(display=display)

    def grab(self) -> Any:
        return np.asarray(self._screen.grab(self._screen.monitors[1]))

    def close(self) -> None:
        self._screen.close()


class Pillow(Screen):
    fast = False
    fmt = "rgb"

    def __init__(self, display: str, size: tuple[int, int]) -> None:
        self._display = display
        self._grab = import_module("PIL.ImageGrab").grab

    def grab(self) -> Any:
        return np.array(self._grab(xdisplay=self._display))


class Raw(Screen):
    """XShmGetImage into one segment, again and again: no array of one's own, but no capture costs less."""

    owned = False

    def __init__(self, display: str, size: tuple[int, int]) -> None:
        self._shm = import_module("raw_shm").RawShm(display, *size)

    def grab(self) -> Any:
        self._shm.grab()
        return self._shm.view()


class Ffmpeg(Screen):
    """x11grab in a process of its own, through a pipe, at 60 frames a second."""

    waits = True
    paced = False
    fast = False

    def __init__(self, display: str, size: tuple[int, int]) -> None:
        width, height = size
        command = [import_module("imageio_ffmpeg").get_ffmpeg_exe(), "-loglevel", "error", "-nostdin"]
        command += ["-f", "x11grab", "-draw_mouse", "0", "-framerate", "60", "-video_size", f"{width}x{height}"]
        command += ["-i", display, "-f", "rawvideo", "-pix_fmt", "bgra", "-"]
        self._shape = height, width, 4
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
        self.child = self._process.pid

    def grab(self) -> Any:
        assert self._process.stdout is not None
        image = np.empty(self._shape, np.uint8)
        room = memoryview(image).cast("B")
        while room:
            count = self._process.stdout.readinto(room)  # type: ignore[attr-defined]
            if not count:
                raise OSError("ffmpeg has ended")
            room = room[count:]
        return image

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Clocked:
    """Something that cannot wait, asked as often as there are presents."""

    def __init__(self, screen: Any, hz: float) -> None:
        self._screen, self._beat = screen, 1 / hz
        self._due = time.monotonic()

    def grab(self) -> Any:
        self._due = max(self._due + self._beat, time.monotonic() - self._beat)
        time.sleep(max(0.0, self._due - time.monotonic()))
        return self._screen.grab()


SCREENS: dict[str, Any] = {
    "rustcam": Rustcam,
    "rustcam copy=False": Borrowed,
    "rustcam stream": Stream,
    "mss": Mss,
    "pillow": Pillow,
    "raw": Raw,
    "ffmpeg": Ffmpeg,
}
