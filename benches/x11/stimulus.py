"""Paints on an X server and says when: stimulus.py DISPLAY.

Every line of standard input, CONTENT and HZ, begins another content. Every present is painted into a pixmap first and
shown by one request, so that no capture can see half of it. The number of a present is in its pixels, twice, as on the
simulated desktop. Once shown, it is told on standard output with the monotonic time of its request; number 0 is what a
content begins with. Ends when nobody listens.
"""

from __future__ import annotations

import io
import select
import struct
import sys
import time
from collections.abc import Iterator
from typing import Optional

from Xlib import X
from Xlib.display import Display

PRESENT = struct.Struct("<Qd")
BITS, BLOCK, ROWS = 64, 8, 8
WINDOW = (320, 200)
SCROLLED, STEP = (1200, 880), 8
VIDEO = (1280, 720)
POINTER_HZ = 250
GROUND = 0x406080

Rect = tuple[int, int, int, int]  # left, top, width, height


def colour(number: int) -> int:
    """Of the present with that number; never the same twice in a row."""
    return number * 0x9E3779 & 0xFFFFFF


class Screen:
    """The root window, and the pixmap that is shown on it."""

    def __init__(self, display: str) -> None:
        self.display = Display(display)
        screen = self.display.screen()
        self.width, self.height = screen.width_in_pixels, screen.height_in_pixels
        self.root = screen.root
        self._pixmap = self.root.create_pixmap(self.width, self.height, screen.root_depth)
        self._gc = self.root.create_gc(graphics_exposures=False)
        self._shown = self.root.create_gc(graphics_exposures=False)

    def fill(self, rect: Rect, value: int) -> None:
        self._gc.change(foreground=value)
        self._pixmap.fill_rectangle(self._gc, *rect)

    def scroll(self, rect: Rect, step: int) -> None:
        left, top, width, height = rect
        self._pixmap.copy_area(self._gc, self._pixmap, left, top + step, width, height - step, left, top)

    def stripes(self, number: int) -> list[Rect]:
        """The number, as on the simulated desktop: see docs/sim.md."""
        white = [i for i in range(BITS) if number >> (BITS - 1 - i) & 1]
        places = [(0, top, BITS * BLOCK, ROWS) for top in (0, self.height - ROWS)]
        for place in places:
            self.fill(place, 0)
            self._gc.change(foreground=0xFFFFFF)
            if white:
                rects = [(i * BLOCK, place[1], BLOCK, ROWS) for i in white]
                self._pixmap.poly_fill_rectangle(self._gc, rects)
        return places

    def prepare(self, rects: list[Rect]) -> None:
        """What the next `show` will show; returns when the server has painted it."""
        self._shown.set_clip_rectangles(0, 0, rects, X.Unsorted)
        self.display.sync()

    def show(self) -> None:
        self.root.copy_area(self._shown, self._pixmap, 0, 0, self.width, self.height, 0, 0)
        self.display.sync()


def paint(screen: Screen, content: str, number: int) -> list[Rect]:
    """The parts that present `number` changes."""
    width, height = screen.width, screen.height
    if content == "full":
        screen.fill((0, 0, width, height), colour(number))
        screen.stripes(number)
        return [(0, 0, width, height)]
    if content == "window":
        places = [window(screen, number - 1), window(screen, number)]
        screen.fill(places[0], GROUND)
        screen.fill(places[1], colour(number))
        return [*places, *screen.stripes(number)]
    if content == "scroll":
        area = (100, 100, *SCROLLED)
        screen.scroll(area, STEP)
        screen.fill((100, 100 + SCROLLED[1] - STEP, SCROLLED[0], STEP), colour(number))
        return [area, *screen.stripes(number)]
    if content == "video":
        area = ((width - VIDEO[0]) // 2, (height - VIDEO[1]) // 2, *VIDEO)
        screen.fill(area, colour(number))
        return [area, *screen.stripes(number)]
    raise ValueError(f"no content {content}")


def window(screen: Screen, number: int) -> Rect:
    width, height = WINDOW
    x, y = number * 13 % (screen.width - width), 16 + number * 7 % (screen.height - height - 32)
    return x, y, width, height


class Listener:
    """Who says what to show, and is told what was shown."""

    def __init__(self) -> None:
        # Without a buffer, because whether there is another line is asked of the system.
        self._commands, self._told = io.FileIO(0), sys.stdout.buffer

    def commands(self) -> Iterator[tuple[str, float]]:
        for line in self._commands:
            content, hz = line.decode().split()
            yield content, float(hz)

    def waits(self, seconds: Optional[float] = None) -> bool:
        """Whether another command comes within that time."""
        return bool(select.select([self._commands], [], [], seconds)[0])

    def tell(self, number: int, shown: float) -> None:
        self._told.write(PRESENT.pack(number, shown))
        self._told.flush()


def ticks(hz: float, listener: Listener) -> Iterator[int]:
    """Numbers from 1, each at its time, until there is something else to do."""
    start, number = time.monotonic(), 0
    while not listener.waits(max(0.0, start + number / hz - time.monotonic())):
        number += 1
        yield number


def begin(screen: Screen, listener: Listener) -> None:
    screen.fill((0, 0, screen.width, screen.height), GROUND)
    screen.prepare([(0, 0, screen.width, screen.height)])
    shown = time.monotonic()
    screen.show()
    listener.tell(0, shown)


def present(screen: Screen, content: str, hz: float, listener: Listener) -> None:
    for number in ticks(hz, listener):
        screen.prepare(paint(screen, content, number))
        shown = time.monotonic()
        screen.show()
        listener.tell(number, shown)


def move(screen: Screen, listener: Listener) -> None:
    """The pointer only."""
    for number in ticks(POINTER_HZ, listener):
        screen.root.warp_pointer(100 + number % 500, 100 + number % 300)
        screen.display.sync()


def main() -> None:
    screen, listener = Screen(sys.argv[1]), Listener()
    try:
        for content, hz in listener.commands():
            begin(screen, listener)
            if content == "pointer":
                move(screen, listener)
            elif content == "static":
                listener.waits()
            else:
                present(screen, content, hz, listener)
    except BrokenPipeError:
        sys.stderr.close()


if __name__ == "__main__":
    main()
