"""Windows of a real X server: alone, with a window manager that frames them, and with compositing managers."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
import pytest
from Xlib import X, Xatom, Xutil
from Xlib.display import Display
from Xlib.protocol import event

import rustcam
import xorg
from conftest import must
from desktops import XServer
from xorg import Xorg

pytestmark = pytest.mark.x11

SCREEN = 800, 600
SIZE = 200, 150  # of most windows
Pixels = npt.NDArray[np.uint8]


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


# What runs beside the programs on the server.
SESSIONS = [
    pytest.param((), id="nothing"),
    pytest.param(("openbox",), id="openbox", marks=needs("openbox")),
    pytest.param(("xcompmgr",), id="xcompmgr", marks=needs("xcompmgr")),
    pytest.param(("picom",), id="picom", marks=needs("picom")),
    pytest.param(("openbox", "xcompmgr"), id="openbox-xcompmgr", marks=needs("openbox", "xcompmgr")),
]
MANAGED = [session for session in SESSIONS if "openbox" in str(session.id)]


def until(condition: Any) -> None:
    """Waits until `condition()` is true."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Screen:
    """A server with managers."""

    def __init__(self, server: XServer, managers: tuple[str, ...] = ()) -> None:
        self.server = server
        self.display = Display(server.display)
        self.root = self.display.screen().root
        self.managers: dict[str, subprocess.Popen[bytes]] = {}
        for manager in managers:
            self.run(manager)

    def atom(self, name: str) -> int:
        return int(self.display.intern_atom(name))

    def run(self, manager: str, *options: str) -> None:
        """Starts a manager, and waits until it does its work."""
        if manager == "picom":
            options = ("--config", os.devnull, "--backend", "xrender", *options)
        env = {**os.environ, "DISPLAY": self.server.display}
        quiet = subprocess.DEVNULL
        self.managers[manager] = subprocess.Popen([manager, *options], env=env, stdin=quiet, stdout=quiet, stderr=quiet)
        selection = self.atom("WM_S0" if manager == "openbox" else "_NET_WM_CM_S0")
        until(lambda: self.display.get_selection_owner(selection) != X.NONE)
        if manager == "openbox":
            until(self.is_managed)

    def is_managed(self) -> bool:
        """Whether a window manager lists the windows."""
        listed = self.root.get_full_property(self.atom("_NET_CLIENT_LIST_STACKING"), X.AnyPropertyType)
        check = self.root.get_full_property(self.atom("_NET_SUPPORTING_WM_CHECK"), X.AnyPropertyType)
        return listed is not None and check is not None

    def end(self, manager: str) -> None:
        process = self.managers.pop(manager)
        process.terminate()
        process.wait()

    def close(self) -> None:
        for manager in list(self.managers):
            self.end(manager)
        self.display.close()


class Program:
    """A program with one window of noise, which is its background: the server draws it wherever it is exposed."""

    random = np.random.default_rng(11)

    def __init__(
        self, screen: Screen, title: str, left: int = 100, top: int = 80, size: tuple[int, int] = SIZE
    ) -> None:
        self.screen = screen
        self.display = Display(screen.server.display)
        root = self.display.screen().root
        self.window = root.create_window(left, top, *size, 0, 24, X.InputOutput, X.CopyFromParent)
        hints = {"flags": Xutil.USPosition | Xutil.USSize, "x": left, "y": top, "width": size[0], "height": size[1]}
        self.window.set_wm_normal_hints(hints)
        self.window.set_wm_class("instance", "Class")
        self.window.change_property(self.atom("_NET_WM_NAME"), self.atom("UTF8_STRING"), 8, title.encode())
        self.window.change_property(self.atom("_NET_WM_PID"), Xatom.CARDINAL, 32, [os.getpid()])
        self.window.set_wm_client_machine(socket.gethostname())
        self.window.set_wm_protocols([self.atom("WM_DELETE_WINDOW")])
        self.draw(size)
        self.window.map()
        self.display.sync()
        until(self.is_shown)

    @property
    def handle(self) -> int:
        return int(self.window.id)

    def atom(self, name: str) -> int:
        return int(self.display.intern_atom(name))

    def is_shown(self) -> bool:
        """Whether the window is shown and, where a window manager runs, taken over by it."""
        shown = self.window.get_attributes().map_state == X.IsViewable
        listed = self.handle in [window["handle"] for window in rustcam.list_windows("x11")]
        return shown and listed

    def draw(self, size: tuple[int, int]) -> None:
        """Draws other noise, all over the window."""
        width, height = size
        self.pixels = self.random.integers(0, 256, (height, width, 4), dtype=np.uint8)
        self.pixels[:, :, 3] = 255
        pixmap = self.window.create_pixmap(width, height, 24)
        gc = pixmap.create_gc()
        rows = max(1, 200_000 // (width * 4))
        for y in range(0, height, rows):
            part = self.pixels[y : y + rows]
            pixmap.put_image(gc, 0, y, width, part.shape[0], X.ZPixmap, 24, 0, part.tobytes())
        self.window.change_attributes(background_pixmap=pixmap)
        self.window.clear_area(0, 0, 0, 0)
        gc.free()
        pixmap.free()
        self.display.sync()

    def fill(self, rect: tuple[int, int, int, int], color: int) -> None:
        left, top, right, bottom = rect
        gc = self.window.create_gc(foreground=color)
        self.window.fill_rectangle(gc, left, top, right - left, bottom - top)
        gc.free()
        self.display.sync()
        self.pixels[top:bottom, left:right] = [color & 255, color >> 8 & 255, color >> 16, 255]

    def configure(self, **values: int) -> None:
        self.window.configure(**values)
        self.display.sync()

    def iconify(self) -> None:
        """Asks the window manager to minimise the window."""
        data = (32, [Xutil.IconicState, 0, 0, 0, 0])
        message = event.ClientMessage(window=self.window, client_type=self.atom("WM_CHANGE_STATE"), data=data)
        mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
        self.display.screen().root.send_event(message, event_mask=mask)
        self.display.sync()
        until(lambda: self.window.get_attributes().map_state != X.IsViewable)

    def restore(self) -> None:
        self.window.map()
        self.display.sync()
        until(lambda: self.window.get_attributes().map_state == X.IsViewable)

    def close(self) -> None:
        self.window.destroy()
        self.display.sync()
        self.display.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[XServer]:
    server = XServer(*SCREEN)
    monkeypatch.setenv("DISPLAY", server.display)
    yield server
    server.stop()


@pytest.fixture
def screen(request: pytest.FixtureRequest, server: XServer) -> Iterator[Screen]:
    screen = Screen(server, getattr(request, "param", ()))
    yield screen
    screen.close()


def capturer(program: Program, **options: Any) -> rustcam.Capturer:
    options = {"window": program.handle, "cursor": False, **options}
    return rustcam.Capturer(**options)


def settle(capturer: rustcam.Capturer) -> None:
    """Grabs until no frame has come for 100 ms."""
    while capturer.grab(100) is not None:
        pass


def shows(capturer: rustcam.Capturer, pixels: Pixels) -> None:
    """Grabs until the picture is `pixels`."""
    deadline = time.monotonic() + 10
    frame: Optional[Pixels] = None
    while frame is None or frame.shape != pixels.shape or not np.array_equal(frame, pixels):
        assert time.monotonic() < deadline, "the picture is not what was drawn"
        frame = capturer.grab(1000, new_frame_only=False)


@pytest.mark.parametrize("screen", SESSIONS, indirect=True)
def test_a_window_is_exact_wherever_it_is(screen: Screen) -> None:
    program = Program(screen, "Captured")
    cover = Program(screen, "Cover", 150, 120)
    with capturer(program) as shown:
        frame = must(shown.grab())
        assert frame.shape == (150, 200, 4)
        shows(shown, program.pixels)
        for left, top in ((-120, -70), (700, 520), (100, 80)):
            program.configure(x=left, y=top)
            cover.configure(x=left, y=top, stack_mode=X.Above)
            shows(shown, program.pixels)
            settle(shown)
            program.fill((50, 40, 90, 60), 0x123456 + left)
            frame = must(shown.grab(5000))
            assert np.array_equal(frame, program.pixels)
            assert shown.frame_info is not None
            assert shown.frame_info.dirty == [(50, 40, 90, 60)]
        assert np.array_equal(rustcam.screenshot(window=program.handle, fmt="bgra"), program.pixels)
    cover.close()
    program.close()


@pytest.mark.parametrize("screen", MANAGED, indirect=True)
def test_a_framed_window_that_is_moved_or_covered_gives_no_frame(screen: Screen) -> None:
    program = Program(screen, "Captured")
    cover = Program(screen, "Cover", 150, 120)
    with capturer(program) as shown:
        settle(shown)
        for left in (0, 300, 750, -150, 100):
            program.configure(x=left, y=left // 2)
            cover.configure(stack_mode=X.Above)
            cover.configure(x=left, y=left // 2, stack_mode=X.Below)
        assert shown.grab(150) is None
        assert np.array_equal(must(shown.grab(new_frame_only=False)), program.pixels)
    cover.close()
    program.close()


@pytest.mark.parametrize("screen", MANAGED, indirect=True)
def test_the_whole_window_has_the_frame_of_the_window_manager(screen: Screen) -> None:
    program = Program(screen, "Captured")
    extents = program.atom("_NET_FRAME_EXTENTS")
    until(lambda: program.window.get_full_property(extents, X.AnyPropertyType) is not None)
    left, right, top, bottom = program.window.get_full_property(extents, X.AnyPropertyType).value
    assert top > 5, "openbox draws a title bar"
    with capturer(program, window_area="whole") as shown:
        frame = must(shown.grab())
        assert frame.shape == (150 + top + bottom, 200 + left + right, 4)
        assert np.array_equal(frame[top : top + 150, left : left + 200], program.pixels)
        # The title bar is not of one colour.
        assert len(np.unique(frame[:top].reshape(-1, 4), axis=0)) > 5
    program.close()


@pytest.mark.parametrize("screen", SESSIONS, indirect=True)
def test_a_new_size_is_followed(screen: Screen) -> None:
    program = Program(screen, "Captured")
    with capturer(program, region=(10, 20, 190, 140)) as part, capturer(program) as shown:
        assert must(part.grab()).shape == (120, 180, 4)
        shows(shown, program.pixels)
        for size in ((320, 240), (100, 90), SIZE):
            program.configure(width=size[0], height=size[1])
            program.draw(size)
            shows(shown, program.pixels)
            assert (shown.width, shown.height) == size
        program.configure(width=100, height=90)
        program.draw((100, 90))
        shows(part, program.pixels[20:90, 10:100])
        assert part.stats.region_clamped
    program.close()


@pytest.mark.parametrize("screen", MANAGED, indirect=True)
def test_a_minimised_window_gives_no_frame_until_it_is_back(screen: Screen) -> None:
    program = Program(screen, "Captured")
    with capturer(program) as shown:
        must(shown.grab())
        for _ in range(3):
            program.iconify()
            assert shown.grab(100) is None
            assert "the window is minimised" in str(shown.stats.lost)
            (listed,) = rustcam.list_windows()
            assert listed["minimized"]
            program.restore()
            must(shown.grab(5000))
            shows(shown, program.pixels)
            assert shown.stats.lost is None
        program.iconify()
    with capturer(program) as shown:
        assert shown.grab(50) is None
        program.restore()
        must(shown.grab(5000))
        shows(shown, program.pixels)
    program.close()


@pytest.mark.parametrize("screen", SESSIONS, indirect=True)
def test_a_closed_window_is_an_error_or_looked_for_by_its_title(screen: Screen) -> None:
    program = Program(screen, "Captured – 1")
    with capturer(program) as by_handle, capturer(program, window=re.compile("^Captured")) as by_title:
        must(by_handle.grab())
        must(by_title.grab())
        by_handle.start()
        program.close()
        with pytest.raises(rustcam.AccessLost, match='the window "Captured – 1" was closed'):
            while True:
                by_handle.get_latest_frame(5000)
        by_handle.stop()
        for _ in range(2):
            with pytest.raises(rustcam.AccessLost, match="was closed"):
                by_handle.grab()
        assert by_title.grab(100) is None
        assert "was closed" in str(by_title.stats.lost)
        again = Program(screen, "Captured – 2", 300, 200, (120, 110))
        must(by_title.grab(5000))
        shows(by_title, again.pixels)
        with pytest.raises(rustcam.AccessLost, match="was closed"):
            by_handle.grab()
        again.close()


@pytest.mark.parametrize("screen", MANAGED, indirect=True)
def test_windows_are_listed_from_the_top(screen: Screen) -> None:
    programs = [Program(screen, f"Window {n}", 50 * n, 40 * n) for n in range(1, 4)]
    programs[0].configure(stack_mode=X.Above)
    until(lambda: [w["title"] for w in rustcam.list_windows()] == ["Window 1", "Window 3", "Window 2"])
    for listed in rustcam.list_windows():
        program = programs[int(listed["title"][-1]) - 1]
        at = program.window.translate_coords(screen.root, 0, 0)
        assert listed == {
            "handle": program.handle,
            "title": listed["title"],
            "app": "Class",
            "pid": os.getpid(),
            "left": -at.x,
            "top": -at.y,
            "width": 200,
            "height": 150,
            "minimized": False,
            "backend": "x11",
        }
        with rustcam.Capturer(window=listed, cursor=False) as shown:
            assert np.array_equal(must(shown.grab()), program.pixels)
    with pytest.raises(ValueError, match="3 windows have title"):
        rustcam.Capturer(window="window")
    for program in programs:
        program.close()


@needs("openbox")
@pytest.mark.parametrize("screen", [("openbox",)], indirect=True)
@pytest.mark.parametrize("area", ["client", "whole"])
def test_another_window_manager_takes_over(screen: Screen, area: str) -> None:
    program = Program(screen, "Captured")
    with capturer(program, window_area=area) as shown:
        must(shown.grab())
        for _ in range(2):
            screen.end("openbox")
            program.fill((0, 0, 20, 20), 0xFF0000)
            if area == "client":
                shows(shown, program.pixels)
            screen.run("openbox")
            until(program.is_shown)
            program.fill((0, 0, 20, 20), 0x00FF00)
            if area == "client":
                shows(shown, program.pixels)
            else:
                until(lambda: must(shown.grab(5000, new_frame_only=False)).shape[0] > 155)
    program.close()


@needs("xcompmgr")
def test_a_compositing_manager_comes_and_goes(screen: Screen) -> None:
    program = Program(screen, "Captured")
    cover = Program(screen, "Cover", 150, 120)
    with capturer(program) as shown:
        must(shown.grab())
        for color in (0x111111, 0x222222):
            screen.run("xcompmgr")
            program.fill((0, 0, 200, 75), color)
            shows(shown, program.pixels)
            screen.end("xcompmgr")
            program.fill((0, 75, 200, 150), color)
            shows(shown, program.pixels)
    cover.close()
    program.close()


def test_two_processes_capture_one_window(screen: Screen) -> None:
    program = Program(screen, "Captured")
    source = f"""
import sys, rustcam
with rustcam.Capturer(window={program.handle}, cursor=False) as shown:
    print(shown.grab(5000)[0, 0].tolist(), flush=True)
    sys.stdin.readline()
    print(shown.grab(5000, new_frame_only=False)[0, 0].tolist(), flush=True)
"""
    with capturer(program) as shown:
        command = [sys.executable, "-c", source]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as other:
            assert other.stdout is not None
            assert other.stdin is not None
            assert other.stdout.readline().strip() == str(program.pixels[0, 0].tolist())
            program.fill((0, 0, 5, 5), 0x102030)
            shows(shown, program.pixels)
            other.stdin.write("\n")
            assert other.stdout.readline().strip() == "[48, 32, 16, 255]"
        program.fill((0, 0, 5, 5), 0x405060)
        shows(shown, program.pixels)
    program.close()


@pytest.mark.parametrize("screen", SESSIONS, indirect=True)
def test_the_pointer_is_drawn_where_it_is_on_the_window(screen: Screen) -> None:
    program = Program(screen, "Captured")
    program.fill((0, 0, 200, 150), 0x00FF00)
    bitmap = program.window.create_pixmap(8, 8, 1)
    bitmap.fill_rectangle(bitmap.create_gc(foreground=1), 0, 0, 8, 8)
    program.window.change_attributes(cursor=bitmap.create_cursor(bitmap, (65535, 0, 0), (65535, 0, 0), 0, 0))
    program.display.sync()
    with capturer(program, cursor=True) as shown:
        for x, y in ((30, 20), (100, 90), (196, 146)):
            program.window.warp_pointer(x, y)
            program.display.sync()
            expected = program.pixels.copy()
            expected[y : y + 8, x : x + 8] = [0, 0, 255, 255]
            shows(shown, expected)
            assert shown.frame_info is not None
            assert (shown.frame_info.pointer.x, shown.frame_info.pointer.y) == (x, y)
    program.close()


@pytest.mark.skipif(bool(xorg.missing()), reason=xorg.missing() or "")
@needs("openbox")
def test_windows_of_a_real_xorg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Xorg(tmp_path)
    monkeypatch.setenv("DISPLAY", server.display)
    server.xrandr("--output", "DUMMY0", "--mode", "1024x768", "--rate", "60", "--pos", "0x0")
    screen = Screen(server, ("openbox",))
    program = Program(screen, "Captured")
    cover = Program(screen, "Cover", 150, 120)
    with capturer(program) as shown:
        must(shown.grab())
        assert shown.refresh_hz == pytest.approx(60, abs=0.1)
        for left, top in ((100, 80), (-120, -70), (900, 700)):
            program.configure(x=left, y=top)
            cover.configure(x=left, y=top, stack_mode=X.Above)
            program.fill((50, 40, 90, 60), 0x123456 + left)
            shows(shown, program.pixels)
        program.configure(width=320, height=240)
        program.draw((320, 240))
        shows(shown, program.pixels)
        program.iconify()
        assert shown.grab(100) is None
        program.restore()
        shows(shown, program.pixels)
    cover.close()
    program.close()
    screen.close()
    server.stop()
