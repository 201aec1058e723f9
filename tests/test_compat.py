"""`rustcam.compat`: the interfaces of dxcam and bettercam."""

from __future__ import annotations

import inspect
import logging
import threading
import time
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from desktops import HEIGHT, LIVE, STILL, STILL_FOR_REAL, WIDTH
from rustcam.compat import bettercam, dxcam

REGION = (100, 50, 260, 170)

Create = Callable[..., dxcam.DXCamera]


@pytest.fixture(params=[dxcam, bettercam], ids=["dxcam", "bettercam"])
def create(request: pytest.FixtureRequest) -> Create:
    """`create` of either package, on the simulated desktop."""

    def on_sim(*arguments: Any, sim: str = LIVE, **options: Any) -> dxcam.DXCamera:
        camera: dxcam.DXCamera = request.param.create(*arguments, backend="sim", sim=sim, **options)
        request.addfinalizer(camera.release)
        return camera

    return on_sim


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (dxcam.create, "device_idx output_idx region output_color max_buffer_len backend processor_backend"),
        (bettercam.create, "device_idx output_idx region output_color nvidia_gpu max_buffer_len"),
        (dxcam.DXCamera.grab, "self region copy new_frame_only"),
        (dxcam.DXCamera.grab_view, "self region"),
        (dxcam.DXCamera.start, "self region target_fps video_mode delay"),
        (dxcam.DXCamera.get_latest_frame, "self copy with_timestamp"),
        (dxcam.DXCamera.get_latest_frame_view, "self with_timestamp"),
        (dxcam.DXCamera.stop, "self"),
        (dxcam.DXCamera.release, "self"),
    ],
)
def test_positional_parameters_are_those_of_the_originals(function: Any, parameters: str) -> None:
    found = inspect.signature(function).parameters.values()
    assert [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD] == parameters.split()


def test_the_first_grab_returns_the_screen(create: Create) -> None:
    with create(sim=STILL) as camera:
        frame = camera.grab()
    assert frame is not None
    assert np.array_equal(frame, rustcam.screenshot(backend="sim", sim=STILL))


def test_a_region(create: Create) -> None:
    camera = create(sim=STILL)
    left, top, right, bottom = REGION
    part = camera.grab(region=REGION)
    whole = camera.grab(new_frame_only=False)
    assert part is not None
    assert whole is not None
    assert np.array_equal(part, whole[top:bottom, left:right])
    assert camera.region == (0, 0, WIDTH, HEIGHT)


def test_nothing_new_is_none_at_once(create: Create) -> None:
    camera = create(sim=STILL_FOR_REAL)
    first = camera.grab()
    assert first is not None
    assert camera.grab() is None
    again = camera.grab(new_frame_only=False)
    assert again is not None
    assert np.array_equal(first, again)


@pytest.mark.parametrize(("color", "channels"), [("RGB", 3), ("RGBA", 4), ("BGR", 3), ("BGRA", 4), ("GRAY", 1)])
def test_colors(create: Create, color: str, channels: int) -> None:
    camera = create(output_color=color, sim=STILL)
    frame = camera.grab()
    assert frame is not None
    assert frame.shape == (HEIGHT, WIDTH, channels)
    assert camera.channel_size == channels
    assert np.array_equal(frame, rustcam.screenshot(backend="sim", sim=STILL, fmt=color))  # type: ignore[arg-type]


def test_screen_capture(create: Create) -> None:
    camera = create()
    assert not camera.is_capturing
    camera.start(region=REGION, target_fps=100)
    assert camera.is_capturing
    frames = [camera.get_latest_frame() for _ in range(10)]
    camera.stop()
    assert not camera.is_capturing
    assert all(isinstance(frame, np.ndarray) and frame.shape == (120, 160, 3) for frame in frames)
    assert camera.region == REGION


def test_every_frame_is_returned_once_with_its_time(create: Create) -> None:
    camera = create()
    camera.start(target_fps=0)
    times = []
    for _ in range(10):
        taken = camera.get_latest_frame(with_timestamp=True)
        assert isinstance(taken, tuple)
        times.append(taken[1])
    assert times == sorted(set(times))
    assert abs(times[-1] - time.perf_counter()) < 5
    assert camera.latest_frame_time is not None
    assert camera.latest_frame_time >= times[-1]
    assert camera.latest_frame_ticks is not None
    camera.stop()
    assert camera.latest_frame_time is None


def test_video_mode_repeats_the_image(create: Create) -> None:
    camera = create(sim=STILL_FOR_REAL)
    camera.start(target_fps=50, video_mode=True)
    frames = [camera.get_latest_frame() for _ in range(4)]
    camera.stop()
    for frame in frames[1:]:
        assert np.array_equal(frame, frames[0])  # type: ignore[arg-type]


def test_grab_while_capturing_returns_the_newest_image_repeatedly(create: Create) -> None:
    camera = create(sim=STILL_FOR_REAL)
    camera.start()
    deadline = time.monotonic() + 10
    while (frame := camera.grab()) is None:
        assert time.monotonic() < deadline
    again = camera.grab(region=camera.region)
    assert again is not None
    assert np.array_equal(frame, again)
    with pytest.raises(ValueError, match="region"):
        camera.grab(region=REGION)
    # grab() does not take the image away from get_latest_frame().
    assert np.array_equal(camera.get_latest_frame(), frame)  # type: ignore[arg-type]


def test_views_are_read_only_and_copies_are_not(create: Create) -> None:
    camera = create()
    view, copy = camera.grab_view(), camera.grab(new_frame_only=False)
    assert view is not None
    assert copy is not None
    assert (view.flags.writeable, copy.flags.writeable) == (False, True)
    camera.start()
    view, owned = camera.get_latest_frame_view(), camera.get_latest_frame()
    assert isinstance(view, np.ndarray)
    assert isinstance(owned, np.ndarray)
    assert (view.flags.writeable, owned.flags.writeable) == (False, True)


def test_stop_from_another_thread_ends_a_wait(create: Create) -> None:
    camera = create(sim=STILL_FOR_REAL)
    camera.start()
    assert camera.get_latest_frame() is not None
    results: list[Any] = []
    waiting = threading.Thread(target=lambda: results.append(camera.get_latest_frame()))
    waiting.start()
    camera.stop()
    waiting.join(10)
    assert results == [None]


def test_threads_share_a_camera(create: Create) -> None:
    camera = create()
    results: list[Any] = []
    grabbing = threading.Thread(target=lambda: results.append(camera.grab()))
    grabbing.start()
    grabbing.join(10)
    assert results[0] is not None


def test_starting_again(create: Create) -> None:
    camera = create()
    for region in (None, REGION):
        camera.start(region)
        with pytest.raises(RuntimeError):
            camera.start()
        assert camera.get_latest_frame() is not None
        camera.stop()
    assert camera.get_latest_frame() is None


def test_delay(create: Create) -> None:
    camera, before = create(), time.perf_counter()
    camera.start(delay=0.1)
    assert time.perf_counter() - before >= 0.1


def test_a_second_camera_of_an_output_is_the_existing_one(create: Create, caplog: pytest.LogCaptureFixture) -> None:
    camera = create()
    with caplog.at_level(logging.WARNING):
        assert create(output_color="GRAY") is camera
    assert "has a camera already" in caplog.text
    camera.release()
    assert create() is not camera


def test_released_cameras(create: Create) -> None:
    camera = create()
    camera.release()
    camera.release()
    assert camera.is_released
    assert camera.get_latest_frame() is None
    for use in (camera.grab, camera.start, camera.__enter__):
        with pytest.raises(RuntimeError, match="released"):
            use()
    assert "released" in repr(camera)


def test_outputs(create: Create) -> None:
    script = f"{STILL}; outputs 2"
    assert create(0, 1, sim=script).width == WIDTH
    assert create(output_idx=None, sim=script).grab() is not None
    for device, output in [(0, 2), (0, -1), (1, 0), (1, None), (-1, 0)]:
        with pytest.raises(IndexError):
            create(device, output, sim=script)


def test_wrong_arguments_raise_value_errors(create: Create) -> None:
    for argument in ({"output_color": "YUV"}, {"region": (0, 0, 9999, 10)}, {"region": (5, 5, 5, 9)}):
        with pytest.raises(ValueError):
            create(**argument)


def test_attributes(create: Create) -> None:
    camera = create(region=REGION, max_buffer_len=1, sim=f"{STILL}; rotation 90")
    assert (camera.width, camera.height, camera.rotation_angle) == (WIDTH, HEIGHT, 90)
    assert (camera.region, camera.max_buffer_len) == (REGION, 2)


def test_listings_are_those_of_rustcam() -> None:
    assert dxcam.device_info("sim", sim=STILL) == rustcam.device_info("sim", sim=STILL)
    assert bettercam.output_info("sim", sim=STILL) == rustcam.output_info("sim", sim=STILL)


@pytest.mark.x11
def test_a_program_for_windows_on_an_x_server(painter: Any) -> None:
    painter.fill((0, 0, WIDTH, HEIGHT), 0x3366CC)
    painter.point_to(20, 20)
    with dxcam.create(output_color="BGR", backend="dxgi") as camera:
        frame = camera.grab()
        assert frame is not None
        assert (frame == [0xCC, 0x66, 0x33]).all()
        camera.start(target_fps=30, video_mode=True)
        for _ in range(3):
            assert camera.get_latest_frame() is not None
