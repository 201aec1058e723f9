"""The simulated desktop: scripted presents, losses, mode changes and rotation, in virtual time."""

from __future__ import annotations

import time

import numpy as np
import pytest

import rustcam
from conftest import must, sim
from desktops import HEIGHT, MOVING, STILL, WIDTH

pytestmark = pytest.mark.sim


def test_virtual_time_takes_no_time() -> None:
    with sim(STILL, cursor=False) as capturer:
        must(capturer.grab())
        start = time.perf_counter()
        assert capturer.grab(3_600_000) is None
        assert time.perf_counter() - start < 5


def test_the_same_script_shows_the_same_pictures() -> None:
    with sim(MOVING) as first, sim(MOVING) as second:
        for _ in range(20):
            assert np.array_equal(must(first.grab()), must(second.grab()))
            assert first.frame_info is not None
            assert second.frame_info is not None
            assert first.frame_info.present_time == second.frame_info.present_time


def test_presents_come_at_the_refresh_rate() -> None:
    with sim("size 64x48; refresh 50; clock virtual", cursor=False) as capturer:
        times = []
        for _ in range(11):
            must(capturer.grab())
            assert capturer.frame_info is not None
            times.append(capturer.frame_info.present_time)
    assert np.diff(times[1:]) == pytest.approx(0.02, abs=1e-6)


def test_event_ends_a_wait_at_its_time() -> None:
    with sim(f"{STILL}; at 100ms present full; at 250ms present dirty 10,20,30,40", cursor=False) as capturer:
        first = must(capturer.grab())
        second = must(capturer.grab(1000))
        assert (first[:, :, :3] != second[:, :, :3]).any(axis=2).all()
        third = must(capturer.grab(1000))
        assert capturer.frame_info is not None
        assert capturer.frame_info.dirty == [(10, 20, 30, 40)]
        changed = (second != third).any(axis=2)
        assert changed[20:40, 10:30].all()
        assert changed.sum() == 20 * 20
        assert capturer.grab(1000) is None


def test_moves_are_reported() -> None:
    with sim(f"{STILL}; at 100ms present move 100,100>10,10,60,60", cursor=False) as capturer:
        before = must(capturer.grab())
        after = must(capturer.grab())
        assert capturer.frame_info is not None
        assert capturer.frame_info.moves == [((100, 100), (10, 10, 60, 60))]
        assert np.array_equal(after[10:60, 10:60], before[100:150, 100:150])


def test_every_scripted_present_is_a_frame() -> None:
    with sim(f"{STILL}; at 100ms present full; at 110ms present full; at 120ms present full", cursor=False) as capturer:
        must(capturer.grab())
        must(capturer.grab())
        must(capturer.grab())
        must(capturer.grab())
        assert capturer.frame_info is not None
        assert capturer.frame_info.accumulated == 1
        assert capturer.stats.missed == 0


def test_protected_content_is_reported() -> None:
    with sim(f"{STILL}; at 100ms protect on; at 110ms present full", cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.frame_info is not None
        assert not capturer.frame_info.protected
        must(capturer.grab())
        while capturer.grab() is not None:
            pass
        assert capturer.frame_info.protected


@pytest.mark.parametrize("what", ["access", "device"])
def test_a_loss_shorter_than_the_deadline_costs_no_frame(what: str) -> None:
    with sim(f"{MOVING}; at 100ms lose {what} for 300ms", cursor=False) as capturer:
        for _ in range(20):
            must(capturer.grab(2000))
        assert capturer.stats.recoveries == 1


def test_a_transient_loss_longer_than_the_deadline_is_none() -> None:
    with sim(f"{STILL}; at 100ms lose access for 2s", cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.grab(500) is None
        assert capturer.grab(500) is None
        assert capturer.grab(3000) is not None
        assert capturer.stats.recoveries == 1


def test_a_lasting_loss_is_an_error() -> None:
    with sim(f"{STILL}; at 100ms lose access for ever lasting", cursor=False) as capturer:
        must(capturer.grab())
        for _ in range(2):
            with pytest.raises(rustcam.AccessLost) as caught:
                capturer.grab(500)
        assert caught.value.hresult is None or 0 <= caught.value.hresult < 2**32


def test_a_device_that_stays_lost_is_a_device_error() -> None:
    with sim(f"{STILL}; at 100ms lose device for ever", cursor=False) as capturer:
        must(capturer.grab())
        with pytest.raises(rustcam.DeviceError):
            capturer.grab(500)


def test_an_unplugged_output_is_an_error_until_it_is_back() -> None:
    with sim(f"{STILL}; at 100ms unplug for 2s", cursor=False) as capturer:
        must(capturer.grab())
        with pytest.raises(rustcam.CaptureError):
            capturer.grab(500)
        assert capturer.grab(5000) is not None


def test_mode_change_is_followed() -> None:
    with sim(f"{STILL}; at 100ms mode 320x200@144", cursor=False) as capturer:
        must(capturer.grab())
        frame = must(capturer.grab())
        assert frame.shape == (200, 320, 4)
        assert (capturer.width, capturer.height) == (320, 200)
        assert capturer.refresh_hz == pytest.approx(144)
        assert capturer.region == (0, 0, 320, 200)
        assert np.array_equal(frame, must(capturer.grab(new_frame_only=False)))


def test_region_is_clamped_when_the_output_shrinks() -> None:
    with sim(f"{STILL}; at 100ms mode 320x200", cursor=False, region=(200, 100, 600, 300)) as capturer:
        must(capturer.grab())
        assert must(capturer.grab()).shape == (100, 120, 4)
        assert capturer.region == (200, 100, 320, 200)
        assert capturer.stats.region_clamped


def test_a_region_outside_the_new_mode_is_an_error() -> None:
    with sim(f"{STILL}; at 100ms mode 320x200", cursor=False, region=(400, 250, 600, 300)) as capturer:
        must(capturer.grab())
        with pytest.raises(rustcam.CaptureError, match="region"):
            capturer.grab()


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_is_followed(rotation: int) -> None:
    with sim(f"{STILL}; at 100ms rotate {rotation}", cursor=False) as capturer:
        must(capturer.grab())
        frame = must(capturer.grab())
        assert capturer.rotation == rotation
        expected = (HEIGHT, WIDTH) if rotation == 180 else (WIDTH, HEIGHT)
        assert (capturer.height, capturer.width) == expected
        assert frame.shape == (*expected, 4)


def test_rotated_from_the_start() -> None:
    with sim(f"{STILL}; rotation 90") as capturer:
        assert capturer.rotation == 90
        assert must(capturer.grab()).shape == (capturer.height, capturer.width, 4)


def test_a_desktop_without_a_device_has_no_work_of_one() -> None:
    with sim(STILL, cursor=False) as capturer:
        capturer.grab()
        stats = capturer.stats
        assert (stats.device_copies, stats.device_bytes, stats.reads_in_place) == (0, 0, 0)
        assert (stats.gpu_priority, stats.thread_priority) == (None, None)


def test_a_refusal_is_a_duplication_error_with_its_code() -> None:
    with pytest.raises(rustcam.DuplicationError) as caught:
        sim(f"{STILL}; refuse 0x887A0022")
    assert caught.value.hresult == 0x887A0022
    assert str(caught.value).count("0x887A0022") == 1


def test_a_failing_call_raises_its_code() -> None:
    with sim(f"{MOVING}; at 100ms fail wait 0x8007000E", cursor=False) as capturer:
        with pytest.raises(rustcam.CaptureError) as caught:
            for _ in range(20):
                capturer.grab()
        assert caught.value.hresult == 0x8007000E


def test_slow_reads_keep_the_deadline() -> None:
    with sim("size 640x360; slow reads 5s; pointer still", cursor=False) as capturer:
        start = time.perf_counter()
        assert capturer.grab(100) is None
        assert time.perf_counter() - start < 0.3


def test_several_outputs() -> None:
    script = f"{STILL}; outputs 3"
    outputs = rustcam.list_outputs("sim", sim=script)
    assert [output["output_idx"] for output in outputs] == [0, 1, 2]
    assert [output["is_primary"] for output in outputs].count(True) == 1
    with pytest.raises(ValueError, match="output 2"):
        rustcam.Capturer(3, backend="sim", sim=script)
    for output in outputs:
        with sim(script, output=output["output_idx"]) as capturer:
            assert must(capturer.grab()).shape == (output["height"], output["width"], 4)


@pytest.mark.parametrize("shape", ["arrow", "ibeam", "masked", "hand", "premultiplied"])
def test_every_pointer_shape_is_drawn_and_erased(shape: str) -> None:
    script = f"{STILL}; at 1ms shape {shape}; at 50ms pointer 200,100; at 100ms pointer hide"
    with sim(script) as shown, sim(script, cursor=False) as hidden:
        clean = must(hidden.grab())
        must(shown.grab())
        seen = []
        while True:
            frame = shown.grab(500)
            if frame is None:
                break
            seen.append(frame)
        assert (seen[-2] != clean).any()
        assert np.array_equal(seen[-1], clean)


def test_the_default_desktop_is_colourful_and_moves() -> None:
    with rustcam.Capturer(backend="sim") as capturer:
        first = must(capturer.grab(fmt="rgb"))
        assert (capturer.width, capturer.height) == (1920, 1080)
        assert len(np.unique(first.reshape(-1, 3), axis=0)) > 8
        assert not np.array_equal(first, must(capturer.grab(fmt="rgb")))


@pytest.mark.linux
def test_auto_never_chooses_the_simulated_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(rustcam.CaptureError, match="sim"):
        rustcam.Capturer()
