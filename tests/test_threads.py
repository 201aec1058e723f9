"""The thread that owns a capturer, calls from other threads, concurrent calls, and the GIL."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Callable

import numpy as np
import pytest

import rustcam
from conftest import Desktop, must
from desktops import MOVING, Painter, X11Desktop
from system import handles
from waiting import PROMPT, in_another_thread, seconds_to_end


def test_grab_from_another_thread(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        with pytest.raises(RuntimeError, match="thread"):
            in_another_thread(capturer.grab)
        assert capturer.grab() is not None


def test_properties_from_another_thread(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        assert in_another_thread(lambda: (capturer.width, capturer.stats.frames, capturer.frame_info)) == (640, 0, None)


def test_close_from_another_thread(desktop: Desktop) -> None:
    capturer = desktop.open()
    in_another_thread(capturer.close)
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        capturer.grab()


def test_drop_in_another_thread(desktop: Desktop) -> None:
    before = handles()
    box = [desktop.open()]
    must(box[0].grab())

    def drop() -> None:
        box.clear()
        gc.collect()

    in_another_thread(drop)
    assert handles() <= before


def test_every_thread_may_grab_with_any_thread(desktop: Desktop) -> None:
    with desktop.open(any_thread=True) as capturer:
        assert in_another_thread(capturer.grab) is not None
        desktop.change()
        assert capturer.grab() is not None


def test_calls_of_many_threads_are_serialised(desktop: Desktop) -> None:
    with desktop.open(any_thread=True, cursor=False) as capturer:
        must(capturer.grab())
        barrier = threading.Barrier(4)

        def work() -> int:
            barrier.wait(10)
            total = 0
            for _ in range(25):
                frame = must(capturer.grab(fmt="rgb", new_frame_only=False))
                total += frame.shape == (360, 640, 3)
            return total

        with ThreadPoolExecutor(4) as pool:
            assert [task.result(20) for task in [pool.submit(work) for _ in range(4)]] == [25] * 4
        assert capturer.stats.frames == 101


def seconds_to_close(open_waiting: Callable[..., rustcam.Capturer], any_thread: bool) -> float:
    """How long a waiting `grab` goes on after `close`."""

    def begin() -> rustcam.Capturer:
        capturer = open_waiting(cursor=False, any_thread=any_thread)
        must(capturer.grab())
        return capturer

    def wait(capturer: rustcam.Capturer) -> None:
        with pytest.raises(RuntimeError, match="Capturer is closed"):
            capturer.grab(20_000)

    return seconds_to_end(begin, wait, lambda capturer: capturer.close())


@pytest.mark.parametrize("any_thread", [False, True])
def test_close_ends_a_waiting_call(desktop: Desktop, any_thread: bool) -> None:
    assert seconds_to_close(desktop.open_waiting, any_thread) < PROMPT


# An X server wait that is not woken ends after 0.25 s. The medians tolerate single delays on a busy machine.


@pytest.mark.x11
def test_close_ends_a_wait_for_an_x_server_at_once(painter: Painter) -> None:
    delays = [seconds_to_close(X11Desktop(painter).open, any_thread=True) for _ in range(7)]
    assert median(delays) < 0.05, delays


@pytest.mark.x11
def test_stop_ends_a_wait_for_an_x_server_at_once(painter: Painter) -> None:
    delays = []
    with X11Desktop(painter).open(cursor=False) as capturer:
        for _ in range(7):
            capturer.start(0)
            must(capturer.get_latest_frame(5000))
            start = time.perf_counter()
            capturer.stop()
            delays.append(time.perf_counter() - start)
    assert median(delays) < 0.05, delays


def test_a_waiting_call_does_not_delay_another_threads_deadline(desktop: Desktop) -> None:
    with desktop.open_waiting(cursor=False, any_thread=True) as capturer:
        must(capturer.grab())
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(capturer.grab, 1500)
            start = time.perf_counter()
            assert capturer.grab(100) is None
            assert time.perf_counter() - start < 0.1 + PROMPT
            assert waiting.result(10) is None


def test_capturers_of_several_threads_work_side_by_side(desktop: Desktop) -> None:
    def work() -> int:
        with desktop.open() as capturer:
            return sum(capturer.grab(new_frame_only=False) is not None for _ in range(20))

    with ThreadPoolExecutor(4) as pool:
        assert [task.result(20) for task in [pool.submit(work) for _ in range(4)]] == [20] * 4


def test_a_waiting_grab_releases_the_gil(desktop: Desktop) -> None:
    ticks: list[float] = []
    done = threading.Event()

    def run_python() -> None:
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    with desktop.open_waiting(cursor=False) as capturer:
        must(capturer.grab())
        thread = threading.Thread(target=run_python)
        thread.start()
        start = time.perf_counter()
        assert capturer.grab(400) is None
        end = time.perf_counter()
        done.set()
        thread.join()
    during = [start, *(t for t in ticks if start < t < end), end]
    assert max(np.diff(during)) < 0.1


@pytest.mark.sim
def test_repeated_calls_from_the_wrong_thread_raise() -> None:
    with rustcam.Capturer(backend="sim", sim=MOVING) as capturer:
        for _ in range(20):
            with pytest.raises(RuntimeError, match="thread"):
                in_another_thread(capturer.grab)
