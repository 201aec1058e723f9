"""What public bug reports of other capture packages would break here: the engine and the Python layer.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

import os
import sys
import time
from textwrap import dedent
from typing import Any

import pytest

import rustcam
from desktops import STILL

NOBODY = 65534
SMALL = "size 96x64; refresh 60; pointer still; "


@pytest.mark.linux
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() != 0, reason="only root may become somebody else")
def test_start_without_a_thread_is_an_error_and_leaves_the_capturer_as_it_was(python: Any) -> None:
    done = python(
        dedent(f"""
        import os, resource, rustcam
        with rustcam.Capturer(backend="sim", sim={STILL!r}) as screen:
            screen.grab()
            os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
            resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
            for _ in range(2):
                try:
                    screen.start()
                except rustcam.CaptureError as error:
                    print(type(error).__name__, "ulimit -u" in error.hint, "bug" in str(error))
            print(screen.is_capturing, screen.grab(0), screen.grab(new_frame_only=False).shape)
            print(next(screen.frames(30))[1])
        """)
    )
    assert done.stdout.splitlines() == [*["CaptureError True False"] * 2, "False None (360, 640, 4)", "0.0"]


@pytest.mark.linux
@pytest.mark.parametrize("how", ["grab()", "grab(copy=False)", "grab(fmt='gray')"])
def test_held_frames_beyond_a_memory_limit_are_a_memory_error(python: Any, how: str) -> None:
    done = python(
        dedent(f"""
        import resource, rustcam
        with rustcam.Capturer(backend="sim", sim="size 1920x1080; refresh 1000; full; pointer still") as screen:
            screen.grab()
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)
            held = []
            try:
                while True:
                    held.append(screen.{how})
            except MemoryError as error:
                print("MemoryError", "image of" in str(error), len(held) > 3)
            del held
            print(screen.grab().shape)
        """)
    )
    assert done.stdout.splitlines() == ["MemoryError True True", "(1080, 1920, 4)"], done.stderr


def test_a_refusal_that_passes_is_waited_out() -> None:
    began = time.perf_counter()
    with rustcam.Capturer(backend="sim", sim=f"{SMALL}static; refuse 0x80070005 for 300ms") as screen:
        assert 0.3 <= time.perf_counter() - began < 0.9
        assert screen.grab() is not None
    assert rustcam.screenshot(backend="sim", sim=f"{SMALL}static; refuse 0x80070005 for 1500ms").shape == (64, 96, 3)


@pytest.mark.parametrize(("script", "timeout", "limit"), [("for 5s", 200, 0.4), ("for 5s", 0, 0.1), ("", 5000, 0.1)])
def test_a_refusal_that_lasts_is_reported_at_once_or_within_the_opening_time(
    script: str, timeout: int, limit: float
) -> None:
    began = time.perf_counter()
    with pytest.raises(rustcam.DuplicationError) as refused:
        rustcam.Capturer(backend="sim", sim=f"{SMALL}refuse 0x80070005 {script}", open_timeout_ms=timeout)
    assert refused.value.hresult == 0x80070005
    assert time.perf_counter() - began < limit


@pytest.mark.linux
def test_an_interrupt_ends_the_opening(python: Any) -> None:
    done = python(
        dedent(f"""
        import os, rustcam, signal, threading, time
        for beside in (False, True):
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            if not beside:
                time.sleep(0)
            began = time.perf_counter()
            try:
                rustcam.screenshot(backend="sim", sim={SMALL + "refuse 0x80070005 for 60s"!r})
            except KeyboardInterrupt:
                print(0.15 < time.perf_counter() - began < 0.3)
        """)
    )
    assert done.stdout.splitlines() == ["True", "True"]


@pytest.mark.parametrize("patience", [0, 0.5, None])
def test_streams_and_frames_tolerate_a_lasting_loss_as_long_as_they_were_told(patience: Any) -> None:
    script = f"{SMALL}at 100ms unplug for {'ever' if patience is not None else '1500ms'}"
    for use in ("start", "frames"):
        with rustcam.Capturer(backend="sim", sim=script) as screen:
            began = time.perf_counter()
            lost = None
            try:
                if use == "start":
                    screen.start(patience_s=patience)
                    while time.perf_counter() - began < 2.5:
                        screen.get_latest_frame(5000)
                else:
                    for _, seconds in screen.frames(60, patience_s=patience):
                        if seconds > 2:
                            break
            except rustcam.AccessLost as error:
                lost = error
            if patience is None:
                assert lost is None
                assert screen.stats.recoveries == 1
            else:
                assert lost is not None
                assert patience <= time.perf_counter() - began - 0.1 < patience + 1.5


@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (float("nan"), ValueError), ("1", TypeError), (True, TypeError)]
)
def test_patience_is_a_number_of_seconds(value: Any, error: type[Exception]) -> None:
    with rustcam.Capturer(backend="sim", sim=STILL) as screen:
        for call in (lambda: screen.start(patience_s=value), lambda: screen.frames(30, patience_s=value)):
            with pytest.raises(error, match="patience_s"):
                call()
        assert not screen.is_capturing


def test_late_slots_show_no_image_from_the_future() -> None:
    """A consumer that needs 12 ms for a frame, and a desktop that is lost for a second."""
    script = "size 96x64; refresh 60; pointer still; at 500ms lose access for 1s"
    with rustcam.Capturer(backend="sim", sim=script) as screen:
        frames = screen.frames(60)
        start = None
        for _, seconds in frames:
            info = screen.frame_info
            start = time.perf_counter() if start is None else start
            assert info.present_time <= start + seconds + 1 / 60 + 0.005
            time.sleep(0.012)
            if seconds > 3:
                break
        assert frames.late > 20
