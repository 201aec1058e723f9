"""Capture of a screen that is painted by a compositing manager."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest
from Xlib import X
from Xlib.display import Display

import rustcam
from desktops import XServer

pytestmark = pytest.mark.x11

COLORS = [0x0A0B0C * n & 0xFFFFFF for n in range(1, 21)]


@pytest.fixture
def composited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Display]:
    """A connection to a server with a compositing manager."""
    if not shutil.which("xcompmgr"):
        pytest.skip("xcompmgr is not installed")
    server = XServer(640, 480)
    monkeypatch.setenv("DISPLAY", server.display)
    manager = subprocess.Popen(["xcompmgr", "-d", server.display], stderr=subprocess.DEVNULL)
    display = Display(server.display)
    selection = display.intern_atom("_NET_WM_CM_S0")
    limit = time.monotonic() + 10
    while display.get_selection_owner(selection) == X.NONE and time.monotonic() < limit:
        time.sleep(0.01)
    yield display
    display.close()
    manager.terminate()
    manager.wait()
    server.stop()


def test_windows_are_captured_under_a_compositing_manager(composited: Display) -> None:
    root = composited.screen().root
    window = root.create_window(
        100, 100, 200, 150, 0, 24, X.InputOutput, X.CopyFromParent, background_pixel=0x112233, override_redirect=True
    )
    window.map()
    gc = window.create_gc()
    composited.sync()
    with rustcam.Capturer(backend="x11", cursor=False) as screen:
        while screen.grab(timeout_ms=300) is not None:
            pass
        for color in COLORS:
            gc.change(foreground=color)
            window.fill_rectangle(gc, 20, 20, 50, 50)
            composited.sync()
            shown = -1
            while shown != color:
                frame = screen.grab(timeout_ms=5000, fmt="rgb", copy=False)
                assert frame is not None, "the manager has painted, but there was no new frame"
                red, green, blue = (int(v) for v in frame[140, 140])
                shown = red << 16 | green << 8 | blue
            assert (120, 120, 170, 170) in screen.frame_info.dirty
