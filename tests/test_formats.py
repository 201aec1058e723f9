"""Formats, regions and destinations, compared with an oracle in numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rustcam
from conftest import Desktop, must, sim
from desktops import HEIGHT, WIDTH

Image = npt.NDArray[np.uint8]
FORMATS = ("bgra", "rgba", "bgr", "rgb", "gray")


def oracle(bgra: Image, fmt: str) -> Image:
    """The definition of each format."""
    if fmt == "gray":
        b, g, r = (bgra[:, :, i].astype(np.uint32) for i in range(3))
        gray: Image = ((77 * r + 150 * g + 29 * b + 128) >> 8).astype(np.uint8)
        return gray[:, :, np.newaxis]
    order = {"bgra": [0, 1, 2, 3], "rgba": [2, 1, 0, 3], "bgr": [0, 1, 2], "rgb": [2, 1, 0]}[fmt]
    return bgra[:, :, order]


@pytest.mark.parametrize("fmt", FORMATS)
def test_formats_are_views_of_one_picture(desktop: Desktop, fmt: str) -> None:
    desktop.change()
    with desktop.open(still=True) as capturer:
        bgra = must(capturer.grab())
        assert np.array_equal(must(capturer.grab(fmt=fmt, new_frame_only=False)), oracle(bgra, fmt))


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(
    "region",
    [(0, 0, 1, 1), (WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT), (3, 5, 36, 8), (0, 100, WIDTH, 101), (17, 0, 18, HEIGHT)],
)
def test_regions_are_crops_of_one_picture(desktop: Desktop, fmt: str, region: tuple[int, int, int, int]) -> None:
    desktop.change()
    left, top, right, bottom = region
    with desktop.open(still=True) as whole, desktop.open(still=True, region=region) as part:
        expected = oracle(must(whole.grab()), fmt)[top:bottom, left:right]
        assert np.array_equal(must(part.grab(fmt=fmt)), expected)
        assert np.array_equal(must(whole.grab(fmt=fmt, region=region, new_frame_only=False)), expected)


@pytest.mark.parametrize("fmt", ["bgra", "rgba"])
@pytest.mark.parametrize("copy", [True, False])
def test_alpha_is_255(desktop: Desktop, fmt: str, copy: bool) -> None:
    with desktop.open() as capturer:
        for _ in range(3):
            desktop.change()
            assert (must(capturer.grab(fmt=fmt, copy=copy))[:, :, 3] == 255).all()


@pytest.mark.parametrize("copy", [True, False])
def test_half_floats_of_an_sdr_desktop_are_the_light_of_8_bits(desktop: Desktop, copy: bool) -> None:
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    desktop.change()
    with desktop.open(still=True) as capturer:
        assert not capturer.color.hdr
        rgba = must(capturer.grab(fmt="rgba"))
        light = must(capturer.grab(fmt="rgba16f", new_frame_only=False, copy=copy))
        assert np.array_equal(light, linear.astype(np.float16)[rgba])


def test_the_oracle_knows_gray() -> None:
    colours = np.array([[[0, 0, 0, 255], [255, 255, 255, 255], [0, 0, 255, 255], [255, 0, 0, 255]]], np.uint8)
    assert oracle(colours, "gray").ravel().tolist() == [0, 255, 77, 29]


@st.composite
def requests(draw: st.DrawFn) -> dict[str, object]:
    """A desktop, a region on it, a format, and the layout of a destination."""
    width, height = draw(st.integers(1, 97)), draw(st.integers(1, 41))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return {
        "size": (width, height),
        "rotation": draw(st.sampled_from([0, 90, 180, 270])),
        "pitch": draw(st.sampled_from([0, 4, 52])),
        "region": (left, top, draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))),
        "fmt": draw(st.sampled_from(FORMATS)),
        "padding": draw(st.integers(0, 9)),
        "flip": draw(st.booleans()),
    }


def destination(height: int, width: int, channels: int, padding: int, flip: bool) -> tuple[Image, Image]:
    """An array with padded rows and, with `flip`, a negative row stride; and the memory that holds it."""
    memory = np.full((height, width + padding, channels), 0xA5, np.uint8)
    view = memory[:, :width]
    return (view[::-1] if flip else view), memory


@pytest.mark.sim
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=requests())
def test_any_request_equals_the_oracle(request: dict[str, object]) -> None:
    width, height = request["size"]
    left, top, right, bottom = region = request["region"]
    fmt = request["fmt"]
    script = (
        f"size {width}x{height}; rotation {request['rotation']}; pitch {request['pitch']};"
        " static; pointer still; clock virtual"
    )
    with sim(script) as capturer:
        assert (capturer.width, capturer.height) == (width, height)
        expected = oracle(must(capturer.grab()), fmt)[top:bottom, left:right]
        assert np.array_equal(must(capturer.grab(0, fmt, region, new_frame_only=False)), expected)
        assert np.array_equal(must(capturer.grab(0, fmt, region, copy=False, new_frame_only=False)), expected)
        out, memory = destination(bottom - top, right - left, expected.shape[2], request["padding"], request["flip"])
        assert capturer.grab(0, fmt, region, out=out, new_frame_only=False) is out
        assert np.array_equal(out, expected)
        assert (memory[:, right - left :] == 0xA5).all()


@pytest.mark.sim
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_desktops_look_like_upright_ones(rotation: int) -> None:
    script = "size 80x60; static; pointer still; clock virtual"
    upright = rustcam.screenshot(backend="sim", sim=script, cursor=True)
    rotated = rustcam.screenshot(backend="sim", sim=f"{script}; rotation {rotation}", cursor=True)
    assert np.array_equal(upright, rotated)
