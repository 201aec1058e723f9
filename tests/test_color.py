"""HDR desktops: exact values for SDR content, the mapping of what is brighter, half floats, changes of the colour."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from conftest import must, sim
from rustcam import _png
from rustcam.compat import bettercam, dxcam
from test_png import decode as decode_png

pytestmark = pytest.mark.sim

Light = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float64]

WHITE, MAX = 240, 1000
SDR = "size 400x300; refresh 60; pointer still; clock virtual"
HDR = f"{SDR}; color hdr; white {WHITE}; max {MAX}"
REGION = (3, 7, 380, 290)


def encode(linear: Floats) -> Floats:
    """Levels of sRGB that are not rounded."""
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def rounded(levels: Floats) -> npt.NDArray[np.uint8]:
    return np.floor(levels + 0.5).astype(np.uint8)


def decode(levels: npt.NDArray[np.uint8]) -> Light:
    encoded = levels.astype(np.float64) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float16)


def shown(light: Light, hdr: str, white: float = WHITE) -> Floats:
    """The definition of 8-bit frames of an HDR desktop: levels of red, green and blue that are not rounded."""
    c = np.clip(light[:, :, :3].astype(np.float64), 0, None)
    brightest = c.max(axis=2, keepdims=True)
    is_bright = (brightest > np.float64(np.float16(white / 80))) & (hdr == "map")
    m = brightest * 80 / white
    share = c / np.where(brightest > 0, brightest, 1)
    w = np.clip((m - 1) / (MAX / white - 1), 0, 1)
    mapped = share + (1 - share) * w
    return encode(np.where(is_bright, mapped, np.clip(c * 80 / white, 0, 1)))


@pytest.mark.parametrize("hdr", ["map", "clip", "MAP"])
def test_sdr_content_of_an_hdr_desktop_is_exact(hdr: Any) -> None:
    with sim(SDR, cursor=False) as plain, sim(HDR, cursor=False, hdr=hdr) as mapped:
        for _ in range(5):
            expected, image = must(plain.grab(fmt="rgb")), must(mapped.grab(fmt="rgb"))
            light = must(mapped.grab(fmt="rgba16f", new_frame_only=False))
            # What lies above the moving window and the patches is the same on both.
            assert np.array_equal(image[30:], expected[30:])
            assert not np.array_equal(image[:30], expected[:30])
            assert (light[:30, :, :3] > 3).any()
            assert (light[:30, :, :3] < 0).any()


@pytest.mark.parametrize("hdr", ["map", "clip"])
def test_8_bits_follow_the_definition(hdr: Any) -> None:
    with sim(f"{HDR}; at 40ms present dirty 50,100,390,250", cursor=False, hdr=hdr) as capturer:
        for _ in range(6):
            image = must(capturer.grab(fmt="rgb"))
            light = must(capturer.grab(fmt="rgba16f", new_frame_only=False))
            assert np.abs(image - shown(light, hdr)).max() <= (0.55 if hdr == "map" else 0.5 + 1e-9)


def test_highlights_keep_their_hue_and_fade_to_white() -> None:
    with sim(HDR, cursor=False) as mapped, sim(HDR, cursor=False, hdr="clip") as cut:
        # A grey patch at the maximum, orange at a quarter and at half of the way, red at the maximum.
        places = [(13, 200), (22, 160), (22, 200), (22, 40)]
        soft, hard = ([tuple(must(c.grab(fmt="rgb"))[place]) for place in places] for c in (mapped, cut))
    assert soft[0] == hard[0] == (255, 255, 255)
    assert soft[3] == (255, 255, 255)
    assert hard[3] == (255, 0, 0)
    assert soft[1][0] == soft[2][0] == 255
    assert soft[1][2] < soft[2][2], "the brighter one is nearer to white"


def test_half_floats_of_an_sdr_desktop_are_the_light_of_8_bits() -> None:
    with sim(SDR) as capturer:
        for _ in range(3):
            rgba = must(capturer.grab(fmt="rgba"))
            light = must(capturer.grab(fmt="rgba16f", new_frame_only=False))
            assert (light.dtype, light.shape, light.flags.c_contiguous) == (np.float16, (300, 400, 4), True)
            assert np.array_equal(light, decode(rgba))


def every_way(script: str, region: Any) -> dict[str, Light]:
    """The first image in half floats, by each way to get it."""
    images: dict[str, Any] = {}

    def capturer(**options: Any) -> rustcam.Capturer:
        return sim(script, cursor=False, **options)

    with capturer() as c:
        images["grab"] = c.grab(fmt="rgba16f", region=region)
    with capturer(region=region) as c:
        images["persistent region"] = c.grab(1000, fmt="RGBA16F")
    with capturer() as c:
        images["copy=False"] = c.grab(fmt="rgba16f", region=region, copy=False)
    shape = images["grab"].shape
    padded = np.full((shape[0], shape[1] + 3, 4), 7, np.float16)
    upwards = np.zeros(shape, np.float16)[::-1]
    for name, out in [("out", np.zeros(shape, np.float16)), ("padded", padded[:, 2:-1]), ("upwards", upwards)]:
        with capturer() as c:
            assert c.grab(fmt="rgba16f", region=region, out=out) is out
            images[name] = out
    assert (padded[:, :2] == 7).all()
    assert (padded[:, -1] == 7).all()
    with capturer() as c:
        c.start(0, region, fmt="rgba16f")
        images["start"] = c.get_latest_frame(10_000)
    with capturer() as c, c.frames(60, "rgba16f", region) as frames:
        images["frames"] = next(frames)[0]

    async def streamed() -> Any:
        with capturer() as c:
            async for image in c.stream(0, region, fmt="rgba16f"):
                return image
        return None

    images["stream"] = asyncio.run(streamed())
    images["screenshot"] = rustcam.screenshot(fmt="rgba16f", region=region, backend="sim", sim=script)
    return images


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("region", [None, REGION])
def test_every_way_returns_the_same_half_floats(rotation: int, region: Any) -> None:
    script = HDR.replace("60", "1").replace("clock virtual", f"static; rotation {rotation}")
    images = every_way(script, region)
    first = images["grab"]
    assert first.dtype == np.float16
    assert (first[:, :, 3] == 1).all()
    for name, image in images.items():
        assert np.array_equal(image, first), name
    with sim(HDR, cursor=False) as upright:
        whole = must(upright.grab(fmt="rgba16f"))
    left, top, right, bottom = region or (0, 0, 400, 300)
    assert np.array_equal(first, whole[top:bottom, left:right])


@pytest.mark.parametrize(
    ("out", "fmt", "words"),
    [
        (np.zeros((300, 400, 4), np.uint8), "rgba16f", "dtype float16 for rgba16f, not uint8"),
        (np.zeros((300, 400, 4), np.float32), "rgba16f", "float32"),
        (np.zeros((300, 400, 4), ">f2"), "rgba16f", ">f2"),
        (np.zeros((300, 400, 8), np.float16), "rgba16f", r"\[300, 400, 4\]"),
        (np.zeros((300, 400, 4), np.float16)[:, :, ::-1], "rgba16f", "side by side"),
        (np.zeros((300, 800, 4), np.float16)[:, ::2], "rgba16f", "side by side"),
        (np.zeros((300, 400, 4), np.float16), "bgra", "dtype uint8 for bgra, not float16"),
    ],
)
def test_out_that_does_not_fit_is_refused(out: Any, fmt: Any, words: str) -> None:
    with sim(HDR, cursor=False) as capturer:
        with pytest.raises(ValueError, match=words):
            capturer.grab(fmt=fmt, out=out)
        assert not out.any()


def test_only_what_changed_is_written() -> None:
    script = f"{HDR}; static; at 100ms present dirty 10,20,30,40"
    for fmt, pixel in (("bgra", 4), ("rgba16f", 8)):
        with sim(script, cursor=False) as capturer:
            must(capturer.grab(fmt=fmt, copy=False))  # type: ignore[call-overload]
            before = capturer.stats.bytes_copied
            image = must(capturer.grab(fmt=fmt, copy=False))  # type: ignore[call-overload]
            assert capturer.stats.bytes_copied - before == 20 * 20 * pixel
            with sim(script, cursor=False) as fresh:
                must(fresh.grab())
                assert np.array_equal(image, must(fresh.grab(fmt=fmt)))  # type: ignore[call-overload]


def test_the_pointer_is_drawn_at_sdr_white() -> None:
    script = f"{HDR}; static; at 10ms pointer 200,150; at 10ms shape bitmap; at 20ms shape ibeam"
    with sim(script) as capturer, sim(script, cursor=False) as bare:
        must(capturer.grab())
        clean = must(bare.grab(fmt="rgba16f"))
        black_and_white = must(capturer.grab(fmt="rgba16f"))
        inverting = must(capturer.grab(fmt="rgba16f"))
    for image in (black_and_white, inverting):
        drawn = (image != clean).any(axis=2)
        assert 10 < drawn.sum() < 40 * 40
        assert drawn[150:190, 200:240].sum() == drawn.sum()
    drawn = (black_and_white != clean).any(axis=2)
    assert {float(value) for value in np.unique(black_and_white[drawn][:, :3])} == {0.0, WHITE / 80}
    # Between its ends, which are black and white, the beam inverts three columns.
    beam = np.s_[153:164, 215:218, :3]
    levels = rounded(encode(clean[beam].astype(np.float64) * 80 / WHITE))
    expected = decode(255 - levels).astype(np.float64) * WHITE / 80
    assert np.allclose(inverting[beam].astype(np.float64), expected, rtol=1e-3, atol=1e-6)


def test_the_colour_is_that_of_the_output() -> None:
    with sim(SDR) as capturer:
        assert repr(capturer.color) == (
            "Color(hdr=False, space='srgb', bits=8, sdr_white_nits=80.0, max_nits=80.0, min_nits=0.0)"
        )
    with sim(f"{HDR}; min 0.05") as capturer:
        color = capturer.color
        assert (color.hdr, color.space, color.bits) == (True, "scrgb", 10)
        assert (color.sdr_white_nits, color.max_nits, color.min_nits) == (240.0, 1000.0, 0.05)
    assert capturer.color == color, "readable after close()"
    copies: list[Callable[[rustcam.Color], rustcam.Color]] = [
        copy.copy,
        copy.deepcopy,
        lambda color: pickle.loads(pickle.dumps(color)),
    ]
    for make in copies:
        twin = make(color)
        assert (twin, hash(twin), repr(twin)) == (color, hash(color), repr(color))
    outputs = rustcam.list_outputs("sim", sim=HDR) + rustcam.list_outputs("sim", sim=SDR)
    assert [(output["hdr"], output["bits"]) for output in outputs] == [(True, 10), (False, 8)]


def test_a_change_of_white_is_followed() -> None:
    sdr = f"{SDR}; static; at 100ms mode 400x300"
    with sim(f"{HDR}; static; at 100ms white 300", cursor=False) as capturer, sim(sdr, cursor=False) as plain:
        must(plain.grab())
        expected = must(plain.grab(fmt="rgb"))
        must(capturer.grab(fmt="rgb", copy=False))
        after = must(capturer.grab(fmt="rgb", copy=False))
        assert capturer.color.sdr_white_nits == 300
        assert capturer.frame_info is not None
        assert capturer.frame_info.dirty == [(0, 0, 400, 300)]
        light = must(capturer.grab(fmt="rgba16f", new_frame_only=False))
        assert np.array_equal(after[30:], expected[30:]), "SDR content keeps its values"
        assert np.abs(after - shown(light, "map", 300)).max() <= 0.55
        assert capturer.stats.recoveries == 0


@pytest.mark.parametrize("fmt", ["bgra", "rgba16f"])
def test_switching_hdr_is_followed(fmt: Any) -> None:
    script = f"{SDR}; at 100ms color hdr; at 200ms color sdr"
    seen: list[tuple[bool, Any]] = []
    with sim(script, cursor=False) as capturer:
        while len(seen) < 18:
            image = must(capturer.grab(fmt=fmt))
            seen.append((capturer.color.hdr, image[13, 350]))
        assert capturer.stats.recoveries == 2
    assert [hdr for hdr, _ in seen] == sorted(hdr for hdr, _ in seen[:12]) + [False] * 6
    assert {True, False} == {hdr for hdr, _ in seen}
    if fmt == "rgba16f":
        assert all((pixel[0] > 12) == hdr for hdr, pixel in seen)


def test_a_level_of_white_that_is_not_reported_is_assumed_and_told() -> None:
    with sim(f"{SDR}; color hdr; white 0; max 0", cursor=False) as capturer, sim(SDR, cursor=False) as plain:
        image = must(capturer.grab(fmt="rgb"))
        assert np.array_equal(image[30:], must(plain.grab(fmt="rgb"))[30:])
        assert capturer.color.sdr_white_nits == 200
        assert "200 nits" in (capturer.stats.fallback or "")
    with sim(HDR) as capturer:
        must(capturer.grab())
        assert capturer.stats.fallback is None


@pytest.mark.parametrize("package", [dxcam, bettercam])
def test_programs_for_other_packages_get_right_colours(package: Any) -> None:
    with sim(SDR, cursor=False) as plain:
        expected = must(plain.grab(fmt="rgb"))
    camera = package.create(backend="sim", sim=HDR, output_color="RGB")
    try:
        image = camera.grab()
        assert np.array_equal(image[30:, :60], expected[30:, :60])
    finally:
        camera.release()


PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
GUIDE = "size 480x270; static; pointer still; clock virtual; color hdr; white 240; max 1000"


def guide_pictures() -> dict[str, npt.NDArray[np.uint8]]:
    """The pictures of docs/guides/hdr.md. To make them anew: `WRITE_PAGES=1 pytest tests/test_color.py -k guide`."""
    light = rustcam.screenshot(fmt="rgba16f", backend="sim", sim=GUIDE)
    return {
        "hdr-map.png": rustcam.screenshot(backend="sim", sim=GUIDE),
        "hdr-clip.png": rustcam.screenshot(backend="sim", sim=GUIDE, hdr="clip"),
        "hdr-80-nits.png": rounded(shown(light, "clip", 80)),
    }


def test_the_pictures_of_the_guide_are_those_of_today() -> None:
    for name, image in guide_pictures().items():
        if os.environ.get("WRITE_PAGES"):
            (PICTURES / name).write_bytes(_png.encode(image, "rgb", 9))
        assert np.array_equal(decode_png((PICTURES / name).read_bytes()), image), name
