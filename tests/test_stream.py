"""`start`, `get_latest_frame`, `stop`: what arrives, when, in whose memory, and what happens on bad days."""

from __future__ import annotations

import gc
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from conftest import Desktop, must, sim
from desktops import HEIGHT, LIVE, STILL_FOR_REAL, WIDTH, Painter, X11Desktop, XServer, opening
from system import handles, resident, threads
from test_leaks import FRAME
from test_threads import PROMPT, elsewhere, until_waiting

SOON = 5000  # milliseconds in which a busy machine delivers a frame that is on its way
SMALL = "size 96x64; refresh 1000; pointer still"


def frame_number(image: npt.NDArray[np.uint8]) -> int:
    """The number that the simulated desktop writes into its picture, see docs/sim.md."""
    block = max(1, min(8, image.shape[1] // 64))
    bits = image[4, block // 2 : 64 * block : block, 1] >= 128
    return int("".join(str(int(bit)) for bit in bits), 2)


def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds."""
    deadline = time.perf_counter() + 10
    while not condition():
        assert time.perf_counter() < deadline, "it never came true"
        time.sleep(0.001)


def drained(capturer: rustcam.Capturer) -> None:
    """Takes the screen as it is, and then what there is until nothing has come for a while."""
    capturer.get_latest_frame(SOON)
    try:
        while True:
            capturer.get_latest_frame(150)
    except rustcam.CaptureTimeout:
        pass


# What arrives


def test_first_frame_is_the_screen_where_nothing_changes(desktop: Desktop) -> None:
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
            # The painter takes several steps, so the thread may see some of them one by one.
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


def test_region_of_a_stream_does_not_stay(desktop: Desktop) -> None:
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


# When


@pytest.mark.parametrize("timeout_ms", [0, 1, 120, np.int64(5), True])
def test_nothing_new_is_a_timeout(desktop: Desktop, timeout_ms: int) -> None:
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


def test_none_waits_until_there_is_something(desktop: Desktop) -> None:
    if isinstance(desktop, X11Desktop):
        capturer = desktop.open(cursor=False)
    else:
        capturer = desktop.play(f"{STILL_FOR_REAL}; at 1500ms present full", cursor=False)
    with capturer:
        capturer.start(0)
        first = capturer.get_latest_frame()
        if isinstance(desktop, X11Desktop):
            desktop.change()
            drained(capturer)
        painting = threading.Timer(0.2, desktop.change)
        painting.start()
        assert not np.array_equal(capturer.get_latest_frame(None), first)
        painting.join()


def test_video_mode_repeats_the_image_at_every_tick(desktop: Desktop) -> None:
    with desktop.open_waiting(cursor=False) as capturer:
        capturer.start(20, video_mode=True)
        first = capturer.get_latest_frame(SOON)
        start = time.perf_counter()
        for _ in range(8):
            before = time.perf_counter()
            assert np.array_equal(capturer.get_latest_frame(), first)
            assert time.perf_counter() - before < 0.05 + PROMPT
            assert capturer.frame_info is not None
            assert not capturer.frame_info.is_new
            assert capturer.frame_info.accumulated == 0
            assert capturer.frame_info.dirty == []
        # One tick may have been waiting already.
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


# Whose memory


def test_copies_are_writable_and_independent(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        capturer.start(0)
        frames = []
        for _ in range(6):
            desktop.change()
            frames.append(capturer.get_latest_frame(SOON))
        kept = [frame.copy() for frame in frames]
        frames[2][:] = 7
        desktop.change()
        capturer.get_latest_frame(SOON)
        for index, frame in enumerate(frames):
            assert frame.flags.writeable
            assert (frame == 7).all() if index == 2 else np.array_equal(frame, kept[index])


def test_without_copy_frames_are_read_only_and_stay_as_they_are(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        capturer.start(0)
        frame = capturer.get_latest_frame(SOON, copy=False)
        kept = frame.copy()
        with pytest.raises(ValueError, match="read-only"):
            frame[0, 0, 0] = 1
        for _ in range(5):
            desktop.change()
            capturer.get_latest_frame(SOON, copy=False)
        assert np.array_equal(frame, kept)


@pytest.mark.parametrize("copy", [False, True])
def test_memory_of_dropped_frames_is_used_again(desktop: Desktop, copy: bool) -> None:
    with desktop.open_live(cursor=False) as capturer:
        capturer.start(0)
        places = set()
        for _ in range(30):
            desktop.change()
            frame = capturer.get_latest_frame(SOON, copy=copy)
            assert not frame.flags.owndata
            places.add(frame.ctypes.data)
            del frame
        assert len(places) <= 6


@pytest.mark.parametrize("ending", ["stop", "close", "del"])
def test_frames_outlive_stream_and_capturer(desktop: Desktop, ending: str) -> None:
    capturer = desktop.open_live(cursor=False)
    capturer.start(0)
    frames = []
    for _ in range(3):
        desktop.change()
        frames.append(capturer.get_latest_frame(SOON))
    kept = [frame.copy() for frame in frames]
    if ending == "del":
        del capturer
        gc.collect()
    else:
        getattr(capturer, ending)()
    for frame, copy in zip(frames, kept):
        assert np.array_equal(frame, copy)
        frame[:] = 1
    elsewhere(frames.clear)


# What is told


def test_properties_are_readable_while_streaming(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False, region=(10, 20, 30, 50)) as capturer:
        assert not capturer.is_capturing
        capturer.start(0)

        def read() -> tuple[Any, ...]:
            return (capturer.width, capturer.height, capturer.region, capturer.is_capturing, capturer.format)

        expected = (WIDTH, HEIGHT, (10, 20, 30, 50), True, "bgra")
        assert read() == expected
        assert elsewhere(read) == expected
        assert capturer.frame_info is None
        capturer.get_latest_frame(SOON)
        assert elsewhere(lambda: capturer.frame_info.sequence) >= 1
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


def test_dirty_rectangles_include_those_of_frames_nobody_took(desktop: Desktop) -> None:
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
def test_stats_count_the_frames_that_were_returned() -> None:
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


def test_without_a_stream(desktop: Desktop) -> None:
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


def test_other_captures_are_refused_and_work_afterwards_any_number_of_times(desktop: Desktop) -> None:
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


def test_a_change_that_nobody_took_is_not_lost_by_stop(desktop: Desktop) -> None:
    if isinstance(desktop, X11Desktop):
        capturer = desktop.open(cursor=False)
    else:
        capturer = desktop.play(f"{STILL_FOR_REAL}; at 1500ms present full", cursor=False)
    with capturer:
        before = must(capturer.grab())
        capturer.start(0)
        # The thread begins with the screen as it is.
        until(lambda: capturer.stats.bytes_copied >= 2 * FRAME)
        desktop.change()
        until(lambda: capturer.stats.bytes_copied >= 3 * FRAME)
        capturer.stop()
        after = must(capturer.grab(1000))
        assert not np.array_equal(before, after)


def test_the_first_grab_after_an_unread_stream_returns_the_screen(desktop: Desktop) -> None:
    with desktop.open_waiting(cursor=False) as capturer:
        capturer.start(0)
        until(lambda: capturer.stats.bytes_copied >= FRAME)
        capturer.stop()
        must(capturer.grab(200))


# Threads


def test_calls_from_another_thread(desktop: Desktop) -> None:
    with desktop.open_live() as capturer:
        with pytest.raises(RuntimeError, match="thread"):
            elsewhere(capturer.start)
        capturer.start()
        with pytest.raises(RuntimeError, match="thread"):
            elsewhere(capturer.get_latest_frame)
        assert capturer.get_latest_frame(SOON) is not None
        elsewhere(capturer.stop)
        assert not capturer.is_capturing
    with desktop.open_live(any_thread=True) as capturer:
        elsewhere(capturer.start)
        assert elsewhere(lambda: capturer.get_latest_frame(SOON)) is not None


@pytest.mark.parametrize("any_thread", [False, True])
@pytest.mark.parametrize("ending", ["stop", "close"])
def test_stop_and_close_end_a_waiting_call(desktop: Desktop, ending: str, any_thread: bool) -> None:
    box: list[Any] = []
    waiting = threading.Event()

    def wait() -> float:
        capturer = desktop.open_waiting(cursor=False, any_thread=any_thread)
        capturer.start(0)
        drained(capturer)
        box.extend([capturer, threading.get_ident(), threading.get_native_id()])
        waiting.set()
        with pytest.raises(RuntimeError, match="closed" if ending == "close" else "stopped"):
            capturer.get_latest_frame(None)
        return time.perf_counter()

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(wait)
        assert waiting.wait(10)
        until_waiting(*box[1:])
        start = time.perf_counter()
        getattr(box[0], ending)()
        assert ended.result(10) - start < PROMPT


@pytest.mark.sim
def test_a_reader_of_the_old_stream_leaves_the_new_one_alone() -> None:
    with sim(LIVE, any_thread=True) as capturer, ThreadPoolExecutor(2) as pool:

        def read() -> None:
            with pytest.raises(RuntimeError, match=r"stopped|start"):
                while True:
                    capturer.get_latest_frame(None)

        for _ in range(30):
            capturer.start(0)
            readers = [pool.submit(read) for _ in range(2)]
            capturer.get_latest_frame(SOON)
            capturer.stop()
            capturer.start(0)
            assert capturer.is_capturing
            capturer.stop()
            for reader in readers:
                reader.result(10)


@pytest.mark.x11
def test_close_during_stop_releases_everything(painter: Painter) -> None:
    def streaming() -> rustcam.Capturer:
        capturer = X11Desktop(painter).open(cursor=False, any_thread=True)
        capturer.start(0)
        drained(capturer)
        return capturer

    streaming().close()
    before = (handles(), threads())
    closed = []
    for delay in (0.0, 0.002, 0.005, 0.01):
        closed.append(streaming())
        stopping = threading.Thread(target=closed[-1].stop)
        stopping.start()
        time.sleep(delay)
        closed[-1].close()
        stopping.join()
    after = (handles(), threads())
    # What they still hold must not trouble the tests that follow.
    closed.clear()
    assert after[0] <= before[0]
    assert after[1] <= before[1]


def test_the_interpreter_stays_free(desktop: Desktop) -> None:
    def spin(seconds: float) -> int:
        turns, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            turns += 1
        return turns

    def spin_beside(reader: Callable[[], None]) -> int:
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                reader()

        thread = threading.Thread(target=read)
        thread.start()
        try:
            return spin(0.1)
        finally:
            done.set()
            thread.join()

    def wait_for_a_frame() -> None:
        if isinstance(desktop, X11Desktop):
            desktop.painter.fill((0, 0, 9, 9), time.time_ns() & 0xFFFFFF)
        capturer.get_latest_frame(SOON)

    with desktop.open_live(any_thread=True, cursor=False) as capturer:
        capturer.start(60)
        drained(capturer) if isinstance(desktop, X11Desktop) else capturer.get_latest_frame(SOON)
        # In turns, and the best of each: other programs only ever slow them down.
        readers = (lambda: time.sleep(0.05), wait_for_a_frame)
        alone, beside = (max(turns) for turns in zip(*([spin_beside(r) for r in readers] for _ in range(6))))
    # Were the interpreter held during the waits, next to nothing would be left.
    assert beside > 0.5 * alone


# Bad days


@pytest.mark.sim
@pytest.mark.parametrize("via", ["get_latest_frame", "grab", "start", "frames"])
def test_a_failure_of_the_thread_surfaces_as_what_it_is(via: str) -> None:
    with sim(f"{LIVE}; at 30ms lose device for ever", cursor=False) as capturer:
        capturer.start(0)
        calls = {
            "get_latest_frame": lambda: capturer.get_latest_frame(None),
            "grab": lambda: capturer.grab(0),
            "start": capturer.start,
            "frames": lambda: capturer.frames(60),
        }
        deadline = time.perf_counter() + 5
        with pytest.raises(rustcam.DeviceError) as caught:
            while time.perf_counter() < deadline:
                try:
                    calls[via]()
                except RuntimeError:
                    time.sleep(0.01)
        assert caught.value.hresult == 0x887A0005
        assert not capturer.is_capturing
        with pytest.raises(RuntimeError, match="start"):
            capturer.get_latest_frame(0)


@pytest.mark.sim
@pytest.mark.parametrize("video_mode", [False, True])
@pytest.mark.parametrize("loss", ["lose access for 200ms", "lose device for 200ms", "mode 320x200@60", "rotate 90"])
def test_a_stream_survives_a_loss_that_passes(loss: str, video_mode: bool) -> None:
    with sim(f"{LIVE}; at 30ms {loss}", cursor=False) as capturer:
        capturer.start(60, video_mode=video_mode)
        while capturer.stats.recoveries == 0:
            frame = capturer.get_latest_frame(SOON)
        for _ in range(3):
            frame = capturer.get_latest_frame(SOON)
        assert frame.shape == (capturer.height, capturer.width, 4)


@pytest.mark.sim
def test_a_desktop_that_is_away_keeps_nobody_beyond_the_deadline() -> None:
    with sim(f"{STILL_FOR_REAL}; at 0ms lose access for ever") as capturer:
        capturer.start(0)
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureTimeout):
            capturer.get_latest_frame(100)
        assert time.perf_counter() - start < 0.1 + PROMPT
        start = time.perf_counter()
        capturer.stop()
        assert time.perf_counter() - start < 0.6


@pytest.mark.x11
@pytest.mark.parametrize("video_mode", [False, True])
def test_killed_server_surfaces_and_the_frames_stay(server: XServer, video_mode: bool) -> None:
    painter = Painter(server.display)
    painter.fill((0, 0, WIDTH, HEIGHT), 0x102030)
    painter.close()
    before = (handles(), threads())
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        capturer.start(60, video_mode=video_mode)
        frame = capturer.get_latest_frame(SOON)
        server.kill()
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureError) as caught:
            while True:
                capturer.get_latest_frame(None)
        assert time.perf_counter() - start < 5
        assert not isinstance(caught.value, rustcam.CaptureTimeout)
        assert (frame == [0x30, 0x20, 0x10, 255]).all()
        assert not capturer.is_capturing
    assert handles() <= before[0]
    assert threads() <= before[1]


@pytest.mark.x11
def test_frozen_server_delays_nobody(server: XServer) -> None:
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        capturer.start(0)
        drained(capturer)
        server.freeze()
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureTimeout):
            capturer.get_latest_frame(100)
        capturer.stop()
        assert time.perf_counter() - start < 0.1 + 2 * PROMPT
        server.thaw()
        assert capturer.grab(SOON, new_frame_only=False) is not None


def test_dropping_while_the_thread_wants_the_interpreter(python: Any) -> None:
    """The thread that has to end may be about to ring, for which it needs what the dropping one holds."""
    source = f"""
import faulthandler, sys, time, rustcam
faulthandler.dump_traceback_later(8, exit=True)
capturer = rustcam.Capturer(backend="sim", sim={LIVE!r})
capturer.start(0)
for _ in range(5):
    capturer.get_latest_frame({SOON})
sys.setswitchinterval(100)
capturer._when_ready(int)
end = time.perf_counter() + 0.1
while time.perf_counter() < end:
    pass
del capturer
sys.setswitchinterval(0.005)
print("dropped")
"""
    result = python(source)
    assert (result.returncode, result.stdout) == (0, "dropped\n"), result.stderr


# Leaks


def test_a_thousand_streams_leave_nothing(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:

        def run(streams: int) -> tuple[int, int, int]:
            for _ in range(streams):
                capturer.start(0)
                capturer.stop()
            return handles(), threads(), resident()

        first, *others = run(5), *(run(250) for _ in range(4))
        assert max(others)[0] <= first[0]
        assert max(n for _, n, _ in others) <= first[1]
        # Drivers take memory once, when it suits them; a leak would grow in every part.
        memory = [m for _, _, m in (first, *others)]
        assert min(after - before for before, after in zip(memory, memory[1:])) < FRAME


@pytest.mark.sim
def test_memory_is_flat_whatever_readers_do_with_their_frames() -> None:
    kept: deque[Any] = deque(maxlen=20)
    passed: queue.Queue[Any] = queue.Queue(maxsize=5)

    def drop() -> None:
        while passed.get() is not None:
            pass

    # Were it not a daemon, a failure here would keep the interpreter from ending.
    dropper = threading.Thread(target=drop, daemon=True)
    dropper.start()
    with sim(f"size {WIDTH}x{HEIGHT}; refresh 1000; pointer still", cursor=False) as capturer:
        capturer.start(0)
        before = (0, 0, 0)
        for count in range(2500):
            frame = capturer.get_latest_frame(SOON, copy=count % 2 == 0)
            if count % 3 == 0:
                kept.append(frame)
            elif count % 3 == 1:
                passed.put(frame)
            del frame
            if count == 500:
                before = (handles(), threads(), resident())
        # Python's own waiting makes and keeps a few.
        assert handles() < before[0] + 10
        assert threads() <= before[1]
        assert resident() - before[2] < 16 * FRAME
    passed.put(None)
    dropper.join()


# Processes

STREAM = f"""{opening(LIVE)}
import warnings
warnings.simplefilter("ignore")
capturer.start(0)
frame = capturer.get_latest_frame({SOON})
"""


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "sys.exit(0)",
        "keep = [capturer]; keep.append(keep)",
        "borrowed = capturer.get_latest_frame(copy=False) if backend != 'x11' else frame",
        "import threading; threading.Thread(target=lambda: capturer.get_latest_frame(None), daemon=True).start()",
        "capturer.stop(); frames = capturer.frames(60); next(frames)",
    ],
    ids=["end", "exit", "cycle", "held frame", "reader", "frames"],
)
def test_leaving_while_streaming_is_silent(desktop: Desktop, python: Any, ending: str) -> None:
    result = python(f"{STREAM}\n{ending}", desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_leaving_while_the_thread_wants_the_interpreter(python: Any) -> None:
    source = f"""
import faulthandler
faulthandler.dump_traceback_later(8, exit=True)
{STREAM}
for _ in range(5):
    capturer.get_latest_frame({SOON})
import time
keep = [capturer]
keep.append(keep)
del capturer
sys.setswitchinterval(100)
keep[0]._when_ready(int)
end = time.perf_counter() + 0.1
while time.perf_counter() < end:
    pass
"""
    result = python(source, "sim")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.linux
def test_a_forked_child_has_no_stream_and_the_parent_keeps_its_own(desktop: Desktop, python: Any) -> None:
    source = f"""{STREAM}
child = os.fork()
if child == 0:
    status = 1
    try:
        capturer.get_latest_frame(1000)
    except RuntimeError as error:
        status = 0 if "process" in str(error) else 2
    capturer.stop()
    capturer.close()
    del capturer, frame
    os._exit(status)
assert os.waitpid(child, 0)[1] == 0
assert capturer.is_capturing
if backend != "x11":
    capturer.get_latest_frame({SOON})
capturer.stop()
assert capturer.grab(new_frame_only=False) is not None
print("both")
"""
    result = python(source, desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "both\n", "")


@pytest.mark.linux
def test_a_killed_process_leaves_no_shared_memory(desktop: Desktop, python: Any) -> None:
    before = set(os.listdir("/dev/shm"))  # noqa: PTH208
    python(f"{STREAM}\nos.kill(os.getpid(), 9)", desktop.backend)
    assert set(os.listdir("/dev/shm")) <= before  # noqa: PTH208


INTERRUPTED = f"""{opening(STILL_FOR_REAL)}
import signal, threading, time
mode = sys.argv[2]
signal.signal(signal.SIGINT, signal.default_int_handler)
if mode == "stream":
    capturer.start(0)
    capturer.get_latest_frame({SOON})
    wait = lambda: capturer.get_latest_frame(None)
else:
    frames = capturer.frames(0.1)
    next(frames)
    wait = lambda: next(frames)
for _ in range(3):
    sent = []
    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer(0.1, send).start()
    try:
        wait()
    except KeyboardInterrupt:
        print(time.perf_counter() - sent[0])
assert capturer.is_capturing
"""


@pytest.mark.linux
@pytest.mark.parametrize("mode", ["stream", "frames"])
def test_ctrl_c_ends_a_wait_within_50_ms(desktop: Desktop, mode: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, desktop.backend, mode]
    result = subprocess.run(command, capture_output=True, text=True, timeout=25, check=True)
    delays = sorted(float(line) for line in result.stdout.split())
    # One busy moment of the machine may delay one of them.
    assert len(delays) == 3
    assert delays[1] < 0.06, delays
