"""`start`, `get_latest_frame`, `stop`: frames, timing, metadata, and calls in the wrong state."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import rustcam
from conftest import Desktop, must, sim
from desktops import HEIGHT, LIVE, WIDTH, Painter, X11Desktop
from streaming import SOON, drain, frame_number, until
from test_leaks import FRAME
from waiting import PROMPT, in_another_thread

# Frames


def test_the_first_frame_is_the_screen_of_a_static_desktop(desktop: Desktop) -> None:
    with desktop.open_waiting(cursor=False) as capturer:
        expected = rustcam.screenshot(fmt="bgra", backend="x11") if isinstance(desktop, X11Desktop) else None
        capturer.start()
        frame = capturer.get_latest_frame(SOON)
        assert (frame.shape, frame.dtype, frame.flags.c_contiguous) == ((HEIGHT, WIDTH, 4), np.uint8, True)
        assert (frame[:, :, 3] == 255).all()
        assert expected is None or np.array_equal(frame, expected)


@pytest.mark.sim
def test_every_frame_once_and_in_order() -> None:
    with sim(LIVE) as capturer:
        capturer.start(0)
        numbers = [frame_number(capturer.get_latest_frame(SOON)) for _ in range(60)]
    assert numbers == sorted(set(numbers))


@pytest.mark.x11
def test_pixels_are_those_on_the_screen(painter: Painter) -> None:
    screen = X11Desktop(painter)
    with screen.open(cursor=False) as capturer:
        capturer.start(0)
        for _ in range(5):
            pixels = screen.change()
            # The painter draws in several requests, so the thread may capture intermediate states.
            while not np.array_equal(capturer.get_latest_frame(SOON), pixels):
                pass
        with pytest.raises(rustcam.CaptureTimeout):
            capturer.get_latest_frame(50)


@pytest.mark.sim
def test_the_newest_frame_wins() -> None:
    with sim(LIVE) as capturer:
        capturer.start(0)
        first = frame_number(capturer.get_latest_frame(SOON))
        time.sleep(0.3)
        second = frame_number(capturer.get_latest_frame(SOON))
        info = capturer.frame_info
        assert info is not None
        assert second - first > 10
        assert time.perf_counter() - info.present_time < 0.1


@pytest.mark.x11
def test_there_is_no_backlog(painter: Painter) -> None:
    screen = X11Desktop(painter)
    with screen.open(cursor=False) as capturer:
        capturer.start(0)
        capturer.get_latest_frame(SOON)
        for _ in range(5):
            pixels = screen.change()
            time.sleep(0.05)
        time.sleep(0.15)
        assert np.array_equal(capturer.get_latest_frame(SOON), pixels)
        with pytest.raises(rustcam.CaptureTimeout):
            capturer.get_latest_frame(50)


@pytest.mark.parametrize("fmt", ["bgra", "RGBA", "bgr", "rgb", "gray", "grey"])
def test_formats(desktop: Desktop, fmt: str) -> None:
    channels = {"bgra": 4, "rgba": 4, "bgr": 3, "rgb": 3}.get(fmt.lower(), 1)
    with desktop.open_waiting(cursor=False) as capturer:
        expected = must(capturer.grab(fmt=fmt))
        capturer.start(0, None, False, fmt=fmt)
        desktop.change()
        if not isinstance(desktop, X11Desktop):
            capturer.stop()
            capturer.start(60, video_mode=True, fmt=fmt)
        frame = capturer.get_latest_frame(SOON)
        assert frame.shape == (HEIGHT, WIDTH, channels)
        assert isinstance(desktop, X11Desktop) or np.array_equal(frame, expected)


def test_the_region_of_a_stream_does_not_persist(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False, region=(100, 100, 300, 200)) as capturer:
        capturer.start(0)
        assert capturer.get_latest_frame(SOON).shape == (100, 200, 4)
        capturer.stop()
        capturer.start(0, (0, 0, 10, 20))
        desktop.change()
        assert capturer.get_latest_frame(SOON).shape == (20, 10, 4)
        assert capturer.region == (100, 100, 300, 200)
        capturer.stop()
        assert must(capturer.grab(new_frame_only=False)).shape == (100, 200, 4)


def test_region_of_a_stream_is_in_output_coordinates(desktop: Desktop) -> None:
    desktop.change()
    with desktop.open_waiting(cursor=False, region=(100, 100, 300, 200)) as capturer:
        whole = must(capturer.grab(region=(0, 0, WIDTH, HEIGHT)))
        capturer.start(100, (5, 6, 50, 60), video_mode=True)
        assert np.array_equal(capturer.get_latest_frame(SOON), whole[6:60, 5:50])


# Timing


@pytest.mark.parametrize("timeout_ms", [0, 1, 120, np.int64(5), True])
def test_no_new_frame_is_a_timeout(desktop: Desktop, timeout_ms: int) -> None:
    with desktop.open_waiting(cursor=False) as capturer:
        capturer.start(0)
        capturer.get_latest_frame(SOON)
        for kind in (rustcam.CaptureTimeout, TimeoutError, rustcam.CaptureError):
            start = time.perf_counter()
            with pytest.raises(kind, match=f"{int(timeout_ms)} ms") as caught:
                capturer.get_latest_frame(timeout_ms)
            assert timeout_ms / 1000 <= time.perf_counter() - start < timeout_ms / 1000 + PROMPT
            assert caught.value.hresult is None
        assert capturer.is_capturing


def test_timeout_none_waits_for_the_next_frame(desktop: Desktop) -> None:
    with desktop.open_changing_once(cursor=False) as capturer:
        capturer.start(0)
        first = capturer.get_latest_frame()
        if isinstance(desktop, X11Desktop):
            desktop.change()
            drain(capturer)
        painting = threading.Timer(0.2, desktop.change)
        painting.start()
        assert not np.array_equal(capturer.get_latest_frame(None), first)
        painting.join()


def test_video_mode_repeats_the_image_at_every_tick(desktop: Desktop) -> None:
    with desktop.open_waiting(cursor=False) as capturer:
        capturer.start(20, video_mode=True)
        first = capturer.get_latest_frame(SOON)
        # The first capture may take longer than a tick. The frames of ticks that passed meanwhile come at once.
        capturer.get_latest_frame(SOON)
        start = time.perf_counter()
        for _ in range(8):
            before = time.perf_counter()
            assert np.array_equal(capturer.get_latest_frame(), first)
            assert time.perf_counter() - before < 0.05 + PROMPT
            assert capturer.frame_info is not None
            assert not capturer.frame_info.is_new
            assert capturer.frame_info.accumulated == 0
            assert capturer.frame_info.dirty == []
        # The first of them may have come soon after `start`.
        assert time.perf_counter() - start >= 7 * 0.05 - 0.01


@pytest.mark.parametrize(
    "target_fps", [60, 29.97, Fraction(60000, 1001), Decimal("23.976"), np.float32(30), True, 0, 0.0, None, 10000]
)
def test_target_rates(desktop: Desktop, target_fps: Any) -> None:
    with desktop.open_waiting() as capturer:
        capturer.start(target_fps)
        assert capturer.get_latest_frame(SOON).shape == (HEIGHT, WIDTH, 4)


@pytest.mark.sim
@pytest.mark.parametrize("video_mode", [False, True])
def test_a_target_rate_is_a_cap(video_mode: bool) -> None:
    with sim(LIVE) as capturer:
        capturer.start(25, video_mode=video_mode)
        capturer.get_latest_frame(SOON)
        frames, start = 0, time.perf_counter()
        while time.perf_counter() - start < 0.6:
            capturer.get_latest_frame(SOON)
            frames += 1
        assert 5 <= frames <= 25 * (time.perf_counter() - start) + 2


@pytest.mark.sim
def test_every_present_without_a_target_rate() -> None:
    with sim("size 96x64; refresh 100; pointer still") as capturer:
        capturer.start(0)
        capturer.get_latest_frame(SOON)
        seen = 0
        for _ in range(50):
            capturer.get_latest_frame(SOON)
            assert capturer.frame_info is not None
            seen += capturer.frame_info.accumulated
        assert seen <= 60


# Metadata


def test_properties_are_readable_while_streaming(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False, region=(10, 20, 30, 50)) as capturer:
        assert not capturer.is_capturing
        capturer.start(0)

        def read() -> tuple[Any, ...]:
            return (capturer.width, capturer.height, capturer.region, capturer.is_capturing, capturer.format)

        expected = (WIDTH, HEIGHT, (10, 20, 30, 50), True, "bgra")
        assert read() == expected
        assert in_another_thread(read) == expected
        assert capturer.frame_info is None
        capturer.get_latest_frame(SOON)
        assert in_another_thread(lambda: capturer.frame_info.sequence) >= 1
        assert "open" in repr(capturer)
        capturer.stop()
        assert read() == (*expected[:3], False, "bgra")
        capturer.start(0)
        capturer.close()
        assert read() == (*expected[:3], False, "bgra")


def test_frame_info_accounts_for_every_present(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        capturer.start(0)
        capturer.get_latest_frame(SOON)
        assert capturer.frame_info is not None
        start, presents = capturer.frame_info.sequence, 0
        for step in range(8):
            for _ in range(step % 3 + 1):
                desktop.change()
                time.sleep(0.01)
            capturer.get_latest_frame(SOON)
            info = capturer.frame_info
            assert info.is_new
            presents += info.accumulated
            assert info.sequence == start + presents
        assert presents >= 8


def test_dirty_rectangles_include_those_of_replaced_frames(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        capturer.start(0)
        before = capturer.get_latest_frame(SOON)
        for step in range(5):
            for part in range(3):
                if isinstance(desktop, X11Desktop):
                    left, top = 100 * part, 20 * step
                    desktop.painter.fill((left, top, left + 50, top + 30), 0x123456 + 99 * step + part)
                time.sleep(0.02)
            after = capturer.get_latest_frame(SOON)
            info = capturer.frame_info
            assert info is not None
            changed = (before != after).any(axis=2)
            assert changed.any()
            for left, top, right, bottom in info.dirty + [to for _, to in info.moves]:
                changed[top:bottom, left:right] = False
            assert not changed.any()
            before = after


@pytest.mark.sim
def test_stats_count_returned_frames() -> None:
    with sim(LIVE, cursor=False) as capturer:
        capturer.start(0)
        for _ in range(3):
            capturer.get_latest_frame(SOON)
            time.sleep(0.1)
        capturer.get_latest_frame(SOON)
        info = capturer.frame_info
        capturer.stop()
        assert info is not None
        assert capturer.stats.frames == 4
        assert capturer.stats.missed >= info.sequence - 4 - 1
        assert capturer.stats.timeouts == 0


# Wrong state


def test_calls_without_a_stream_are_refused(desktop: Desktop) -> None:
    with desktop.open_live() as capturer:
        with pytest.raises(RuntimeError, match="start"):
            capturer.get_latest_frame(0)
        capturer.stop()
        capturer.start()
        capturer.stop()
        with pytest.raises(RuntimeError, match="start"):
            capturer.get_latest_frame(0)
    for call in (capturer.get_latest_frame, capturer.start, lambda: capturer.frames(30)):
        with pytest.raises(RuntimeError, match="Capturer is closed"):
            call()
    capturer.stop()


def test_other_captures_are_refused_while_streaming_and_work_afterwards(desktop: Desktop) -> None:
    with desktop.open_live() as capturer:
        for _ in range(10):
            capturer.start(0)
            with pytest.raises(RuntimeError, match=r"start\(\) is active"):
                capturer.start(0)
            with pytest.raises(RuntimeError, match=r"start\(\) is active"):
                capturer.grab(0)
            with pytest.raises(RuntimeError, match=r"start\(\) is active"):
                capturer.frames(60)
            desktop.change()
            assert capturer.get_latest_frame(SOON) is not None
            capturer.stop()
            capturer.stop()
            assert capturer.grab(new_frame_only=False) is not None
            with capturer.frames(1000) as frames:
                next(frames)
                with pytest.raises(RuntimeError, match=r"frames\(\) iterator is open"):
                    capturer.start()


def test_stop_does_not_lose_a_frame_that_was_not_taken(desktop: Desktop) -> None:
    with desktop.open_changing_once(cursor=False) as capturer:
        before = must(capturer.grab())
        capturer.start(0)
        # The first frame of a stream is the current screen.
        until(lambda: capturer.stats.bytes_copied >= 2 * FRAME)
        desktop.change()
        until(lambda: capturer.stats.bytes_copied >= 3 * FRAME)
        capturer.stop()
        after = must(capturer.grab(1000))
        assert not np.array_equal(before, after)


def test_the_first_grab_after_a_stream_without_reader_returns_the_screen(desktop: Desktop) -> None:
    with desktop.open_waiting(cursor=False) as capturer:
        capturer.start(0)
        until(lambda: capturer.stats.bytes_copied >= FRAME)
        capturer.stop()
        must(capturer.grab(200))
