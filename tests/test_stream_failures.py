"""Streams whose thread fails: losses, killed and frozen servers."""

from __future__ import annotations

import time

import pytest

import rustcam
from conftest import sim
from desktops import HEIGHT, LIVE, STILL_FOR_REAL, WIDTH, Painter, XServer
from streaming import SOON, drain
from system import handles, threads
from waiting import PROMPT


@pytest.mark.sim
@pytest.mark.parametrize("via", ["get_latest_frame", "grab", "start", "frames"])
def test_a_failure_of_the_thread_is_raised_by_the_next_call(via: str) -> None:
    with sim(f"{LIVE}; at 30ms lose device for ever", cursor=False) as capturer:
        capturer.start(0, patience_s=0)
        calls = {
            "get_latest_frame": lambda: capturer.get_latest_frame(None),
            "grab": lambda: capturer.grab(0),
            "start": capturer.start,
            "frames": lambda: capturer.frames(60),
        }
        deadline = time.perf_counter() + 5
        with pytest.raises(rustcam.DeviceError) as caught:
            while time.perf_counter() < deadline:
                try:
                    calls[via]()
                except RuntimeError:
                    time.sleep(0.01)
        assert caught.value.hresult == 0x887A0005
        assert not capturer.is_capturing
        with pytest.raises(RuntimeError, match="start"):
            capturer.get_latest_frame(0)


@pytest.mark.sim
@pytest.mark.parametrize("video_mode", [False, True])
@pytest.mark.parametrize("loss", ["lose access for 200ms", "lose device for 200ms", "mode 320x200@60", "rotate 90"])
def test_a_stream_survives_a_transient_loss(loss: str, video_mode: bool) -> None:
    with sim(f"{LIVE}; at 30ms {loss}", cursor=False) as capturer:
        capturer.start(60, video_mode=video_mode)
        while capturer.stats.recoveries == 0:
            frame = capturer.get_latest_frame(SOON)
        for _ in range(3):
            frame = capturer.get_latest_frame(SOON)
        assert frame.shape == (capturer.height, capturer.width, 4)


@pytest.mark.sim
def test_a_lost_desktop_does_not_delay_deadlines() -> None:
    with sim(f"{STILL_FOR_REAL}; at 0ms lose access for ever") as capturer:
        capturer.start(0)
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureTimeout):
            capturer.get_latest_frame(100)
        assert time.perf_counter() - start < 0.1 + PROMPT
        start = time.perf_counter()
        capturer.stop()
        assert time.perf_counter() - start < 0.6


@pytest.mark.x11
@pytest.mark.parametrize("video_mode", [False, True])
def test_a_killed_server_is_an_error_and_frames_stay_valid(server: XServer, video_mode: bool) -> None:
    painter = Painter(server.display)
    painter.fill((0, 0, WIDTH, HEIGHT), 0x102030)
    painter.close()
    before = (handles(), threads())
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        capturer.start(60, video_mode=video_mode, patience_s=0.5)
        frame = capturer.get_latest_frame(SOON)
        server.kill()
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureError) as caught:
            while True:
                capturer.get_latest_frame(None)
        assert time.perf_counter() - start < 5
        assert not isinstance(caught.value, rustcam.CaptureTimeout)
        assert (frame == [0x30, 0x20, 0x10, 255]).all()
        assert not capturer.is_capturing
    assert handles() <= before[0]
    assert threads() <= before[1]


@pytest.mark.x11
def test_a_frozen_server_does_not_delay_deadlines(server: XServer) -> None:
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        capturer.start(0)
        drain(capturer)
        server.freeze()
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureTimeout):
            capturer.get_latest_frame(100)
        capturer.stop()
        assert time.perf_counter() - start < 0.1 + 2 * PROMPT
        server.thaw()
        assert capturer.grab(SOON, new_frame_only=False) is not None
