"""Loss and recovery of the desktop: return values, stats and log lines."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from typing import Callable

import numpy as np
import pytest

import rustcam
from conftest import must, sim
from desktops import HEIGHT, LIVE, MOVING, STILL, WIDTH
from waiting import PROMPT, seconds_to_end

pytestmark = pytest.mark.sim

Lines = list[tuple[str, int, str]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], Lines]:
    """The lines that the logger `rustcam` has received so far."""
    caplog.set_level(logging.DEBUG, "rustcam")
    return lambda: [line for line in caplog.record_tuples if line[0] == "rustcam"]


def test_a_transient_loss_of_one_minute(lines: Callable[[], Lines]) -> None:
    with sim(f"{MOVING}; at 1s lose access for 60s", cursor=False) as capturer:
        calls = empty = 0
        while capturer.stats.recoveries == 0:
            frame = capturer.grab(1000)
            calls += 1
            empty += frame is None
            assert (capturer.stats.lost is None) is (frame is not None)
            if frame is None:
                assert "access" in str(capturer.stats.lost)
        assert 59 <= empty <= 60
        assert capturer.stats.timeouts == empty
        assert calls < 130
        must(capturer.grab())
    (name, level, lost), (_, back_level, back) = lines()
    assert (name, level, back_level) == ("rustcam", logging.WARNING, logging.INFO)
    assert lost.startswith("SIM-1: lost: access to the simulated desktop was lost (0x887A0026)")
    milliseconds = int(back.partition("regained after ")[2].split()[0])
    assert 60_000 <= milliseconds <= 60_250
    assert f"{WIDTH}x{HEIGHT} at 0 degrees" in back


def test_losses_in_quick_succession_are_one_recovery(lines: Callable[[], Lines]) -> None:
    losses = "".join(f"; at {100 + 2 * n}ms lose access during read" for n in range(30))
    with sim(f"{MOVING}{losses}", cursor=False) as capturer:
        for _ in range(30):
            assert must(capturer.grab(20_000)).shape == (HEIGHT, WIDTH, 4)
        recoveries = capturer.stats.recoveries
    assert 1 <= recoveries < 30
    assert len(lines()) == 2 * recoveries


def test_a_loss_that_changes_its_kind_is_logged_again(lines: Callable[[], Lines]) -> None:
    with sim(f"{STILL}; at 100ms lose access for 500ms; at 200ms lose device for 600ms") as capturer:
        must(capturer.grab())
        must(capturer.grab(5000))
        assert capturer.stats.recoveries == 1
    text = [line for _, _, line in lines()]
    assert len(text) == 3
    assert "still lost: the simulated device" in text[1]


def test_log_lines_of_the_capture_thread_come_with_the_next_call(lines: Callable[[], Lines]) -> None:
    with sim(f"{LIVE}; at 50ms lose access for 30ms", cursor=False) as capturer:
        capturer.start(0)
        deadline = time.perf_counter() + 20
        while capturer.stats.recoveries == 0:
            assert time.perf_counter() < deadline
            capturer.get_latest_frame(5000)
        capturer.stop()
    assert [level for _, level, _ in lines()] == [logging.WARNING, logging.INFO]


def test_a_handler_may_use_the_capturer_and_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    capturer = sim(f"{STILL}; at 100ms lose access for 500ms", cursor=False)
    seen: list[str | None] = []
    failed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda failure: failed.append(failure.exc_value))

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(capturer.stats.lost)
            raise RuntimeError("a bug in a handler")

    handler, logger = Handler(), logging.getLogger("rustcam")
    logger.addHandler(handler)
    try:
        must(capturer.grab())
        assert capturer.grab(200) is None
        assert len(seen) == len(failed) == 1
        assert "bug" in str(failed[0])
        must(capturer.grab(5000))
    finally:
        logger.removeHandler(handler)
        capturer.close()


def test_nothing_is_printed_without_a_log_handler(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    program = f"""
import rustcam
capturer = rustcam.Capturer(backend="sim", sim="{STILL}; at 100ms lose access for 500ms")
capturer.grab()
capturer.grab(5000)
assert capturer.stats.recoveries == 1
"""
    done = python(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


CALLS = ["wait", "damage", "read", "rebuild"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("what", ["lose access", "lose device", "unplug"])
@pytest.mark.parametrize("copy", [True, False])
def test_a_loss_during_every_call_is_recovered(what: str, call: str, copy: bool) -> None:
    first = "at 50ms lose access; " if call == "rebuild" else ""
    script = f"{MOVING}; {first}at 50ms {what} during {call} for 200ms"
    with sim(script, cursor=False) as capturer, sim(MOVING, cursor=False) as healthy:
        expected = {}
        for _ in range(60):
            frame = must(healthy.grab())
            assert healthy.frame_info is not None
            expected[round(healthy.frame_info.present_time, 6)] = frame
        for _ in range(20):
            frame = must(capturer.grab(2000, copy=copy))
            assert capturer.frame_info is not None
            assert np.array_equal(frame, expected[round(capturer.frame_info.present_time, 6)])
        assert capturer.stats.recoveries == 1
        assert capturer.stats.lost is None


def test_a_stream_follows_rotation_and_held_frames_never_change() -> None:
    script = f"{LIVE}; at 150ms rotate 90; at 300ms rotate 180; at 450ms mode 320x200"
    with sim(script, cursor=False, region=(100, 50, 400, 300)) as capturer:
        capturer.start(0)
        held, shapes = [], []
        deadline = time.perf_counter() + 20
        while not shapes or shapes[-1] != (150, 220, 4):
            assert time.perf_counter() < deadline
            frame = capturer.get_latest_frame(5000, copy=False)
            if not shapes or shapes[-1] != frame.shape:
                held.append((frame, frame.copy()))
                shapes.append(frame.shape)
        capturer.stop()
        assert capturer.stats.region_clamped
        assert capturer.region == (100, 50, 320, 200)
        # The region of 300x250 fits into 640x360. Rotated, the output is 360 wide: 260 columns are left.
        assert shapes[0] == (250, 300, 4)
        for frame, before in held:
            assert np.array_equal(frame, before)


def test_frames_follows_rotation() -> None:
    script = f"{MOVING}; at 200ms rotate 270; at 400ms rotate 0"
    with sim(script, cursor=False) as capturer:
        shapes, times = [], []
        with capturer.frames(50, copy=False) as frames:
            held = []
            for image, seconds in frames:
                held.append((image, image.copy()))
                shapes.append(image.shape[:2])
                times.append(seconds)
                if len(shapes) == 30:
                    break
        assert times == [n / 50 for n in range(30)]
        assert list(dict.fromkeys(shapes)) == [(HEIGHT, WIDTH), (WIDTH, HEIGHT)]
        assert shapes[-1] == (HEIGHT, WIDTH)
        for image, before in held:
            assert np.array_equal(image, before)


def test_close_ends_a_call_that_waits_for_a_lost_desktop() -> None:
    capturer = sim(f"{LIVE}; at 20ms lose access for ever", cursor=False, any_thread=True)

    def begin() -> None:
        while capturer.grab(100) is not None:
            pass

    def wait(_: None) -> None:
        with pytest.raises(RuntimeError, match="closed"):
            capturer.grab(20_000)

    assert seconds_to_end(begin, wait, lambda _: capturer.close()) < PROMPT
    assert capturer.stats.lost is not None


def test_a_lasting_loss_is_raised_by_every_way_of_capturing() -> None:
    script = f"{LIVE}; at 50ms lose device for ever"
    with sim(script, cursor=False) as capturer:
        capturer.start(0, patience_s=0)
        with pytest.raises(rustcam.DeviceError):
            while True:
                capturer.get_latest_frame(20_000)
        with pytest.raises(rustcam.DeviceError):
            capturer.grab(100)
        with pytest.raises(rustcam.DeviceError):
            next(capturer.frames(30, timeout_ms=100, patience_s=0))


@pytest.mark.parametrize("what", ["lose access", "lose device", "unplug"])
def test_a_loss_before_the_first_frame_is_recovered(what: str) -> None:
    script = f"{STILL}; at 0ms {what} for 300ms"
    with sim(script) as capturer:
        assert must(capturer.grab(1000)).shape == (HEIGHT, WIDTH, 4)
        assert capturer.frame_info is not None
        assert capturer.frame_info.dirty == [(0, 0, WIDTH, HEIGHT)]
        assert capturer.stats.recoveries == 1
    assert rustcam.screenshot(backend="sim", sim=script).shape == (HEIGHT, WIDTH, 3)


def test_a_region_outside_a_smaller_output_is_a_capture_error() -> None:
    with sim(f"{MOVING}; at 100ms mode 320x200", cursor=False) as capturer:
        frames = capturer.frames(50, region=(400, 0, 500, 50))
        for _ in range(2):
            with pytest.raises(rustcam.CaptureError, match="since the output became 320x200"):
                for _ in frames:
                    pass
    with sim(f"{LIVE}; at 100ms mode 320x200", cursor=False) as capturer:
        capturer.start(0, region=(400, 0, 500, 50))
        with pytest.raises(rustcam.CaptureError, match="since the output became 320x200"):
            while True:
                capturer.get_latest_frame(20_000)
        assert must(capturer.grab(5000)).shape == (200, 320, 4)
