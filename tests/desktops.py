"""The desktops under test: X servers and a client that draws on them, the simulated desktop, and the lab's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

import rustcam
from lab import Lab

WIDTH, HEIGHT = 640, 360

# Virtual clock: time passes only while a grab waits, so these desktops cost no real time.
STILL = f"size {WIDTH}x{HEIGHT}; refresh 60; static; pointer still; clock virtual"
MOVING = f"size {WIDTH}x{HEIGHT}; refresh 60; clock virtual"
# Real clock: for waits in real time, and for streams.
STILL_FOR_REAL = f"size {WIDTH}x{HEIGHT}; refresh 60; static; pointer still"
LIVE = f"size {WIDTH}x{HEIGHT}; refresh 200; pointer still"


def opening(script: str) -> str:
    """The first lines of a program whose first argument is a backend: they open `capturer` on it."""
    return f"""
import os, sys, rustcam
backend = sys.argv[1]
if backend == "dxgi":
    import ctypes
    lab = ctypes.WinDLL(os.environ["RUSTCAM_LAB_DLL"])
    assert lab.lab_start({script.encode()!r}) == 0
capturer = rustcam.Capturer(
    backend=backend, cursor=False, any_thread=True, sim={script!r} if backend == "sim" else None
)
"""


class XServer:
    """An Xvfb on a free display, or on the given one. One that `resets` starts over whenever its last client goes."""

    def __init__(
        self,
        width: int = WIDTH,
        height: int = HEIGHT,
        number: Optional[int] = None,
        options: Sequence[str] = (),
        resets: bool = False,
    ) -> None:
        reader, writer = os.pipe()
        command = ["Xvfb"] if number is None else ["Xvfb", f":{number}"]
        command += [
            "-displayfd",
            str(writer),
            "-screen",
            "0",
            f"{width}x{height}x24",
            *([] if resets else ["-noreset"]),
            "-nolisten",
            "tcp",
            *options,
        ]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, pass_fds=[writer], stdin=quiet, stdout=quiet, stderr=quiet)
        os.close(writer)
        with os.fdopen(reader) as ready:
            self.number = int(ready.readline())
        self.display = f":{self.number}"

    def kill(self) -> None:
        """Kills the server, as a crash does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def xrandr(self, *arguments: str) -> None:
        env = {**os.environ, "DISPLAY": self.display}
        subprocess.run(["xrandr", *arguments], env=env, check=True, capture_output=True, timeout=10)

    def resize(self, width: int, height: int) -> None:
        """Changes the mode. A server cannot become larger than it was at its start."""
        name = f"{width}x{height}"
        self.xrandr("--newmode", name, "0", *[str(n) for n in (width, 0, 0, 0, height, 0, 0, 0)])
        self.xrandr("--addmode", "screen", name)
        self.xrandr("--output", "screen", "--mode", name)


class Painter:
    """An X client that draws known pixels on the root window. Every method waits until the server has drawn."""

    def __init__(self, display: str) -> None:
        from Xlib import X
        from Xlib.display import Display

        self._x = X
        self._display = Display(display)
        self._root = self._display.screen().root
        self._gc = self._root.create_gc()

    def close(self) -> None:
        self._display.close()

    def fill(self, rect: tuple[int, int, int, int], color: int) -> None:
        """Fills a rectangle (left, top, right, bottom) with 0xRRGGBB."""
        left, top, right, bottom = rect
        self._gc.change(foreground=color)
        self._root.fill_rectangle(self._gc, left, top, right - left, bottom - top)
        self._display.sync()

    def put(self, pixels: npt.NDArray[np.uint8], left: int = 0, top: int = 0) -> None:
        """Draws an array (height, width, 4) of BGRA."""
        height, width, _ = pixels.shape
        rows = max(1, 200_000 // (width * 4))
        for y in range(0, height, rows):
            part = np.ascontiguousarray(pixels[y : y + rows])
            size = (width, part.shape[0])
            self._root.put_image(self._gc, left, top + y, *size, self._x.ZPixmap, 24, 0, part.tobytes())
        self._display.sync()

    def point_to(self, x: int, y: int) -> None:
        self._root.warp_pointer(x, y)
        self._display.sync()

    def square_pointer(self, side: int, color: int) -> None:
        """Makes the pointer an opaque square with its hot spot in the top-left corner."""
        bitmap = self._root.create_pixmap(side, side, 1)
        gc = bitmap.create_gc(foreground=1)
        bitmap.fill_rectangle(gc, 0, 0, side, side)
        rgb = [(color >> shift & 255) * 257 for shift in (16, 8, 0)]
        cursor = bitmap.create_cursor(bitmap, rgb, rgb, 0, 0)
        self._root.change_attributes(cursor=cursor)
        self._display.sync()


class ScriptedDesktop:
    """A desktop that plays a script."""

    backend: str

    def play(self, script: str, **options: Any) -> rustcam.Capturer:
        """A capturer of a desktop that plays `script`."""
        raise NotImplementedError

    def open(self, *, still: bool = False, **options: Any) -> rustcam.Capturer:
        """A capturer on a virtual clock."""
        return self.play(STILL if still else MOVING, **options)

    def open_waiting(self, **options: Any) -> rustcam.Capturer:
        """A capturer of a desktop that does not change, on the real clock."""
        return self.play(STILL_FOR_REAL, **options)

    def open_live(self, **options: Any) -> rustcam.Capturer:
        """A capturer of a desktop that changes soon after `change()`, on the real clock."""
        return self.play(LIVE, **options)

    def open_changing_once(self, **options: Any) -> rustcam.Capturer:
        """A capturer of a desktop that does not change until `change()`, or until 1.5 s after the opening.

        On a machine that stands still for so long the test gets a second change.
        """
        return self.play(f"{STILL_FOR_REAL}; at 1500ms present full; at 8s present full", **options)

    def change(self) -> None:
        """Nothing to do: the script changes the desktop."""


class SimDesktop(ScriptedDesktop):
    """The simulated desktop."""

    backend = "sim"

    def play(self, script: str, **options: Any) -> rustcam.Capturer:
        return rustcam.Capturer(backend="sim", sim=script, **options)


class X11Desktop:
    """A real X server. `DISPLAY` points to it. Its methods are those of `ScriptedDesktop`, without `play`."""

    backend = "x11"
    # Shared by all tests, so that each test draws other pixels than the test before left on the screen.
    _random = np.random.default_rng(7)

    def __init__(self, painter: Painter) -> None:
        self.painter = painter

    def open(self, *, still: bool = False, **options: Any) -> rustcam.Capturer:
        return rustcam.Capturer(backend="x11", **options)

    def open_waiting(self, **options: Any) -> rustcam.Capturer:
        return self.open(**options)

    def open_live(self, **options: Any) -> rustcam.Capturer:
        return self.open(**options)

    def open_changing_once(self, **options: Any) -> rustcam.Capturer:
        return self.open(**options)

    def change(self) -> npt.NDArray[np.uint8]:
        """Draws noise over the whole screen and returns it."""
        pixels = self._random.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
        pixels[:, :, 3] = 255
        self.painter.put(pixels)
        return pixels


class DxgiDesktop(ScriptedDesktop):
    """Desktop Duplication of the lab's scripted desktop. The script starts when the first capturer opens."""

    backend = "dxgi"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._starting = threading.Lock()

    def play(self, script: str, **options: Any) -> rustcam.Capturer:
        with self._starting:
            if not self.lab.script:
                self.lab.start(script)
        return rustcam.Capturer(backend="dxgi", **options)

    def close(self) -> None:
        """Stops the lab. Fails if the capturer broke a rule of Desktop Duplication."""
        if self.lab.script:
            broken = self.lab.broken_rules()
            self.lab.stop()
            assert broken == {}


def missing_x_tools() -> list[str]:
    return [tool for tool in ("Xvfb", "xrandr") if not shutil.which(tool)]
