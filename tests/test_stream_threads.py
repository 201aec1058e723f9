"""Streams and threads: calls from other threads, stop and close during a wait, and the GIL."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest

import rustcam
from conftest import Desktop, sim
from desktops import LIVE, Painter, X11Desktop
from streaming import SOON, drain
from system import handles, threads
from waiting import PROMPT, in_another_thread, seconds_to_end


def test_calls_from_another_thread_need_any_thread(desktop: Desktop) -> None:
    with desktop.open_live() as capturer:
        with pytest.raises(RuntimeError, match="thread"):
            in_another_thread(capturer.start)
        capturer.start()
        with pytest.raises(RuntimeError, match="thread"):
            in_another_thread(capturer.get_latest_frame)
        assert capturer.get_latest_frame(SOON) is not None
        in_another_thread(capturer.stop)
        assert not capturer.is_capturing
    with desktop.open_live(any_thread=True) as capturer:
        in_another_thread(capturer.start)
        assert in_another_thread(lambda: capturer.get_latest_frame(SOON)) is not None


@pytest.mark.parametrize("any_thread", [False, True])
@pytest.mark.parametrize("ending", ["stop", "close"])
def test_stop_and_close_end_a_waiting_call(desktop: Desktop, ending: str, any_thread: bool) -> None:
    def begin() -> rustcam.Capturer:
        capturer = desktop.open_waiting(cursor=False, any_thread=any_thread)
        capturer.start(0)
        drain(capturer)
        return capturer

    def wait(capturer: rustcam.Capturer) -> None:
        with pytest.raises(RuntimeError, match="closed" if ending == "close" else "stopped"):
            capturer.get_latest_frame(None)

    assert seconds_to_end(begin, wait, lambda capturer: getattr(capturer, ending)()) < PROMPT


@pytest.mark.sim
def test_a_reader_of_a_stopped_stream_does_not_end_the_next_one() -> None:
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
        drain(capturer)
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
    # Drop the capturers, so that what they hold does not affect the following tests.
    closed.clear()
    assert after[0] <= before[0]
    assert after[1] <= before[1]


def test_a_waiting_reader_releases_the_gil(desktop: Desktop) -> None:
    def spin(seconds: float) -> int:
        iterations, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            iterations += 1
        return iterations

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
        drain(capturer) if isinstance(desktop, X11Desktop) else capturer.get_latest_frame(SOON)
        # Alternating measurements, the best of each: load from other programs only lowers the counts.
        readers = (lambda: time.sleep(0.05), wait_for_a_frame)
        alone, beside = (max(counts) for counts in zip(*([spin_beside(r) for r in readers] for _ in range(6))))
    # If a wait held the GIL, the count would be close to zero.
    assert beside > 0.5 * alone


def test_dropping_while_the_capture_thread_waits_for_the_gil(python: Any) -> None:
    """The capture thread may be about to call its callback and wait for the GIL, which the dropping thread holds."""
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
