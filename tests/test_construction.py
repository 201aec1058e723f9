"""Opening and closing a capturer, and its properties."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import rustcam
from conftest import Desktop, sim
from desktops import HEIGHT, STILL, WIDTH

FULL = (0, 0, WIDTH, HEIGHT)
EXPECTED = {
    "width": WIDTH,
    "height": HEIGHT,
    "region": FULL,
    "output_idx": 0,
    "device_idx": 0,
    "cursor": True,
    "format": "bgra",
    "rotation": 0,
    "is_capturing": False,
    "closed": False,
    "frame_info": None,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_property_after_opening(desktop: Desktop, name: str) -> None:
    with desktop.open() as capturer:
        value = getattr(capturer, name)
        assert value == EXPECTED[name]
        assert type(value) is type(EXPECTED[name])


@pytest.mark.parametrize("name", [*EXPECTED, "backend", "refresh_hz", "stats"])
def test_properties_are_read_only(desktop: Desktop, name: str) -> None:
    with desktop.open() as capturer, pytest.raises(AttributeError):
        setattr(capturer, name, 1)


@pytest.mark.parametrize("name", [*EXPECTED, "backend", "refresh_hz", "stats"])
def test_properties_stay_readable_after_close(desktop: Desktop, name: str) -> None:
    capturer = desktop.open()
    before = getattr(capturer, name)
    capturer.close()
    after = getattr(capturer, name)
    if name == "closed":
        assert after is True
    elif name == "stats":
        assert after.frames == before.frames
    else:
        assert after == before


def test_backend_is_named(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        assert capturer.backend == desktop.backend


def test_backend_names_ignore_case() -> None:
    with rustcam.Capturer(backend="SIM", sim=STILL) as capturer:
        assert capturer.backend == "sim"


@pytest.mark.x11
def test_auto_chooses_the_real_screen(painter: object) -> None:
    with rustcam.Capturer() as capturer:
        assert capturer.backend == "x11"


@pytest.mark.sim
def test_refresh_rate_of_the_script() -> None:
    with sim("size 64x48; refresh 144; static; clock virtual") as capturer:
        assert capturer.refresh_hz == pytest.approx(144)


def test_positional_arguments_are_output_cursor_region_device() -> None:
    with rustcam.Capturer(0, False, (1, 2, 3, 4), 0, backend="sim", sim=STILL) as capturer:
        assert (capturer.cursor, capturer.region) == (False, (1, 2, 3, 4))


def test_region_accepts_numpy_integers(desktop: Desktop) -> None:
    region = tuple(np.array([10, 20, 110, 90]))
    with desktop.open(region=region) as capturer:
        assert capturer.region == (10, 20, 110, 90)
        assert all(type(edge) is int for edge in capturer.region)


def test_close_is_idempotent(desktop: Desktop) -> None:
    capturer = desktop.open()
    capturer.close()
    capturer.close()
    assert capturer.closed


def test_grab_after_close(desktop: Desktop) -> None:
    capturer = desktop.open()
    capturer.close()
    with pytest.raises(RuntimeError, match=r"^Capturer is closed$"):
        capturer.grab()


def test_entering_a_closed_capturer(desktop: Desktop) -> None:
    capturer = desktop.open()
    capturer.close()
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        capturer.__enter__()


def test_with_returns_the_capturer_and_closes_it(desktop: Desktop) -> None:
    capturer = desktop.open()
    with capturer as entered:
        assert entered is capturer
    assert capturer.closed


def test_with_closes_and_passes_exceptions_on(desktop: Desktop) -> None:
    capturer = desktop.open()
    with pytest.raises(KeyError, match="mine"), capturer:
        raise KeyError("mine")
    assert capturer.closed


def test_repr_says_whether_it_is_open(desktop: Desktop) -> None:
    capturer = desktop.open()
    opened = repr(capturer)
    assert "Capturer" in opened
    assert f"{WIDTH}x{HEIGHT}" in opened
    capturer.close()
    assert "closed" in repr(capturer)
    assert "closed" not in opened


def test_arrays_outlive_the_capturer(desktop: Desktop) -> None:
    capturer = desktop.open()
    frames = [capturer.grab(copy=copy, new_frame_only=False) for copy in (True, False)]
    capturer.close()
    del capturer
    gc.collect()
    assert all(frame is not None and frame.any() for frame in frames)


def test_many_capturers_of_one_output_see_every_frame(desktop: Desktop) -> None:
    with desktop.open() as first, desktop.open() as second:
        for _ in range(3):
            desktop.change()
            assert first.grab() is not None
            assert second.grab() is not None
