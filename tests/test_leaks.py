"""No leaks of handles, threads, memory and shared memory."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import rustcam
from conftest import Desktop, must
from desktops import HEIGHT, WIDTH
from system import handles, resident, shared_memory, threads

FRAME = WIDTH * HEIGHT * 4


def test_repeated_construction_leaks_nothing(desktop: Desktop) -> None:
    def once() -> None:
        capturer = desktop.open()
        must(capturer.grab())
        must(capturer.grab(copy=False, new_frame_only=False))

    for _ in range(5):
        once()
    gc.collect()
    before = (handles(), threads(), resident())
    for _ in range(100):
        once()
    gc.collect()
    assert (handles(), threads()) == before[:2]
    assert resident() - before[2] < 8 * FRAME


def test_close_releases_without_garbage_collection(desktop: Desktop) -> None:
    before = (handles(), threads())
    capturer = desktop.open()
    must(capturer.grab())
    capturer.close()
    assert (handles(), threads()) == before


def test_failed_construction_leaks_nothing(desktop: Desktop) -> None:
    def fail() -> None:
        with pytest.raises(ValueError):
            desktop.open(region=(0, 0, 10_000, 10_000))
        with pytest.raises(ValueError):
            rustcam.Capturer(99, backend=desktop.backend)

    fail()
    before = (handles(), threads())
    for _ in range(50):
        fail()
    assert (handles(), threads()) == before


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"copy": False},
        {"fmt": "rgb"},
        {"fmt": "rgb", "copy": False},
        {"fmt": "gray", "region": (10, 10, 300, 200)},
        {"out": np.empty((HEIGHT, WIDTH, 4), np.uint8)},
    ],
    ids=["copy", "view", "rgb copy", "rgb view", "region", "out"],
)
def test_repeated_grabs_keep_memory_flat(desktop: Desktop, options: dict[str, object]) -> None:
    with desktop.open(cursor=False) as capturer:
        for _ in range(100):
            must(capturer.grab(new_frame_only=False, **options))
        before = (handles(), resident())
        for step in range(1000):
            if step % 50 == 0:
                desktop.change()
            must(capturer.grab(new_frame_only=False, **options))
        assert handles() == before[0]
        assert resident() - before[1] < 8 * FRAME


def test_held_frames_are_released_when_dropped(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:

        def hold_and_drop() -> None:
            for _ in range(3):
                held = []
                for _ in range(20):
                    desktop.change()
                    held.append(must(capturer.grab(copy=False)))
                held.clear()

        hold_and_drop()
        before = (handles(), resident())
        hold_and_drop()
        assert handles() <= before[0]
        assert resident() - before[1] < 8 * FRAME


@pytest.mark.linux
def test_shared_memory_has_no_name(desktop: Desktop) -> None:
    before = shared_memory()
    with desktop.open() as capturer:
        must(capturer.grab())
        assert shared_memory() <= before


def test_errors_leak_nothing(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        must(capturer.grab())
        before = (handles(), resident())
        for _ in range(1000):
            with pytest.raises(ValueError):
                capturer.grab(region=(0, 0, 0, 0))
        assert handles() == before[0]
        assert resident() - before[1] < 8 * FRAME
