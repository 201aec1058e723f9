"""An X server on which a separate process presents, and reports when.

Every present is painted into a pixmap first and shown by one request, so that no capture can see half of it. Its number
is in its pixels, twice, as on the simulated desktop (docs/sim.md); number 0 is what a content begins with.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from Xlib import X
from Xlib.display import Display

from .contenders import TITLE, Opened, Workload

# What is sent once a present is shown: its number, and the time of the request.
PRESENT = struct.Struct("<Qd")
BITS, BLOCK, ROWS = 64, 8, 8
MOVED, VIDEO = (320, 200), (1280, 720)
SCROLLED, STEP = (100, 100, 1200, 880), 8
POINTER_HZ = 250
GROUND = 0x406080

Rect = tuple[int, int, int, int]  # left, top, width, height


def colour(number: int) -> int:
    """Of the present with that number; never the same twice in a row."""
    return number * 0x9E3779 & 0xFFFFFF


class Screen:
    """The root window of the server that `DISPLAY` names, and the pixmap that is shown on it."""

    def __init__(self) -> None:
        self._display = Display()
        screen = self._display.screen()
        self._size = screen.width_in_pixels, screen.height_in_pixels
        self._root = screen.root
        self._pixmap = self._root.create_pixmap(*self._size, screen.root_depth)
        self._gc, self._shown = (self._root.create_gc(graphics_exposures=False) for _ in range(2))

    def _fill(self, value: int, *rects: Rect) -> None:
        self._gc.change(foreground=value)
        self._pixmap.poly_fill_rectangle(self._gc, rects)

    def _paint(self, content: str, number: int) -> list[Rect]:
        """The parts that a present changes; the last of them is new, in its colour."""
        width, height = self._size
        areas = [(0, 0, width, height)]
        if number == 0:
            self._fill(GROUND, *areas)
            return areas
        if content == "window":
            areas = [self._window(number - 1), self._window(number)]
            self._fill(GROUND, areas[0])
        elif content == "scroll":
            left, top, wide, high = SCROLLED
            areas = [SCROLLED, (left, top + high - STEP, wide, STEP)]
            self._pixmap.copy_area(self._gc, self._pixmap, left, top + STEP, wide, high - STEP, left, top)
        elif content == "video":
            areas = [((width - VIDEO[0]) // 2, (height - VIDEO[1]) // 2, *VIDEO)]
        self._fill(colour(number), areas[-1])
        return [*areas, *self._stripes(number)]

    def _window(self, number: int) -> Rect:
        (whole_width, whole_height), (width, height) = self._size, MOVED
        return number * 13 % (whole_width - width), 16 + number * 7 % (whole_height - height - 32), width, height

    def _stripes(self, number: int) -> list[Rect]:
        """The number, at the top and at the bottom."""
        tops = 0, self._size[1] - ROWS
        places = [(0, top, BITS * BLOCK, ROWS) for top in tops]
        self._fill(0, *places)
        bits = (i for i in range(BITS) if number >> (BITS - 1 - i) & 1)
        self._fill(0xFFFFFF, *((i * BLOCK, top, BLOCK, ROWS) for i in bits for top in tops))
        return places

    def show(self, content: str, number: int) -> bytes:
        """Shows a present once the server has painted it."""
        self._shown.set_clip_rectangles(0, 0, self._paint(content, number), X.Unsorted)
        self._display.sync()
        shown = time.monotonic()
        self._root.copy_area(self._shown, self._pixmap, 0, 0, *self._size, 0, 0)
        self._display.sync()
        return PRESENT.pack(number, shown)

    def point(self, number: int) -> None:
        self._root.warp_pointer(100 + number % 500, 100 + number % 300)
        self._display.sync()


class Window:
    """A window on the server that `DISPLAY` names; what is given are left, top, width, height."""

    def __init__(self, place: Rect) -> None:
        self._display = Display()
        screen = self._display.screen()
        self._size = place[2:]
        self._window = screen.root.create_window(*place, 0, screen.root_depth, background_pixel=GROUND)
        self._window.set_wm_name(TITLE)
        self._window.map()
        self._gc = self._window.create_gc()
        self._display.sync()
        self.handle: int = self._window.id

    def fill(self, value: int) -> None:
        """Returns when the server has painted it."""
        self._gc.change(foreground=value)
        self._window.fill_rectangle(self._gc, 0, 0, *self._size)
        self._display.sync()

    def close(self) -> None:
        self._display.close()


def present(pipe: Connection, other_end: Connection) -> None:
    """Shows one content after the other, until the pipe is closed: every command is a content and a rate."""
    other_end.close()
    screen = Screen()
    while pipe.poll(None):
        content, hz = pipe.recv()
        pipe.send_bytes(screen.show(content, 0))
        if content == "static":
            continue
        start, number = time.monotonic(), 0
        rate = POINTER_HZ if content == "pointer" else hz
        while not pipe.poll(max(0.0, start + number / rate - time.monotonic())):
            number += 1
            if content == "pointer":
                screen.point(number)
            else:
                pipe.send_bytes(screen.show(content, number))


class X11Desktop:
    """`pipe` leads to the process that presents; `server` is the process of the server."""

    WARM_UP_SECONDS, WARM_UP_FRAMES = 0.1, 0

    def __init__(self, pipe: Connection, server: int) -> None:
        self._pipe, self._server = pipe, server
        self._times: dict[int, float] = {}

    def show(self, work: Workload) -> None:
        """Another content; returns when it is on the screen."""
        self._pipe.send((work.content, work.hz))
        self._times.clear()
        while 0 not in self._times:
            self.wait()

    def wait(self, seen: int = 0) -> None:
        """Sleeps until something is presented, and takes in all that was meanwhile."""
        while True:
            number, seconds = PRESENT.unpack(self._pipe.recv_bytes())
            if number == 0:
                # Whatever came before belongs to another content.
                self._times.clear()
            self._times[number] = 1000 * seconds
            if not self._pipe.poll():
                return

    def now(self) -> float:
        """The clock of the presents, in milliseconds."""
        return 1000 * time.monotonic()

    def presented(self, number: int) -> float:
        return self._times[number]

    def presents(self, seen: int) -> int:
        """The number of the newest; a frame may be seen before the news of it."""
        self.wait()
        while max(self._times) < seen:
            self.wait()
        return max(self._times)

    def counters(self, opened: Opened) -> dict[str, float]:
        """Of this process and its child, and of the server."""
        child = cpu_ms(opened.child) if opened.child else 0.0
        return {"cpu_ms": 1000 * time.process_time() + child, "server_ms": cpu_ms(self._server)}

    def peaks(self, opened: Opened) -> dict[str, float]:
        """The most since this was asked before."""
        kib = 0
        for process in (os.getpid(), *([opened.child] if opened.child else [])):
            kib += int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text(encoding="ascii"))[0])
            Path(f"/proc/{process}/clear_refs").write_text("5", encoding="ascii")
        return {"peak_mib": kib / 1024}

    def wrong(self, opened: Opened, work: Workload, samples: list[tuple[int, Any]]) -> int:
        """How many of these images of the full content do not show its colour wherever the number is not."""
        wrong = 0
        for number, image in samples if work.content == "full" and work.numbered and opened.owned else []:
            shifts = (0, 8, 16) if opened.fmt == "bgra" else (16, 8, 0)
            right = np.array([colour(number) >> shift & 255 for shift in shifts], np.uint8)
            parts = image[ROWS:-ROWS], image[:ROWS, BITS * BLOCK :], image[-ROWS:, BITS * BLOCK :]
            wrong += not all((part[..., :3] == right).all() for part in parts)
        return wrong


def cpu_ms(process: int) -> float:
    """Processor time, all threads included."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def desktop(server: str) -> Iterator[X11Desktop]:
    """Of the server that `DISPLAY` names."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=present, args=(there, here), daemon=True)
    process.start()
    there.close()
    try:
        yield X11Desktop(here, int(server))
    finally:
        process.kill()
