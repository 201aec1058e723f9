"""The thread a capturer belongs to, closing from elsewhere, many threads at once, and the GIL."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from conftest import Desktop, must
from desktops import MOVING, Painter, X11Desktop
from system import handles, until_waiting

PROMPT = 0.25  # seconds that "at once" may take on a busy machine


def elsewhere(work: Callable[[], Any]) -> Any:
    """The result of `work` in another thread; its exception is raised here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=20)


def test_grab_from_another_thread(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        with pytest.raises(RuntimeError, match="thread"):
            elsewhere(capturer.grab)
        assert capturer.grab() is not None


def test_properties_from_another_thread(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        assert elsewhere(lambda: (capturer.width, capturer.stats.frames, capturer.frame_info)) == (640, 0, None)


def test_close_from_another_thread(desktop: Desktop) -> None:
    capturer = desktop.open()
    elsewhere(capturer.close)
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        capturer.grab()


def test_drop_in_another_thread(desktop: Desktop) -> None:
    before = handles()
    box = [desktop.open()]
    must(box[0].grab())

    def drop() -> None:
        box.clear()
        gc.collect()

    elsewhere(drop)
    assert handles() <= before


def test_any_thread_may_grab_when_allowed(desktop: Desktop) -> None:
    with desktop.open(any_thread=True) as capturer:
        assert elsewhere(capturer.grab) is not None
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


@pytest.mark.parametrize("any_thread", [False, True])
def test_close_ends_a_waiting_call(desktop: Desktop, any_thread: bool) -> None:
    box: list[Any] = []
    opened = threading.Event()

    def wait() -> float:
        capturer = desktop.open_waiting(cursor=False, any_thread=any_thread)
        must(capturer.grab())
        box.extend([capturer, threading.get_ident(), threading.get_native_id()])
        opened.set()
        with pytest.raises(RuntimeError, match="Capturer is closed"):
            capturer.grab(20_000)
        return time.perf_counter()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        assert opened.wait(10)
        until_waiting(*box[1:])
        start = time.perf_counter()
        box[0].close()
        assert waiting.result(10) - start < PROMPT


# A wait for an X server would end by itself after 0.25 s. Busy moments of the machine may delay some of these.


@pytest.mark.x11
def test_close_ends_a_wait_for_an_x_server_at_once(painter: Painter) -> None:
    def wait(capturer: rustcam.Capturer) -> float:
        with pytest.raises(RuntimeError, match="Capturer is closed"):
            capturer.grab(20_000)
        return time.perf_counter()

    delays = []
    with ThreadPoolExecutor(1) as pool:
        thread = pool.submit(lambda: (threading.get_ident(), threading.get_native_id())).result(10)
        for _ in range(7):
            capturer = X11Desktop(painter).open(cursor=False, any_thread=True)
            must(capturer.grab())
            waiting = pool.submit(wait, capturer)
            until_waiting(*thread)
            start = time.perf_counter()
            capturer.close()
            delays.append(waiting.result(10) - start)
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


def test_waits_leave_the_interpreter_to_others(desktop: Desktop) -> None:
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    with desktop.open_waiting(cursor=False) as capturer:
        must(capturer.grab())
        thread = threading.Thread(target=tick)
        thread.start()
        start = time.perf_counter()
        assert capturer.grab(400) is None
        end = time.perf_counter()
        done.set()
        thread.join()
    during = [start, *(t for t in ticks if start < t < end), end]
    assert max(np.diff(during)) < 0.1


@pytest.mark.sim
def test_wrong_thread_leaves_the_process_alive_many_times() -> None:
    with rustcam.Capturer(backend="sim", sim=MOVING) as capturer:
        for _ in range(20):
            with pytest.raises(RuntimeError, match="thread"):
                elsewhere(capturer.grab)
