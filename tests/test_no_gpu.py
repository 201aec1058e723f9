"""`grab_gpu` where there is no GPU path: it says so at once, and nothing else suffers."""

from __future__ import annotations

import pytest

import rustcam
from conftest import must
from desktops import STILL, STILL_FOR_REAL, Painter, X11Desktop


def refused(capturer: rustcam.Capturer) -> None:
    # At once, whether or not there is anything new.
    for _ in range(2):
        with pytest.raises(rustcam.CaptureError, match="no GPU path") as caught:
            capturer.grab_gpu()
        assert type(caught.value) is rustcam.CaptureError
        assert caught.value.hresult is None
        assert "grab()" in str(caught.value.hint)
    must(capturer.grab())
    with pytest.raises(rustcam.CaptureError, match="no GPU path"):
        capturer.grab_gpu(60_000, sync="keyed")


@pytest.mark.sim
def test_the_simulated_desktop_says_that_it_has_no_gpu_path() -> None:
    with rustcam.Capturer(backend="sim", sim=STILL) as capturer:
        refused(capturer)


@pytest.mark.x11
def test_x11_says_that_it_has_no_gpu_path(painter: Painter) -> None:
    with X11Desktop(painter).open() as capturer:
        refused(capturer)


@pytest.mark.sim
def test_who_may_not_capture_may_not_share() -> None:
    with rustcam.Capturer(backend="sim", sim=STILL_FOR_REAL) as capturer:
        capturer.start()
        with pytest.raises(RuntimeError, match="start"):
            capturer.grab_gpu()
        capturer.stop()
        with capturer.frames(60), pytest.raises(RuntimeError, match="frames"):
            capturer.grab_gpu()
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        capturer.grab_gpu()


def test_nobody_but_a_capturer_makes_textures() -> None:
    with pytest.raises(TypeError):
        rustcam.GpuTexture()
