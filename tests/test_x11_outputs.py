"""Monitors, mode changes and the pointer of a real X server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

import rustcam
from conftest import must
from desktops import HEIGHT, WIDTH, Painter, XServer

pytestmark = pytest.mark.x11

RED, GREEN, BLUE = [0, 0, 255, 255], [0, 255, 0, 255], [255, 0, 0, 255]  # BGRA
HALF = WIDTH // 2


@pytest.fixture
def painter(server: XServer) -> Iterator[Painter]:
    painter = Painter(server.display)
    painter.point_to(WIDTH - 1, HEIGHT - 1)
    yield painter
    painter.close()


@pytest.fixture
def monitors(server: XServer, painter: Painter) -> Painter:
    """Two monitors: the left one red and primary, the right one green."""
    server.xrandr("--setmonitor", "*left", f"{HALF}/80x{HEIGHT}/90+0+0", "screen")
    server.xrandr("--setmonitor", "right", f"{HALF}/80x{HEIGHT}/90+{HALF}+0", "none")
    painter.fill((0, 0, HALF, HEIGHT), 0xFF0000)
    painter.fill((HALF, 0, WIDTH, HEIGHT), 0x00FF00)
    return painter


def test_one_monitor_is_listed(server: XServer) -> None:
    (output,) = rustcam.list_outputs()
    assert (output["device_idx"], output["output_idx"], output["output_name"]) == (0, 0, "screen")
    assert (output["left"], output["top"], output["width"], output["height"]) == (0, 0, WIDTH, HEIGHT)
    assert (output["rotation"], output["is_primary"], output["backend"]) == (0, True, "x11")


def test_two_monitors_are_listed(monitors: Painter) -> None:
    outputs = rustcam.list_outputs("x11")
    assert [output["output_idx"] for output in outputs] == [0, 1]
    assert sorted(output["left"] for output in outputs) == [0, HALF]
    assert {output["output_name"] for output in outputs} == {"left", "right"}
    assert sum(output["is_primary"] for output in outputs) == 1
    assert all(output["width"] == HALF for output in outputs)


def test_each_monitor_shows_its_own_part(monitors: Painter) -> None:
    for output in rustcam.list_outputs():
        colour = RED if output["left"] == 0 else GREEN
        with rustcam.Capturer(output["output_idx"], cursor=False) as capturer:
            frame = must(capturer.grab())
            assert frame.shape == (HEIGHT, HALF, 4)
            assert (frame == colour).all()


def test_a_change_on_another_monitor_makes_no_frame(monitors: Painter) -> None:
    index = {output["left"]: output["output_idx"] for output in rustcam.list_outputs()}
    with rustcam.Capturer(index[0], cursor=False) as left, rustcam.Capturer(index[HALF], cursor=False) as right:
        must(left.grab())
        must(right.grab())
        monitors.fill((HALF + 10, 10, HALF + 20, 20), 0x0000FF)
        frame = must(right.grab())
        assert (frame[10:20, 10:20] == BLUE).all()
        assert right.frame_info is not None
        assert all(r <= HALF for _, _, r, _ in right.frame_info.dirty)
        assert left.grab(50) is None


def test_an_unknown_monitor_is_refused_with_a_list(monitors: Painter) -> None:
    with pytest.raises(ValueError, match=r"(?s)left.*right|right.*left"):
        rustcam.Capturer(2)


def follow(capturer: rustcam.Capturer, width: int, height: int) -> None:
    """Grabs until the capturer has the new mode."""
    deadline = time.perf_counter() + 10
    while (capturer.width, capturer.height) != (width, height):
        assert time.perf_counter() < deadline
        capturer.grab(100)


def test_a_smaller_mode_is_followed(server: XServer, painter: Painter) -> None:
    with rustcam.Capturer(cursor=False) as capturer:
        must(capturer.grab())
        server.resize(320, 200)
        follow(capturer, 320, 200)
        painter.fill((0, 0, 320, 200), 0x0000FF)
        frame = must(capturer.grab(5000, new_frame_only=False))
        assert frame.shape == (200, 320, 4)
        assert capturer.region == (0, 0, 320, 200)
        assert capturer.stats.recoveries >= 1
        assert not capturer.stats.region_clamped


def test_a_larger_mode_is_followed(server: XServer) -> None:
    with rustcam.Capturer(cursor=False) as capturer:
        must(capturer.grab())
        server.resize(320, 200)
        follow(capturer, 320, 200)
        server.xrandr("--output", "screen", "--mode", f"{WIDTH}x{HEIGHT}")
        follow(capturer, WIDTH, HEIGHT)
        assert must(capturer.grab(5000, new_frame_only=False)).shape == (HEIGHT, WIDTH, 4)


def test_region_is_clamped_to_a_smaller_mode(server: XServer) -> None:
    with rustcam.Capturer(cursor=False, region=(200, 100, 600, 300)) as capturer:
        must(capturer.grab())
        server.resize(320, 200)
        follow(capturer, 320, 200)
        assert must(capturer.grab(5000, new_frame_only=False)).shape == (100, 120, 4)
        assert capturer.region == (200, 100, 320, 200)
        assert capturer.stats.region_clamped


def test_a_stream_follows_modes_and_held_frames_never_change(server: XServer, painter: Painter) -> None:
    with rustcam.Capturer(cursor=False) as capturer:
        capturer.start(60, video_mode=True)
        held = []
        for width, height, change in [
            (WIDTH, HEIGHT, None),
            (320, 200, lambda: server.resize(320, 200)),
            (WIDTH, HEIGHT, lambda: server.xrandr("--output", "screen", "--mode", f"{WIDTH}x{HEIGHT}")),
        ]:
            if change:
                change()
            deadline = time.perf_counter() + 10
            frame = capturer.get_latest_frame(10_000, copy=False)
            while frame.shape != (height, width, 4):
                assert time.perf_counter() < deadline
                frame = capturer.get_latest_frame(10_000, copy=False)
            assert (capturer.width, capturer.height) == (width, height)
            held.append((frame, frame.copy()))
            painter.fill((0, 0, width, height), 0x204060 * (len(held) + 1))
        assert capturer.stats.recoveries >= 2
        capturer.stop()
        for frame, before in held:
            assert np.array_equal(frame, before)


def test_frames_follows_modes(server: XServer) -> None:
    with rustcam.Capturer(cursor=False, region=(100, 100, 500, 300)) as capturer:
        with capturer.frames(50, copy=False) as frames:
            assert next(frames)[0].shape == (200, 400, 4)
            server.resize(320, 200)
            deadline = time.perf_counter() + 10
            image, seconds = next(frames)
            while image.shape != (100, 220, 4):
                assert time.perf_counter() < deadline
                image, seconds = next(frames)
            assert next(frames)[1] == pytest.approx(seconds + 1 / 50)
        assert capturer.stats.region_clamped


def test_a_region_outside_the_new_mode_is_an_error(server: XServer) -> None:
    with rustcam.Capturer(cursor=False, region=(400, 250, 600, 300)) as capturer:
        must(capturer.grab())
        server.resize(320, 200)
        deadline = time.perf_counter() + 10
        with pytest.raises(rustcam.CaptureError, match="region"):
            while time.perf_counter() < deadline:
                capturer.grab(100)


def test_out_of_the_old_size_is_refused_after_a_mode_change(server: XServer) -> None:
    with rustcam.Capturer(cursor=False) as capturer:
        out = must(capturer.grab())
        server.resize(320, 200)
        follow(capturer, 320, 200)
        with pytest.raises(ValueError, match="shape"):
            capturer.grab(out=out, new_frame_only=False)


def settle(capturer: rustcam.Capturer) -> None:
    """Grabs until no frame has come for 100 ms."""
    while capturer.grab(100) is not None:
        pass


def test_the_pointer_is_drawn_at_its_position(painter: Painter) -> None:
    painter.fill((0, 0, WIDTH, HEIGHT), 0x00FF00)
    painter.square_pointer(8, 0xFF0000)
    painter.point_to(100, 50)
    with rustcam.Capturer(cursor=True) as shown, rustcam.Capturer(cursor=False) as hidden:
        frame = must(shown.grab())
        assert (must(hidden.grab()) == GREEN).all()
        assert shown.frame_info is not None
        pointer = shown.frame_info.pointer
        assert (pointer.x, pointer.y, pointer.visible) == (100, 50, True)
    assert (frame[50:58, 100:108] == RED).all()
    frame[50:58, 100:108] = GREEN
    assert (frame == GREEN).all()


def test_a_pointer_move_makes_a_frame_and_erases_the_old_pointer(painter: Painter) -> None:
    painter.fill((0, 0, WIDTH, HEIGHT), 0x00FF00)
    painter.square_pointer(8, 0xFF0000)
    painter.point_to(100, 50)
    for options in ({}, {"copy": False}, {"fmt": "bgra", "out": np.empty((HEIGHT, WIDTH, 4), np.uint8)}):
        with rustcam.Capturer(cursor=True) as capturer, rustcam.Capturer(cursor=False) as blind:
            must(capturer.grab(**options))
            must(blind.grab())
            for x, y in ((10, 10), (300, 200), (WIDTH - 3, HEIGHT - 3)):
                settle(capturer)
                painter.point_to(x, y)
                frame = must(capturer.grab(**options)).copy()
                assert (frame[y : y + 8, x : x + 8] == RED).all()
                frame[y : y + 8, x : x + 8] = GREEN
                assert (frame == GREEN).all()
                assert capturer.frame_info is not None
                assert capturer.frame_info.accumulated == 0
            assert capturer.stats.pointer_wakeups >= 3
            assert blind.grab(50) is None


def test_a_new_pointer_shape_makes_a_frame(painter: Painter) -> None:
    painter.square_pointer(8, 0xFF0000)
    painter.point_to(100, 50)
    with rustcam.Capturer(cursor=True) as capturer:
        must(capturer.grab())
        settle(capturer)
        painter.square_pointer(6, 0x0000FF)
        frame = must(capturer.grab(5000))
        assert (frame[50:56, 100:106] == BLUE).all()


def test_pointer_in_a_region(painter: Painter) -> None:
    painter.fill((0, 0, WIDTH, HEIGHT), 0x00FF00)
    painter.square_pointer(8, 0xFF0000)
    painter.point_to(100, 50)
    with rustcam.Capturer(cursor=True, region=(104, 54, 204, 154)) as capturer:
        frame = must(capturer.grab())
    assert (frame[:4, :4] == RED).all()
    assert (frame[4:] == GREEN).all()
    assert (frame[:, 4:] == GREEN).all()


def test_screenshot_with_and_without_pointer(painter: Painter) -> None:
    painter.fill((0, 0, WIDTH, HEIGHT), 0x00FF00)
    painter.square_pointer(8, 0xFF0000)
    painter.point_to(100, 50)
    plain = rustcam.screenshot()
    pointed = rustcam.screenshot(cursor=True)
    assert (plain == [0, 255, 0]).all()
    assert (pointed[50:58, 100:108] == [255, 0, 0]).all()
    part = rustcam.screenshot(region=(100, 50, 108, 58), fmt="bgra", cursor=True)
    assert (part == RED).all()
