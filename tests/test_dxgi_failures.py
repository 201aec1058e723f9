"""Failures of Desktop Duplication: the exception, its code and advice, and the recovery."""

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

# Codes of a refused duplication, and part of the advice.
REFUSALS = [
    pytest.param(E_INVALIDARG, "close the other capture, or choose the device", id="same process or wrong adapter"),
    pytest.param(NOT_CURRENTLY_AVAILABLE, "close another screen recorder", id="five processes"),
    pytest.param(UNSUPPORTED, "choose Power saving", id="hybrid graphics"),
    pytest.param(E_ACCESSDENIED, "unlock the screen", id="secure desktop"),
    pytest.param(SESSION_DISCONNECTED, "Reconnect the session", id="disconnected"),
]


def refuse(lab: Lab, code: int) -> None:
    """Makes every later duplication fail with `code`."""
    lab.inject("DuplicateOutput", code)
    lab.inject("DuplicateOutput1", code)


def assert_exact(lab: Lab, capturer: rustcam.Capturer) -> None:
    frame = must(capturer.grab(5000))
    assert np.array_equal(frame, lab.oracle(lab.present(), WIDTH, HEIGHT))


@pytest.mark.parametrize(("code", "advice"), REFUSALS)
def test_refusal_at_construction_gives_advice(lab: Lab, code: int, advice: str) -> None:
    lab.start(STILL)
    refuse(lab, code)
    with pytest.raises(rustcam.DuplicationError) as caught:
        rustcam.Capturer(backend="dxgi")
    assert caught.value.hresult == code
    assert caught.value.hint is not None
    assert advice in caught.value.hint
    assert advice in str(caught.value)
    assert lab.alive() == {}
    lab.heal()
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(lab, capturer)


def test_a_fifth_process_is_refused(lab: Lab) -> None:
    lab.start(f"{STILL}; lab others 4")
    with pytest.raises(rustcam.DuplicationError, match="four processes") as caught:
        rustcam.Capturer(backend="dxgi")
    assert caught.value.hresult == NOT_CURRENTLY_AVAILABLE


@pytest.mark.parametrize("code", [NOT_CURRENTLY_AVAILABLE, UNSUPPORTED])
def test_what_duplication_refuses_for_good_is_captured_by_another_backend(lab: Lab, code: int) -> None:
    lab.start(STILL)
    refuse(lab, code)
    with rustcam.Capturer(cursor=False) as capturer:
        assert capturer.backend == "wgc"
        assert "Windows.Graphics.Capture is used" in str(capturer.stats.fallback)
        assert_exact(lab, capturer)
    assert lab.alive() == {}


@pytest.mark.parametrize("code", [E_ACCESSDENIED, SESSION_DISCONNECTED])
def test_a_refusal_that_passes_by_itself_is_no_reason_for_another_backend(lab: Lab, code: int) -> None:
    lab.start(STILL)
    refuse(lab, code)
    with pytest.raises(rustcam.DuplicationError) as caught:
        rustcam.Capturer()
    assert caught.value.hresult == code


def test_a_duplication_of_another_library_is_reported(session_lab: Lab) -> None:
    session_lab.start(STILL)
    other = directx.duplicate()
    with pytest.raises(rustcam.DuplicationError, match="Another library in this process") as caught:
        rustcam.Capturer()
    assert caught.value.hresult == E_INVALIDARG
    other.release()
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(session_lab, capturer)
    assert session_lab.alive() == {}
    # The only broken rule is that of the test itself: two duplications at once.
    assert set(session_lab.broken_rules()) == {"duplicate_while_live"}
    session_lab.stop()


def test_an_adapter_without_outputs_is_refused_with_a_list(lab: Lab) -> None:
    lab.start(f"{STILL}; lab adapters 2")
    with pytest.raises(ValueError, match="DISPLAY1"):
        rustcam.Capturer(device=1)


@pytest.mark.parametrize("code", [E_ACCESSDENIED, UNSUPPORTED, SESSION_DISCONNECTED])
def test_a_transient_loss_is_no_error(lab: Lab, code: int) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(lab, capturer)
        lab.inject("AcquireNextFrame", ACCESS_LOST, 1)
        refuse(lab, code)
        for timeout in (0, 1, 150):
            assert capturer.grab(timeout) is None
        lab.heal()
        assert_exact(lab, capturer)
        assert capturer.stats.recoveries == 1


@pytest.mark.parametrize(
    ("code", "advice"), [(E_INVALIDARG, "Another library"), (NOT_CURRENTLY_AVAILABLE, "screen recorder")]
)
def test_a_lasting_loss_is_raised_at_the_deadline(lab: Lab, code: int, advice: str) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(lab, capturer)
        lab.inject("AcquireNextFrame", ACCESS_LOST, 1)
        refuse(lab, code)
        for _ in range(2):
            with pytest.raises(rustcam.AccessLost, match=advice) as caught:
                capturer.grab(150)
            assert caught.value.hresult == code
        lab.heal()
        assert_exact(lab, capturer)


def test_a_device_removed_during_map_is_rebuilt(lab: Lab) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(lab, capturer)
        lab.inject("Map", DEVICE_REMOVED, 1)
        assert_exact(lab, capturer)
        assert capturer.stats.recoveries == 1
        lab.inject("Map", DEVICE_REMOVED)
        # Long enough to create several devices, which is slow under Wine.
        with pytest.raises(rustcam.DeviceError, match="update the driver") as caught:
            capturer.grab(4000)
        assert caught.value.hresult == DEVICE_REMOVED
        lab.heal()
        assert_exact(lab, capturer)


def test_a_single_out_of_memory_is_raised_once(lab: Lab) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        assert_exact(lab, capturer)
        lab.inject("Map", E_OUTOFMEMORY, 1)
        with pytest.raises(rustcam.CaptureError, match="smaller region") as caught:
            capturer.grab()
        assert caught.value.hresult == E_OUTOFMEMORY
        assert_exact(lab, capturer)


@pytest.mark.parametrize("call", ["CreateDXGIFactory1", "EnumAdapters1", "EnumOutputs", "D3D11CreateDevice"])
def test_a_call_that_fails_at_construction_is_reported(lab: Lab, call: str) -> None:
    lab.start(STILL)
    lab.inject(call, UNSUPPORTED)
    with pytest.raises(rustcam.DuplicationError) as caught:
        rustcam.Capturer()
    assert caught.value.hresult == UNSUPPORTED
    assert lab.alive() == {}


# Calls that fail after the first frame.
FAILURES = [
    ("Map", E_OUTOFMEMORY),
    ("Map", DEVICE_REMOVED),
    ("AcquireNextFrame", ACCESS_LOST),
    ("AcquireNextFrame", DEVICE_REMOVED),
    ("ReleaseFrame", ACCESS_LOST),
    ("GetFrameDirtyRects", ACCESS_LOST),
    ("D3D11CreateDevice", UNSUPPORTED),
    ("DuplicateOutput", UNSUPPORTED),
]


def test_failures_leak_nothing(lab: Lab) -> None:
    lab.start(MOVING)

    def once() -> None:
        for call, code in FAILURES:
            with rustcam.Capturer() as capturer:
                must(capturer.grab())
                if call in ("D3D11CreateDevice", "DuplicateOutput"):
                    lab.inject("AcquireNextFrame", DEVICE_REMOVED, 1)
                    lab.inject("DuplicateOutput1", code)
                lab.inject(call, code)
                with contextlib.suppress(rustcam.CaptureError):
                    capturer.grab(30)
            lab.heal()
            assert lab.alive() == {}, call

    once()
    gc.collect()
    before = (handles(), threads())
    for _ in range(2):
        once()
    gc.collect()
    # The system may still count a thread for a moment after its end.
    deadline = time.perf_counter() + 20
    while threads() > before[1] and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert handles() <= before[0]
    assert threads() <= before[1]
