"""Constant rates and streams of one window, and every call while it is closed."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from conftest import sim
from scripted_window import DESKTOP, H, W, editor, live, script_of

pytestmark = pytest.mark.sim


def test_frames_repeat_the_image_of_a_minimised_window() -> None:
    with editor("1s minimize; 3601s resize 64x48; 3601s restore") as capturer:
        shapes = []
        with capturer.frames(1, patience_s=0) as frames:
            for image, seconds in frames:
                shapes.append(image.shape)
                assert seconds == len(shapes) - 1
                if len(shapes) > 3605:
                    break
            assert frames.repeated == 3604
        assert shapes == [(H, W, 4)] * 3601 + [(48, 64, 4)] * 5


def test_frames_end_with_a_window_named_by_its_handle() -> None:
    with editor("1s close", window=1001) as capturer:
        images = []
        with pytest.raises(rustcam.AccessLost, match="was closed"):
            images.extend(image for image, _ in capturer.frames(10))
        assert not capturer.is_capturing
    with editor("1s close; 60s open") as capturer, capturer.frames(10) as frames:
        assert [next(frames)[1] for _ in range(700)][-1] == 69.9


def test_the_first_image_of_a_minimised_window_does_not_come() -> None:
    with editor("0s minimize") as capturer:
        with pytest.raises(rustcam.CaptureTimeout, match="no first image within 700 ms: the window is minimised"):
            next(capturer.frames(60, timeout_ms=700))
        capturer.start()
        with pytest.raises(rustcam.CaptureTimeout, match="no new frame within 300 ms: the window is minimised"):
            capturer.get_latest_frame(300)


@pytest.mark.parametrize(("gone", "back"), [("minimize", "restore"), ("close", "open"), ("resize 64x48", "raise")])
def test_a_stream_goes_on_when_its_window_is_back(gone: str, back: str) -> None:
    with live(f"200ms {gone}; 600ms {back}") as capturer:
        capturer.start(patience_s=0)
        assert capturer.get_latest_frame(9000).shape == (H, W, 4)
        assert capturer.get_latest_frame(9000).shape == ((48, 64, 4) if "resize" in gone else (H, W, 4))
        assert capturer.stats.recoveries == 1


def test_video_mode_is_silent_while_its_window_is_minimised() -> None:
    with live("200ms minimize; 700ms restore") as capturer:
        capturer.start(100, video_mode=True)
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            assert capturer.get_latest_frame(9000).shape == (H, W, 4)
        assert capturer.stats.recoveries == 1


def test_a_stream_ends_with_its_window() -> None:
    with live("300ms close", window=1001) as capturer:
        capturer.start(patience_s=None)
        capturer.get_latest_frame()
        with pytest.raises(rustcam.AccessLost, match='the window "Editor" was closed'):
            capturer.get_latest_frame()
        with pytest.raises(rustcam.AccessLost):
            capturer.grab()


def test_an_asynchronous_stream_ends_with_its_window() -> None:
    async def shapes(capturer: rustcam.Capturer, count: int) -> list[Any]:
        seen: list[Any] = []
        async with capturer.stream() as stream:
            async for frame in stream:
                seen.append(frame.shape)
                if len(seen) == count:
                    break
        return seen

    with live("300ms close", window=1001) as capturer, pytest.raises(rustcam.AccessLost, match="was closed"):
        asyncio.run(asyncio.wait_for(shapes(capturer, 2), 10))
    with live("200ms resize 64x48; 300ms minimize; 600ms restore") as capturer:
        assert asyncio.run(asyncio.wait_for(shapes(capturer, 3), 10)) == [(H, W, 4), (48, 64, 4), (48, 64, 4)]


def test_a_screenshot_of_a_window_that_goes_away() -> None:
    for events in ("0s minimize", "1ms minimize"):
        script = script_of(events, f"{DESKTOP}slow reads 50ms\n")
        with pytest.raises(rustcam.CaptureTimeout, match="no image within 5000 ms: the window is minimised"):
            rustcam.screenshot(backend="sim", sim=script, window="Editor")
    script = script_of("20ms close", f"{DESKTOP}slow reads 50ms\n")
    with pytest.raises(rustcam.AccessLost, match="was closed"):
        rustcam.screenshot(backend="sim", sim=script, window=1001)


def grab(capturer: rustcam.Capturer) -> Any:
    return capturer.grab(5000)


def grab_into(capturer: rustcam.Capturer) -> Any:
    return capturer.grab(5000, out=np.zeros((H, W, 4), np.uint8))


def grab_read_only(capturer: rustcam.Capturer) -> Any:
    return capturer.grab(5000, copy=False)


def constant_rate(capturer: rustcam.Capturer) -> Any:
    with capturer.frames(60) as frames:
        for _ in range(400):
            next(frames)


def stream(capturer: rustcam.Capturer) -> Any:
    capturer.start(0)
    try:
        while True:
            capturer.get_latest_frame(5000)
    finally:
        capturer.stop()


@pytest.mark.parametrize("call", [grab, grab_into, grab_read_only, constant_rate, stream])
@pytest.mark.parametrize("slow", ["", "slow reads 40ms; ", "slow damage 40ms; ", "memory direct; slow reads 40ms; "])
def test_a_window_is_closed_during_every_call(call: Callable[[rustcam.Capturer], Any], slow: str) -> None:
    """At many moments of waiting, asking for damage and reading."""
    beginning = f"{slow}refresh 20; size 64x64; pointer still; clock virtual\n"
    with pytest.raises(ValueError, match="there is none"):
        sim(script_of("0ms close", beginning), window=1001)
    for at in (1, 15, 35, 60, 200):
        capturer = sim(script_of(f"{at}ms close", beginning), window=1001, cursor=False)
        with capturer, pytest.raises(rustcam.AccessLost, match='the window "Editor" was closed'):
            for _ in range(20):
                call(capturer)
