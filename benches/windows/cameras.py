"""The contenders, each in its best documented way of getting arrays that belong to the caller.

Runs in Windows CPython. A camera is opened for one piece of work; `grab` returns an array, or nothing if nothing is
new.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar, Optional

import numpy as np

Region = Optional[tuple[int, int, int, int]]


class Rustcam:
    """This project's, and the published one, whose interface it keeps."""

    package = "rustcam"
    cursor = True  # can draw the pointer

    def __init__(self, fmt: str, region: Region = None, cursor: bool = False) -> None:
        self._fmt, self._region = fmt, region
        self._capturer = import_module("rustcam").Capturer(cursor=cursor)

    def grab(self) -> Any:
        return self._capturer.grab(100, self._fmt, self._region)

    def start(self) -> None:
        self._capturer.start(0)

    def latest(self) -> Any:
        return self._capturer.get_latest_frame(1000)

    def close(self) -> None:
        self._capturer.close()


class Borrowing(Rustcam):
    """`copy=False`: a read-only array that is kept up to date where the screen changes."""

    def grab(self) -> Any:
        return self._capturer.grab(100, self._fmt, self._region, copy=False)


class Dxcam:
    """BGR and RGB by OpenCV, which it prefers to its own kernels, and which is faster here, too."""

    package = "dxcam"
    cursor = False
    # The destructors of its parts release what was released before, which may crash: no camera is ever dropped.
    _kept: ClassVar[list[Any]] = []

    def __init__(self, fmt: str, region: Region = None, cursor: bool = False) -> None:
        self._region = region
        self._camera = self.create(fmt.upper())
        self._kept.append(self._camera)

    def create(self, color: str) -> Any:
        module = import_module("dxcam")
        module.DXFactory._camera_instances.clear()
        return module.create(output_idx=0, output_color=color)

    def grab(self) -> Any:
        return self._camera.grab(region=self._region)

    def start(self) -> None:
        self._camera.start(target_fps=0)

    def latest(self) -> Any:
        return self._camera.get_latest_frame()

    def close(self) -> None:
        self._camera.stop()


class Bettercam(Dxcam):
    """BGR and RGB by OpenCV, its only way. Its BGRA is memory of a texture not mapped any more, hence the copy."""

    package = "bettercam"

    def __init__(self, fmt: str, region: Region = None, cursor: bool = False) -> None:
        super().__init__(fmt, region, cursor)
        self._borrowed = fmt == "bgra"

    def create(self, color: str) -> Any:
        module = import_module("bettercam")
        module.DXFactory._camera_instances.clear()
        return module.create(output_idx=0, output_color=color)

    def grab(self) -> Any:
        image = super().grab()
        return np.array(image) if self._borrowed and image is not None else image


class Mss:
    """GDI: sees the real display, not the laboratory."""

    package = "mss"
    formats = ("bgra", "rgb")

    def __init__(self, fmt: str) -> None:
        self._fmt = fmt
        self._screen = import_module("mss").MSS()

    def grab(self) -> Any:
        image = np.array(self._screen.grab(self._screen.monitors[1]))
        return image if self._fmt == "bgra" else np.ascontiguousarray(image[:, :, 2::-1])

    def close(self) -> None:
        self._screen.close()


class Pillow:
    """GDI: sees the real display, not the laboratory."""

    package = "pillow"
    formats = ("rgb",)

    def __init__(self, fmt: str) -> None:
        self._grab = import_module("PIL.ImageGrab").grab

    def grab(self) -> Any:
        return np.array(self._grab())

    def close(self) -> None:
        pass


# What duplicates the laboratory's desktop, and what sees only the real display.
DUPLICATING: dict[str, Any] = {
    "rustcam": Rustcam,
    "dxcam": Dxcam,
    "bettercam": Bettercam,
    "rustcam 0.1.2": Rustcam,
}
DRAWING: dict[str, Any] = {"mss": Mss, "pillow": Pillow}
# Cannot run here; what happens instead is told.
ABSENT = {"windows-capture": "windows_capture"}
