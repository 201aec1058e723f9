"""`grab_gpu` on backends without a GPU path: it raises at once, and `grab` still works."""

from __future__ import annotations

import pytest

import rustcam
from conftest import must
from desktops import STILL, STILL_FOR_REAL, Painter, X11Desktop


def assert_no_gpu_path(capturer: rustcam.Capturer) -> None:
    # At once, with or without a new frame.
    for _ in range(2):
        with pytest.raises(rustcam.CaptureError, match="no GPU path") as caught:
            capturer.grab_gpu()
        assert type(caught.value) is rustcam.CaptureError
        assert caught.value.hresult is None
        assert "grab()" in str(caught.value.hint)
    must(capturer.grab())
    with pytest.raises(rustcam.CaptureError, match="no GPU path"):
        capturer.grab_gpu(60_000, sync="keyed", fmt="RGBA16F")


@pytest.mark.sim
def test_sim_has_no_gpu_path() -> None:
    with rustcam.Capturer(backend="sim", sim=STILL) as capturer:
        assert_no_gpu_path(capturer)


@pytest.mark.x11
def test_x11_has_no_gpu_path(painter: Painter) -> None:
    with X11Desktop(painter).open() as capturer:
        assert_no_gpu_path(capturer)


@pytest.mark.sim
def test_grab_gpu_is_refused_in_the_wrong_state() -> None:
    with rustcam.Capturer(backend="sim", sim=STILL_FOR_REAL) as capturer:
        capturer.start()
        with pytest.raises(RuntimeError, match="start"):
            capturer.grab_gpu()
        capturer.stop()
        with capturer.frames(60), pytest.raises(RuntimeError, match="frames"):
            capturer.grab_gpu()
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        capturer.grab_gpu()


def test_textures_cannot_be_constructed() -> None:
    with pytest.raises(TypeError):
        rustcam.GpuTexture()
