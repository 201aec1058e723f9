"""A stream and the threads around it: who may call, who is ended, and that the interpreter stays free."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest

import rustcam
from conftest import Desktop, sim
from desktops import LIVE, Painter, X11Desktop
from streaming import SOON, drained
from system import handles, threads
from test_threads import PROMPT, elsewhere, until_waiting


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
