"""The picture of docs/guides/window.md: a screen on which one window covers half of another, and that one, captured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from desktops import XServer, missing_x_tools
from rustcam import _png
from test_png import decode

pytestmark = [pytest.mark.x11, pytest.mark.linux]

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "window-covered.png"
SCREEN = (520, 320)
COVERED, COVERING = (30, 30, 300, 220), (190, 90, 300, 200)  # left, top, width, height
GAP = 20

_Image = npt.NDArray[np.uint8]


def wallpaper() -> _Image:
    width, height = SCREEN
    rows, columns = np.mgrid[0:height, 0:width]
    return np.dstack([40 + rows // 4, 60 + columns // 8, 110 + rows // 8]).astype(np.uint8)


def document(width: int, height: int, color: tuple[int, int, int], paragraphs: int) -> _Image:
    """A bar of a colour, lines of words, and a diagram below."""
    image = np.full((height, width, 3), 238, np.uint8)
    image[:24] = color
    image[7:17, 10:20] = image[7:17, 26:36] = 255
    random = np.random.RandomState(paragraphs)  # whose numbers are the same in all versions of numpy
    for line in range(5 * paragraphs):
        top, left = 38 + 10 * line, 14
        while (right := left + int(random.randint(12, 48))) < width - (14 if line % 5 < 4 else width // 2):
            image[top : top + 4, left:right] = 90
            left = right + 6
    for bar in range(width // 24 - 1):
        tall = int(random.randint(10, height - 66 - 50 * paragraphs))
        image[height - 12 - tall : height - 12, 14 + 24 * bar : 32 + 24 * bar] = color
    return image


class Windows:
    """X11 windows that show images: each is a background, which the server paints wherever it is exposed."""

    def __init__(self, display: str) -> None:
        from Xlib import X
        from Xlib.display import Display

        self._x = X
        self._display = Display(display)

    def open(self, left: int, top: int, image: _Image, title: str = "") -> int:
        """Opens a window above all others; returns its handle."""
        height, width, _ = image.shape
        screen = self._display.screen()
        pixels = np.zeros((height, width, 4), np.uint8)
        pixels[..., :3] = image[..., ::-1]
        painted = screen.root.create_pixmap(width, height, screen.root_depth)
        gc = painted.create_gc()
        for row in range(0, height, 100):
            part = pixels[row : row + 100]
            painted.put_image(gc, 0, row, width, len(part), self._x.ZPixmap, 24, 0, part.tobytes())
        place = (left, top, width, height, 0)
        window = screen.root.create_window(*place, screen.root_depth, background_pixmap=painted)
        window.set_wm_name(title)
        window.map()
        self._display.sync()
        return int(window.id)

    def close(self) -> None:
        self._display.close()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[Windows]:
    """On a server of their own, which shows nothing else."""
    if missing_x_tools():
        pytest.skip(f"no {', '.join(missing_x_tools())}")
    server = XServer(*SCREEN)
    monkeypatch.setenv("DISPLAY", server.display)
    windows = Windows(server.display)
    yield windows
    windows.close()
    server.stop()


def test_the_picture_of_the_guide_is_that_of_today(windows: Windows) -> None:
    """To make it anew: `WRITE_PAGES=1 pytest tests/test_window_picture.py`."""
    windows.open(0, 0, wallpaper())
    left, top, *size = COVERED
    shown = document(*size, (36, 112, 180), 2)
    covered = windows.open(left, top, shown)
    windows.open(*COVERING[:2], document(*COVERING[2:], (190, 80, 40), 1))

    screen = rustcam.screenshot(backend="x11")
    captured = rustcam.screenshot(backend="x11", window=covered)
    assert np.array_equal(captured, shown)
    there = screen[top : top + size[1], left : left + size[0]]
    assert (there != shown).any(axis=2).mean() > 0.1

    picture = beside(screen, captured)
    if os.environ.get("WRITE_PAGES"):
        PICTURE.write_bytes(_png.encode(picture, "rgb", 9))
    assert np.array_equal(decode(PICTURE.read_bytes()), picture)


def beside(screen: Any, captured: Any) -> _Image:
    """Both on white, the smaller one at the height of the middle."""
    height, width, _ = screen.shape
    tall, wide, _ = captured.shape
    picture = np.full((height, width + GAP + wide, 3), 255, np.uint8)
    picture[:, :width] = screen
    top = (height - tall) // 2
    picture[top : top + tall, width + GAP :] = captured
    return picture
