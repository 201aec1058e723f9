"""When Desktop Duplication fails: which exception, which code, what the user is told, and that it goes on."""

from __future__ import annotations

import contextlib
import gc
import time

import numpy as np
import pytest

import directx
import rustcam
from conftest import must
from desktops import HEIGHT, MOVING, STILL, WIDTH
from lab import Lab
from system import handles, threads

pytestmark = pytest.mark.dxgi

ACCESS_LOST = 0x887A0026
DEVICE_REMOVED = 0x887A0005
E_ACCESSDENIED = 0x80070005
E_INVALIDARG = 0x80070057
E_OUTOFMEMORY = 0x8007000E
NOT_CURRENTLY_AVAILABLE = 0x887A0022
SESSION_DISCONNECTED = 0x887A0028
UNSUPPORTED = 0x887A0004

# What the system says at the beginning, and the advice that comes of it.
REFUSALS = [
    pytest.param(E_INVALIDARG, "close the other capture, or choose the device", id="same process or wrong adapter"),
    pytest.param(NOT_CURRENTLY_AVAILABLE, "close another screen recorder", id="five processes"),
    pytest.param(UNSUPPORTED, "choose Power saving", id="hybrid graphics"),
    pytest.param(E_ACCESSDENIED, "unlock the screen", id="secure desktop"),
    pytest.param(SESSION_DISCONNECTED, "Reconnect the session", id="disconnected"),
]


def refuse(desk: Lab, code: int) -> None:
    """Nobody gets a duplication any more."""
    desk.inject("DuplicateOutput", code)
    desk.inject("DuplicateOutput1", code)


def assert_exact(desk: Lab, capturer: rustcam.Capturer) -> None:
    frame = must(capturer.grab(5000))
    assert np.array_equal(frame, desk.oracle(desk.present(), WIDTH, HEIGHT))


@pytest.mark.parametrize(("code", "advice"), REFUSALS)
def test_refusal_at_construction_gives_advice(desk: Lab, code: int, advice: str) -> None:
    desk.start(STILL)
    refuse(desk, code)
    with pytest.raises(rustcam.DuplicationError) as caught:
        rustcam.Capturer()
    assert caught.value.hresult == code
    assert caught.value.hint is not None
    assert advice in caught.value.hint
    assert advice in str(caught.value)
    assert desk.alive() == {}
    desk.heal()
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(desk, capturer)


def test_fifth_process_is_one_too_many(desk: Lab) -> None:
    desk.start(f"{STILL}; lab others 4")
    with pytest.raises(rustcam.DuplicationError, match="four processes") as caught:
        rustcam.Capturer()
    assert caught.value.hresult == NOT_CURRENTLY_AVAILABLE


def test_another_library_in_the_process_is_named(session_lab: Lab) -> None:
    session_lab.start(STILL)
    other = directx.duplicate()
    with pytest.raises(rustcam.DuplicationError, match="Another library in this process") as caught:
        rustcam.Capturer()
    assert caught.value.hresult == E_INVALIDARG
    other.release()
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(session_lab, capturer)
    assert session_lab.alive() == {}
    # Being second is the one rule that was broken.
    assert set(session_lab.broken_rules()) == {"duplicate_while_live"}
    session_lab.stop()


def test_adapter_without_outputs_lists_those_that_have_some(desk: Lab) -> None:
    desk.start(f"{STILL}; lab adapters 2")
    with pytest.raises(ValueError, match="DISPLAY1"):
        rustcam.Capturer(device=1)


@pytest.mark.parametrize("code", [E_ACCESSDENIED, UNSUPPORTED, SESSION_DISCONNECTED])
def test_what_passes_by_itself_is_no_error(desk: Lab, code: int) -> None:
    desk.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(desk, capturer)
        desk.inject("AcquireNextFrame", ACCESS_LOST, 1)
        refuse(desk, code)
        for timeout in (0, 1, 150):
            assert capturer.grab(timeout) is None
        desk.heal()
        assert_exact(desk, capturer)
        assert capturer.stats.recoveries == 1


@pytest.mark.parametrize(
    ("code", "advice"), [(E_INVALIDARG, "Another library"), (NOT_CURRENTLY_AVAILABLE, "screen recorder")]
)
def test_what_does_not_pass_is_told_at_the_deadline(desk: Lab, code: int, advice: str) -> None:
    desk.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(desk, capturer)
        desk.inject("AcquireNextFrame", ACCESS_LOST, 1)
        refuse(desk, code)
        for _ in range(2):
            with pytest.raises(rustcam.AccessLost, match=advice) as caught:
                capturer.grab(150)
            assert caught.value.hresult == code
        desk.heal()
        assert_exact(desk, capturer)


def test_device_removed_in_the_middle_of_a_map(desk: Lab) -> None:
    desk.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(desk, capturer)
        desk.inject("Map", DEVICE_REMOVED, 1)
        assert_exact(desk, capturer)
        assert capturer.stats.recoveries == 1
        desk.inject("Map", DEVICE_REMOVED)
        # Long enough for several devices: making one takes a while here.
        with pytest.raises(rustcam.DeviceError, match="update the driver") as caught:
            capturer.grab(4000)
        assert caught.value.hresult == DEVICE_REMOVED
        desk.heal()
        assert_exact(desk, capturer)


def test_memory_that_is_missing_once_is_told_once(desk: Lab) -> None:
    desk.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(desk, capturer)
        desk.inject("Map", E_OUTOFMEMORY, 1)
        with pytest.raises(rustcam.CaptureError, match="smaller region") as caught:
            capturer.grab()
        assert caught.value.hresult == E_OUTOFMEMORY
        assert_exact(desk, capturer)


@pytest.mark.parametrize("call", ["CreateDXGIFactory1", "EnumAdapters1", "EnumOutputs", "D3D11CreateDevice"])
def test_whatever_is_missing_at_construction_is_told(desk: Lab, call: str) -> None:
    desk.start(STILL)
    desk.inject(call, UNSUPPORTED)
    with pytest.raises(rustcam.DuplicationError) as caught:
        rustcam.Capturer()
    assert caught.value.hresult == UNSUPPORTED
    assert desk.alive() == {}


# A call that fails while frames come, and while it does not.
ENDINGS = [
    ("Map", E_OUTOFMEMORY),
    ("Map", DEVICE_REMOVED),
    ("AcquireNextFrame", ACCESS_LOST),
    ("AcquireNextFrame", DEVICE_REMOVED),
    ("ReleaseFrame", ACCESS_LOST),
    ("GetFrameDirtyRects", ACCESS_LOST),
    ("D3D11CreateDevice", UNSUPPORTED),
    ("DuplicateOutput", UNSUPPORTED),
]


def test_nothing_is_left_whatever_went_wrong(desk: Lab) -> None:
    desk.start(MOVING)

    def once() -> None:
        for call, code in ENDINGS:
            with rustcam.Capturer() as capturer:
                must(capturer.grab())
                if call in ("D3D11CreateDevice", "DuplicateOutput"):
                    desk.inject("AcquireNextFrame", DEVICE_REMOVED, 1)
                    desk.inject("DuplicateOutput1", code)
                desk.inject(call, code)
                with contextlib.suppress(rustcam.CaptureError):
                    capturer.grab(30)
            desk.heal()
            assert desk.alive() == {}, call

    once()
    gc.collect()
    before = (handles(), threads())
    for _ in range(2):
        once()
    gc.collect()
    # A thread that has ended is counted a little longer.
    deadline = time.perf_counter() + 20
    while threads() > before[1] and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert handles() <= before[0]
    assert threads() <= before[1]
