"""Windows that an expression chooses: expressions that raise or that threads share, and the end of the process."""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from typing import Any

import pytest

from conftest import must, sim
from scripted_window import EDITOR, REAL, SCRIPT, Title, W, editor, live

pytestmark = pytest.mark.sim


def test_an_expression_that_raises_does_not_match(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda failure: failed.append(failure.exc_value))

    class Raises(Title):
        wrong = True

        def search(self, title: str) -> Any:
            if title and self.wrong:
                raise OSError(title)
            return super().search(title)

    pattern: Any = Raises()
    with pytest.raises(ValueError, match='no window has title matching "editor"'):
        sim(SCRIPT, window=pattern)
    assert sorted(str(error) for error in failed) == ["Editor", "Player 1", "Player 2"]
    pattern.wrong = False
    with editor("1s close; 9s open", window=pattern) as capturer:
        must(capturer.grab())
        pattern.wrong = True
        assert capturer.grab(20_000) is None
        pattern.wrong = False
        must(capturer.grab())


def test_an_expression_that_cannot_search_is_refused_at_once() -> None:
    class Refuses(Title):
        def search(self, title: str) -> Any:
            raise LookupError("never")

    with pytest.raises(LookupError, match="never"):
        sim(SCRIPT, window=Refuses())
    with pytest.raises(TypeError):
        sim(SCRIPT, window=type("NoCall", (), {"pattern": "x", "search": 5})())
    with pytest.raises(TypeError, match="not of bytes"):
        sim(SCRIPT, window=type("Number", (Title,), {"pattern": 5})())


def test_an_expression_may_use_the_capturer() -> None:
    class Curious(Title):
        capturer: Any = None

        def search(self, title: str) -> Any:
            if self.capturer is not None:
                assert self.capturer.width == W
                assert self.capturer.stats.lost is None or "closed" in self.capturer.stats.lost
                self.capturer.close()
            return super().search(title)

    pattern = Curious()
    capturer = live('100ms close\nwindow "Player"', window=pattern)
    must(capturer.grab())
    pattern.capturer = capturer
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        capturer.grab(20_000)


@pytest.mark.parametrize("end", ["stop", "close"])
def test_an_expression_may_end_the_stream_that_searches_with_it(end: str) -> None:
    class Impatient(Title):
        capturer: Any = None

        def search(self, title: str) -> Any:
            if self.capturer is not None:
                getattr(self.capturer, end)()
            return super().search(title)

    pattern = Impatient()
    with live('200ms close; 400ms open\nwindow "Player"', window=pattern) as capturer:
        capturer.start()
        capturer.get_latest_frame(9000)
        pattern.capturer = capturer
        with pytest.raises(RuntimeError, match="the stream was stopped" if end == "stop" else "Capturer is closed"):
            capturer.get_latest_frame(9000)
        assert not capturer.is_capturing
        pattern.capturer = None
        capturer.stop()
        if end == "stop":
            must(capturer.grab(9000))


def test_threads_share_an_expression() -> None:
    pattern = Title()
    failures: list[BaseException] = []

    def capture() -> None:
        try:
            with live("100ms close; 300ms open; 500ms close; 700ms open", window=pattern) as capturer:
                while capturer.stats.recoveries < 2:
                    capturer.grab(200)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=capture) for _ in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        pattern.search("x")
    assert failures == []
    assert {"", "Editor"} <= set(pattern.titles)


def test_an_expression_lives_as_long_as_its_capturer() -> None:
    pattern = Title()
    seen = weakref.ref(pattern)
    capturer = sim(SCRIPT, window=pattern)
    del pattern
    gc.collect()
    assert seen() is not None
    capturer.close()
    del capturer
    gc.collect()
    assert seen() is None


# Threads, processes, and the end of the interpreter


def test_closing_ends_a_call_that_waits_for_a_window() -> None:
    for events in ("0s minimize", "1ms close"):
        capturer = live(events, any_thread=True)
        timer = threading.Timer(0.2, capturer.close)
        timer.start()
        start = time.monotonic()
        with pytest.raises(RuntimeError, match="Capturer is closed"):
            while True:
                capturer.grab(20_000)
        assert time.monotonic() - start < 5
        timer.join()


ENDING = f"""
import re, sys, threading, time, rustcam
script = '''{REAL}{EDITOR}at 50ms window "Editor" close'''
capturer = rustcam.Capturer(backend="sim", sim=script, window=re.compile("Edit"), any_thread=True)
capturer.grab()
"""


@pytest.mark.parametrize(
    "ending",
    [
        "time.sleep(0.1)",
        "capturer.start(); time.sleep(0.2)",
        "capturer.start(); keep = [capturer]; keep.append(keep); time.sleep(0.2); sys.exit(0)",
        "threading.Thread(target=lambda: capturer.grab(60_000), daemon=True).start(); time.sleep(0.2)",
        "frames = capturer.frames(60, timeout_ms=100)",
    ],
    ids=["idle", "stream", "cycle", "reader", "frames"],
)
def test_exit_is_silent_while_a_window_is_looked_for(python: Any, ending: str) -> None:
    result = python(ENDING + ending)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.linux
def test_a_forked_child_has_no_window(python: Any) -> None:
    source = f"""{ENDING}
import os, warnings
warnings.simplefilter("ignore")
time.sleep(0.1)
assert capturer.grab(50) is None
child = os.fork()
if child == 0:
    try:
        capturer.grab(1000)
    except RuntimeError as error:
        assert "belongs to the process" in str(error), error
        capturer.close()
        with rustcam.Capturer(backend="sim", sim=script, window="Editor") as own:
            assert own.grab() is not None
        os._exit(0)
    os._exit(1)
assert os.waitpid(child, 0)[1] == 0
assert "closed" in capturer.stats.lost
"""
    result = python(source)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_thousand_windows_opened_and_closed_leave_nothing_behind() -> None:
    before = threading.active_count()
    pattern = Title()
    references = sys.getrefcount(pattern)
    for index in range(1000):
        with sim(SCRIPT, window=(pattern, "Editor", 1001)[index % 3]) as capturer:
            must(capturer.grab(region=(0, 0, 4, 4)))
    assert threading.active_count() == before
    assert sys.getrefcount(pattern) == references
