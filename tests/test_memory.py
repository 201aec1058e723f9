"""Ownership of the pixels: `out=`, `copy=False`, independent arrays."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import rustcam
from conftest import Desktop, must
from desktops import HEIGHT, WIDTH, Painter


def test_arrays_are_independent(desktop: Desktop) -> None:
    with desktop.open(still=True, cursor=False) as capturer:
        first = must(capturer.grab())
        original = first.copy()
        first[:] = 1
        second = must(capturer.grab(new_frame_only=False))
        assert np.array_equal(second, original)
        second[:] = 2
        assert (first == 1).all()
        assert np.array_equal(must(capturer.grab(new_frame_only=False)), original)


def test_held_arrays_never_change(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:
        held = []
        for _ in range(6):
            desktop.change()
            frame = must(capturer.grab())
            held.append((frame, frame.copy()))
        for frame, copy in held:
            assert np.array_equal(frame, copy)


def test_out_is_filled_and_returned(desktop: Desktop) -> None:
    out = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with desktop.open(still=True) as capturer:
        assert capturer.grab(fmt="rgb", out=out) is out
        assert np.array_equal(out, must(capturer.grab(fmt="rgb", new_frame_only=False)))


def test_out_is_not_written_without_a_new_frame(desktop: Desktop) -> None:
    out = np.full((HEIGHT, WIDTH, 4), 9, np.uint8)
    with desktop.open(still=True, cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.grab(0, out=out) is None
        assert (out == 9).all()


def test_out_follows_changes(desktop: Desktop) -> None:
    out = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    with desktop.open(cursor=False) as capturer, desktop.open(cursor=False) as reference:
        for _ in range(4):
            desktop.change()
            assert capturer.grab(out=out) is out
            assert np.array_equal(out, must(reference.grab()))


def test_out_is_filled_completely_whatever_it_held(desktop: Desktop) -> None:
    out = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    with desktop.open(still=True, cursor=False) as capturer:
        expected = must(capturer.grab())
        for value in (1, 2):
            out[:] = value
            assert capturer.grab(out=out, new_frame_only=False) is out
            assert np.array_equal(out, expected)


@pytest.mark.parametrize(("fmt", "channels"), [("bgra", 4), ("rgb", 3), ("gray", 1)])
def test_out_may_be_a_slice_of_a_larger_array(desktop: Desktop, fmt: str, channels: int) -> None:
    array = np.full((HEIGHT + 20, WIDTH + 30, channels), 7, np.uint8)
    part = array[10 : 10 + HEIGHT, 15 : 15 + WIDTH]
    with desktop.open(still=True) as capturer:
        assert capturer.grab(fmt=fmt, out=part) is part
        expected = must(capturer.grab(fmt=fmt, new_frame_only=False))
    assert np.array_equal(part, expected)
    part[:] = 7
    assert (array == 7).all()


def test_out_may_have_a_negative_row_stride(desktop: Desktop) -> None:
    memory = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    with desktop.open(still=True) as capturer:
        capturer.grab(out=memory[::-1])
        assert np.array_equal(memory[::-1], must(capturer.grab(new_frame_only=False)))


def test_out_may_be_every_second_row(desktop: Desktop) -> None:
    memory = np.zeros((2 * HEIGHT, WIDTH, 4), np.uint8)
    with desktop.open(still=True) as capturer:
        capturer.grab(out=memory[::2])
        assert np.array_equal(memory[::2], must(capturer.grab(new_frame_only=False)))
    assert not memory[1::2].any()


def test_views_are_read_only(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        frame = must(capturer.grab(copy=False))
        assert not frame.flags.writeable
        assert frame.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            frame[0, 0, 0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            frame.flags.writeable = True


@pytest.mark.parametrize("fmt", ["bgra", "rgb"])
def test_the_memory_of_a_dropped_view_is_reused(desktop: Desktop, fmt: str) -> None:
    with desktop.open(cursor=False) as capturer:
        addresses = set()
        for _ in range(6):
            desktop.change()
            frame = must(capturer.grab(fmt=fmt, copy=False))
            addresses.add(frame.ctypes.data)
            del frame
        assert len(addresses) == 1


@pytest.mark.parametrize("fmt", ["bgra", "rgb"])
def test_held_views_never_change(desktop: Desktop, fmt: str) -> None:
    with desktop.open(cursor=False) as capturer:
        held = []
        for _ in range(6):
            desktop.change()
            frame = must(capturer.grab(fmt=fmt, copy=False))
            held.append((frame, frame.copy()))
        for frame, copy in held:
            assert np.array_equal(frame, copy)
        assert len({frame.ctypes.data for frame, _ in held}) == len(held)


def test_a_slice_keeps_its_view_alive(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:
        part = must(capturer.grab(copy=False))[10:20, 10:20]
        copy = part.copy()
        for _ in range(3):
            desktop.change()
            must(capturer.grab(copy=False))
        assert np.array_equal(part, copy)


def test_views_and_copies_agree(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer, desktop.open(cursor=False) as reference:
        for _ in range(5):
            desktop.change()
            assert np.array_equal(must(capturer.grab(copy=False)), must(reference.grab()))


def test_alternating_kinds_of_frames_agree(desktop: Desktop) -> None:
    """Copies and views of alternating formats and regions contain no stale pixels of each other."""
    out = np.zeros((50, 60, 3), np.uint8)
    with desktop.open(cursor=False) as capturer, desktop.open(cursor=False) as reference:
        for _ in range(4):
            for options in (
                {"copy": False},
                {"fmt": "rgb", "region": (10, 20, 70, 70), "out": out},
                {"fmt": "gray", "copy": False, "region": (0, 0, 33, 44)},
                {"fmt": "rgba"},
            ):
                desktop.change()
                frame = must(capturer.grab(**options))
                expected = must(reference.grab(fmt=options.get("fmt", "bgra"), region=options.get("region")))
                assert np.array_equal(frame, expected)


def test_views_survive_close_and_garbage_collection(desktop: Desktop) -> None:
    capturer = desktop.open()
    frame = must(capturer.grab(copy=False))
    copy = frame.copy()
    capturer.close()
    del capturer
    gc.collect()
    assert np.array_equal(frame, copy)


@pytest.mark.x11
def test_a_small_change_copies_few_bytes(painter: Painter) -> None:
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        must(capturer.grab(copy=False))
        before = capturer.stats.bytes_copied
        painter.fill((0, 0, 32, 18), 0x123456)
        must(capturer.grab(copy=False))
        assert capturer.stats.bytes_copied - before < WIDTH * HEIGHT * 4 // 10
