"""`grab`: when it returns a frame, and the metadata of the frame."""

from __future__ import annotations

import time

import numpy as np
import pytest

from conftest import Desktop, must, sim
from desktops import HEIGHT, STILL, WIDTH, Painter, X11Desktop

CHANNELS = {"bgra": 4, "rgba": 4, "bgr": 3, "rgb": 3, "gray": 1}


@pytest.mark.parametrize("fmt", CHANNELS)
def test_shape_type_and_layout(desktop: Desktop, fmt: str) -> None:
    with desktop.open() as capturer:
        frame = must(capturer.grab(fmt=fmt))
    assert frame.shape == (HEIGHT, WIDTH, CHANNELS[fmt])
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert frame.flags.writeable


@pytest.mark.parametrize("spelling", ["BGRA", "Bgr", "grey", "GREY", "Gray"])
def test_format_in_any_case(desktop: Desktop, spelling: str) -> None:
    with desktop.open() as capturer:
        assert capturer.grab(fmt=spelling) is not None


@pytest.mark.parametrize("timeout_ms", [0, 1, 1000, 2**32 - 1])
def test_the_first_grab_returns_the_screen_of_a_static_desktop(desktop: Desktop, timeout_ms: int) -> None:
    with desktop.open(still=True) as capturer:
        frame = must(capturer.grab(timeout_ms))
        assert frame.shape == (HEIGHT, WIDTH, 4)


@pytest.mark.parametrize("timeout_ms", [0, 1, 30, np.int64(5), True])
def test_no_new_frame_is_none(desktop: Desktop, timeout_ms: int) -> None:
    with desktop.open(still=True, cursor=False) as capturer:
        must(capturer.grab())
        for _ in range(3):
            assert capturer.grab(timeout_ms) is None
        assert capturer.stats.timeouts == 3


def test_wait_lasts_as_long_as_the_timeout(desktop: Desktop) -> None:
    with desktop.open_waiting(cursor=False) as capturer:
        must(capturer.grab())
        start = time.perf_counter()
        assert capturer.grab(150) is None
        assert 0.149 <= time.perf_counter() - start < 0.25


def test_poll_returns_at_once(desktop: Desktop) -> None:
    with desktop.open_waiting(cursor=False) as capturer:
        must(capturer.grab())
        start = time.perf_counter()
        assert capturer.grab(0) is None
        assert time.perf_counter() - start < 0.05


def test_every_change_is_a_frame(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:
        last = must(capturer.grab())
        for _ in range(5):
            desktop.change()
            frame = must(capturer.grab())
            assert not np.array_equal(frame, last)
            last = frame


@pytest.mark.x11
def test_pixels_are_those_on_the_screen(painter: Painter) -> None:
    screen = X11Desktop(painter)
    with screen.open(cursor=False) as capturer:
        for _ in range(3):
            pixels = screen.change()
            assert np.array_equal(must(capturer.grab(new_frame_only=False)), pixels)


def test_new_frame_only_false_returns_the_current_image(desktop: Desktop) -> None:
    with desktop.open(still=True, cursor=False) as capturer:
        first = must(capturer.grab())
        again = must(capturer.grab(timeout_ms=1000, new_frame_only=False))
        assert np.array_equal(first, again)
        assert capturer.frame_info is not None
        assert not capturer.frame_info.is_new
        assert capturer.frame_info.accumulated == 0


def test_the_region_of_a_call_does_not_persist(desktop: Desktop) -> None:
    with desktop.open(still=True, region=(100, 100, 300, 200)) as capturer:
        assert must(capturer.grab()).shape == (100, 200, 4)
        once = must(capturer.grab(region=(0, 0, 10, 20), new_frame_only=False))
        assert once.shape == (20, 10, 4)
        assert capturer.region == (100, 100, 300, 200)
        assert must(capturer.grab(new_frame_only=False)).shape == (100, 200, 4)


def test_region_of_a_call_is_in_output_coordinates(desktop: Desktop) -> None:
    desktop.change()
    with (
        desktop.open(still=True, cursor=False) as whole,
        desktop.open(still=True, cursor=False, region=(100, 100, 300, 200)) as part,
    ):
        full = must(whole.grab())
        assert np.array_equal(must(part.grab()), full[100:200, 100:300])
        once = part.grab(region=(5, 6, 50, 60), new_frame_only=False)
        assert np.array_equal(must(once), full[6:60, 5:50])


def test_arguments_by_position(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        assert must(capturer.grab(1000, "rgb", (0, 0, 4, 2))).shape == (2, 4, 3)
        with pytest.raises(TypeError):
            capturer.grab(1000, "rgb", None, None)


def test_frame_info_describes_the_last_frame(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:
        assert capturer.frame_info is None
        must(capturer.grab())
        first = capturer.frame_info
        desktop.change()
        must(capturer.grab())
        second = capturer.frame_info
    assert first is not None
    assert second is not None
    assert first.is_new
    assert second.is_new
    assert second.sequence == first.sequence + second.accumulated
    assert second.accumulated >= 1
    assert second.present_time >= first.present_time
    assert not second.protected
    for left, top, right, bottom in second.dirty:
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
    with pytest.raises(AttributeError):
        second.sequence = 1


def test_a_held_frame_info_does_not_change(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:
        must(capturer.grab())
        info = capturer.frame_info
        assert info is not None
        before = (info.sequence, info.present_time, info.dirty)
        desktop.change()
        must(capturer.grab())
        assert (info.sequence, info.present_time, info.dirty) == before


def test_changed_pixels_lie_inside_the_dirty_rectangles(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:
        before = must(capturer.grab())
        for step in range(4):
            if desktop.backend == "x11":
                desktop.painter.fill((10 * step, 20, 10 * step + 50, 60), 0x3366CC + step)
            after = must(capturer.grab())
            info = capturer.frame_info
            assert info is not None
            known = np.zeros((HEIGHT, WIDTH), bool)
            for left, top, right, bottom in info.dirty + [destination for _, destination in info.moves]:
                known[top:bottom, left:right] = True
            assert not ((before != after).any(axis=2) & ~known).any()
            before = after


def test_stats_count(desktop: Desktop) -> None:
    with desktop.open(still=True, cursor=False) as capturer:
        assert (capturer.stats.frames, capturer.stats.timeouts) == (0, 0)
        must(capturer.grab())
        assert capturer.grab(0) is None
        stats = capturer.stats
        assert (stats.frames, stats.timeouts, stats.recoveries) == (1, 1, 0)
        assert stats.bytes_copied >= 0
        assert stats.region_clamped is False
        with pytest.raises(AttributeError):
            stats.frames = 3
        must(capturer.grab(new_frame_only=False))
        assert stats.frames == 1
        assert capturer.stats.frames == 2


def test_the_fast_path_is_in_use(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        must(capturer.grab())
        assert capturer.stats.fallback is None


def test_polling_a_static_desktop_copies_nothing(desktop: Desktop) -> None:
    with desktop.open(still=True, cursor=False) as capturer:
        must(capturer.grab())
        before = capturer.stats.bytes_copied
        for _ in range(50):
            assert capturer.grab(0) is None
        assert capturer.stats.bytes_copied == before


@pytest.mark.sim
def test_pointer_wakes_only_with_cursor() -> None:
    moving = f"{STILL}; at 50ms pointer 100,100"
    with sim(moving, cursor=True) as capturer:
        must(capturer.grab())
        must(capturer.grab())
        assert capturer.frame_info is not None
        assert capturer.frame_info.accumulated == 0
        assert capturer.stats.pointer_wakeups == 1
    with sim(moving, cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.grab() is None


def test_present_times_are_on_the_clock_of_perf_counter(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        must(capturer.grab())
        before = time.perf_counter()
        desktop.change()
        must(capturer.grab(5000))
        assert capturer.frame_info is not None
        # A moving desktop may have presented the frame shortly before.
        earlier = 0 if isinstance(desktop, X11Desktop) else 1
        assert before - earlier <= capturer.frame_info.present_time <= time.perf_counter()
