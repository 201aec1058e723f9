"""Frames that are scaled, arranged, typed, stacked or made for encoders: in every call, against an oracle in numpy."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import frame_oracle
import rustcam
from conftest import Desktop, must, sim
from desktops import HEIGHT, STILL_FOR_REAL, WIDTH

Array = npt.NDArray[Any]

PARTS = [(0, 0, 200, 100), (100, 50, 331, 183), (WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT)]

# What frames are like -> the keywords of a capturer.
KINDS: dict[str, dict[str, Any]] = {
    "classifier": {"fmt": "rgb", "size": (224, 224), "layout": "chw", "dtype": "float32"},
    "detector": {"fmt": "rgb", "size": (640, 640), "layout": "chw", "dtype": "float16"},
    "agent": {"fmt": "gray", "size": (84, 84), "stack": 4},
    "stack of 1": {"fmt": "gray", "size": (84, 84), "stack": 1},
    "planes": {"fmt": "bgra", "layout": "chw"},
    "floats": {"fmt": "bgr", "dtype": np.float32},
    "halves of a region": {"fmt": "gray", "dtype": np.dtype("float16"), "region": (3, 5, 36, 18)},
    "shrunk and grown": {"fmt": "rgba", "size": (33, 500), "region": (17, 11, 318, 200)},
    "bilinear": {"fmt": "rgb", "size": (301, 97), "resample": "bilinear"},
    "nearest": {"fmt": "rgb", "size": (301, 397), "resample": "nearest", "layout": "chw"},
    "one pixel": {"fmt": "rgb", "size": (1, 1)},
    "nv12": {"fmt": "nv12"},
    "i420 of a region": {"fmt": "i420", "region": (101, 33, 303, 67)},
    "nv12 scaled": {"fmt": "nv12", "size": (320, 180)},
    "nv12 of odd pixels": {"fmt": "nv12", "size": (64, 48), "region": (0, 0, 101, 51)},
    "regions": {"fmt": "rgb", "size": (40, 30), "regions": PARTS, "layout": "chw", "dtype": "float32"},
    "stack of regions": {"fmt": "nv12", "size": (40, 30), "regions": PARTS, "stack": 3},
    "light": {"fmt": "rgba16f", "size": (70, 50), "layout": "chw", "dtype": "float32"},
}


def opened(desktop: Desktop, **keywords: Any) -> rustcam.Capturer:
    return desktop.open_waiting(cursor=False, **keywords)


def grab(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    with opened(desktop, **keywords) as capturer:
        array = must(capturer.grab())
        assert array.flags.writeable
        return array


def grab_view(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    with opened(desktop, **keywords) as capturer:
        array = must(capturer.grab(copy=False))
        assert not array.flags.writeable
        return array


def grab_into(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    with opened(desktop, **keywords) as capturer:
        out = np.empty(capturer.frame_shape, capturer.frame_dtype)
        assert capturer.grab(out=out) is out
        return out


def start(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    with opened(desktop, **keywords) as capturer:
        capturer.start()
        return capturer.get_latest_frame(5000)


def start_view(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    with opened(desktop, **keywords) as capturer:
        capturer.start(30, video_mode=True)
        array = capturer.get_latest_frame(5000, copy=False)
        assert not array.flags.writeable
        return array


def frames(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    with opened(desktop, **keywords) as capturer, capturer.frames(50) as images:
        # The second shows the first image again.
        return list(islice(images, 2))[1][0]


def frames_view(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    with opened(desktop, **keywords) as capturer, capturer.frames(50, copy=False) as images:
        return list(islice(images, 2))[1][0]


def stream(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    async def first(capturer: rustcam.Capturer) -> Array:
        async with capturer.stream() as images:
            async for image in images:
                return image
        raise AssertionError("the stream ended")

    with opened(desktop, **keywords) as capturer:
        return asyncio.run(first(capturer))


def screenshot(desktop: Desktop, keywords: dict[str, Any]) -> Array:
    script = {"sim": STILL_FOR_REAL} if desktop.backend == "sim" else {}
    return rustcam.screenshot(backend=desktop.backend, **script, **keywords)


CALLS = [grab, grab_view, grab_into, start, start_view, frames, frames_view, stream, screenshot]


def shown(desktop: Desktop) -> frame_oracle.Image:
    """The still desktop."""
    desktop.change()
    with opened(desktop) as capturer:
        return must(capturer.grab())


def assert_same(desktop: Desktop, actual: Array, expected: Array) -> None:
    """The processor is exact; a graphics device and sums of light are not."""
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    assert actual.flags.c_contiguous
    if expected.dtype == np.float32 and expected.max() > 0 and not np.array_equal(actual, expected):
        assert np.abs(actual - expected).max() <= (1e-6 if desktop.backend != "dxgi" else 1.01 / 255)
    elif desktop.backend == "dxgi":
        one = 1 if expected.dtype == np.uint8 else 1.01 / 255
        assert np.abs(actual.astype(float) - expected).max() <= one
    else:
        assert np.array_equal(actual, expected)


@pytest.mark.parametrize("call", CALLS, ids=[call.__name__ for call in CALLS])
@pytest.mark.parametrize("kind", KINDS)
def test_every_call_returns_what_was_chosen(
    desktop: Desktop, kind: str, call: Callable[[Desktop, dict[str, Any]], Array]
) -> None:
    expected = frame_oracle.frame(shown(desktop), **KINDS[kind])
    assert_same(desktop, call(desktop, KINDS[kind]), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_shape_and_type_are_known_before_the_first_frame(desktop: Desktop, kind: str) -> None:
    with opened(desktop, **KINDS[kind]) as capturer:
        shape, dtype = capturer.frame_shape, capturer.frame_dtype
        assert capturer.format == KINDS[kind]["fmt"]
        # These stay the output's.
        assert (capturer.width, capturer.height) == (WIDTH, HEIGHT)
        assert capturer.region == KINDS[kind].get("region", (0, 0, WIDTH, HEIGHT))
        array = must(capturer.grab())
    assert (array.shape, array.dtype) == (shape, dtype)
    assert isinstance(shape, tuple)
    assert isinstance(dtype, np.dtype)
    # Also after close().
    assert (capturer.frame_shape, capturer.frame_dtype) == (shape, dtype)


def test_without_keywords_frames_are_as_ever(desktop: Desktop) -> None:
    with opened(desktop) as capturer:
        assert (capturer.format, capturer.frame_shape, capturer.frame_dtype) == ("bgra", (HEIGHT, WIDTH, 4), np.uint8)


@pytest.mark.parametrize("copy", [True, False])
def test_a_call_may_have_its_own_format_and_region(desktop: Desktop, copy: bool) -> None:
    bgra = shown(desktop)
    part = (31, 17, 202, 98)
    with opened(desktop, fmt="rgb", size=(64, 48), layout="chw") as capturer:
        for fmt in (None, "gray", "BGRA"):
            for region in (None, part):
                array = must(capturer.grab(0, fmt, region, copy=copy, new_frame_only=False))
                expected = frame_oracle.frame(bgra, (fmt or "rgb").lower(), (64, 48), layout="chw", region=region)
                assert_same(desktop, array, expected)
        assert capturer.format == "rgb"


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("kind", ["classifier", "shrunk and grown", "nv12", "regions", "planes", "agent"])
def test_frames_follow_changes(desktop: Desktop, kind: str, copy: bool) -> None:
    keywords = {name: value for name, value in KINDS[kind].items() if name != "stack"}
    with desktop.open(cursor=False) as whole, desktop.open(cursor=False, **keywords) as capturer:
        for _ in range(6):
            desktop.change()
            expected = frame_oracle.frame(must(whole.grab()), **keywords)
            assert_same(desktop, must(capturer.grab(copy=copy)), expected)


@pytest.mark.x11
def test_a_small_change_changes_only_what_it_touches(painter: Any) -> None:
    """With `copy=False` the frame is updated in place; it is as if all of it had been made again."""
    painter.fill((0, 0, WIDTH, HEIGHT), 0x204060)
    kinds = ["classifier", "nv12", "i420 of a region", "regions", "shrunk and grown", "planes"]
    capturers = [rustcam.Capturer(cursor=False, backend="x11", **KINDS[kind]) for kind in kinds]
    for step in range(8):
        painter.fill((100 + 7 * step, 30 + 5 * step, 131 + 9 * step, 57 + 6 * step), 0x9911DD * (step + 1) % (1 << 24))
        bgra = rustcam.screenshot(fmt="bgra", backend="x11")
        for kind, capturer in zip(kinds, capturers):
            written = capturer.stats.bytes_copied
            array = must(capturer.grab(copy=False))
            assert np.array_equal(array, frame_oracle.frame(bgra, **KINDS[kind])), kind
            if step:
                assert 0 < capturer.stats.bytes_copied - written < array.nbytes / 2, kind
            del array
    for capturer in capturers:
        capturer.close()


@pytest.mark.x11
def test_an_unchanged_region_costs_nothing(painter: Any) -> None:
    painter.fill((0, 0, WIDTH, HEIGHT), 0x204060)
    with rustcam.Capturer(
        cursor=False, backend="x11", fmt="rgb", size=(32, 32), regions=[(0, 0, 100, 100), (300, 200, 400, 300)]
    ) as capturer:
        capturer.grab(copy=False)
        painter.fill((500, 10, 520, 30), 0xFFFFFF)
        written = capturer.stats.bytes_copied
        must(capturer.grab(copy=False))
        assert capturer.stats.bytes_copied == written


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A desktop, and the keywords of a capturer."""
    width, height = draw(st.integers(1, 97)), draw(st.integers(1, 61))

    def region() -> tuple[int, int, int, int]:
        left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        return (left, top, draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height)))

    fmt = draw(st.sampled_from(["bgra", "rgba", "bgr", "rgb", "gray", "nv12", "i420"]))
    even = 2 if fmt in frame_oracle.YUV else 1
    keywords: dict[str, Any] = {
        "fmt": fmt,
        "size": (even * draw(st.integers(1, 60)), even * draw(st.integers(1, 60))),
        "resample": draw(st.sampled_from(["area", "bilinear", "nearest"])),
        "stack": draw(st.sampled_from([None, 1, 3])),
    }
    if even == 1:
        keywords["layout"] = draw(st.sampled_from(["hwc", "chw"]))
        keywords["dtype"] = draw(st.sampled_from(["uint8", "float16", "float32"]))
    which = draw(st.sampled_from(["", "region", "regions"]))
    if which == "region":
        keywords["region"] = region()
    elif which == "regions":
        keywords["regions"] = [region() for _ in range(draw(st.integers(1, 4)))]
    rotation = draw(st.sampled_from([0, 90, 180, 270]))
    return {"desktop": f"size {width}x{height}; rotation {rotation}", "keywords": keywords}


@pytest.mark.sim
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=requests())
def test_any_request_equals_the_oracle(request: dict[str, Any]) -> None:
    script = f"{request['desktop']}; static; pointer still; clock virtual"
    with sim(script) as whole, sim(script, **request["keywords"]) as capturer:
        expected = frame_oracle.frame(must(whole.grab()), **request["keywords"])
        assert (capturer.frame_shape, capturer.frame_dtype) == (expected.shape, expected.dtype)
        for options in ({}, {"copy": False}, {"out": np.empty(expected.shape, expected.dtype)}):
            array = must(capturer.grab(0, new_frame_only=False, **options))
            assert array.dtype == expected.dtype
            assert np.array_equal(array, expected), options


@pytest.mark.sim
def test_half_floats_of_an_hdr_desktop_are_means_of_light() -> None:
    script = "size 640x400; static; pointer still; clock virtual; color hdr; white 240; max 1000"
    with sim(script) as whole, sim(script, fmt="rgba16f", size=(123, 45), dtype="float32") as capturer:
        light = must(whole.grab(fmt="rgba16f")).astype(np.float64)
        sums, total = frame_oracle.scaled_sums(light, (123, 45), "area")
        assert light.max() > 10
        assert np.allclose(must(capturer.grab()), sums / total, rtol=1e-6, atol=1e-6)


@pytest.mark.sim
def test_floats_are_levels_by_255() -> None:
    with sim("size 64x64; static; clock virtual", fmt="bgra", dtype="float32") as capturer:
        array = must(capturer.grab())
        levels = must(capturer.grab(fmt="bgra", new_frame_only=False))
        assert array.max() == 1.0
        assert np.array_equal(levels, array)
        assert (array[..., 3] == 1.0).all()


@pytest.mark.sim
def test_the_pointer_is_part_of_a_scaled_frame() -> None:
    script = "size 320x200; static; pointer still; clock virtual"
    with sim(script) as whole, sim(script, fmt="rgb", size=(80, 50)) as capturer:
        expected = frame_oracle.frame(must(whole.grab()), "rgb", (80, 50))
        array = must(capturer.grab())
        assert np.array_equal(array, expected)
    with sim(script, cursor=False, fmt="rgb", size=(80, 50)) as capturer:
        assert not np.array_equal(must(capturer.grab()), expected)


@pytest.mark.sim
@pytest.mark.parametrize("resample", ["area", "bilinear", "nearest"])
def test_solid_colours_stay_what_they_are(resample: str) -> None:
    script = "size 200x120; static; pointer still; clock virtual; at 10ms present dirty 40,40,41,41"
    for size in [(7, 3), (13, 240), (400, 11), (199, 119)]:
        one = {"cursor": False, "fmt": "rgb", "region": (40, 40, 41, 41)}
        with sim(script, **one, size=size, resample=resample) as scaled, sim(script, **one) as plain:
            assert (must(scaled.grab()) == must(plain.grab())).all()


@pytest.mark.sim
def test_names_are_case_insensitive() -> None:
    with sim("size 64x64; static", fmt="Gray", size=(8, 8), resample="AREA", layout="CHW", dtype="Float32") as capturer:
        assert (capturer.format, capturer.frame_shape, capturer.frame_dtype) == ("gray", (1, 8, 8), np.float32)
    with sim("size 64x64; static", fmt="NV12") as capturer:
        assert capturer.format == "nv12"


@pytest.mark.sim
@pytest.mark.parametrize("size", [[8, 6], np.array([8, 6]), (np.int64(8), np.uint8(6))])
def test_size_may_be_any_sequence_of_integers(size: Any) -> None:
    with sim("size 64x64; static", size=size) as capturer:
        assert must(capturer.grab()).shape == (6, 8, 4)


@pytest.mark.sim
def test_the_limits_are_allowed() -> None:
    with sim("size 64x64; static", fmt="gray", size=(65535, 1)) as capturer:
        assert must(capturer.grab()).shape == (1, 65535, 1)
    with sim("size 64x64; static", fmt="gray", size=(1, 1), stack=1024) as capturer:
        assert must(capturer.grab()).shape == (1024, 1, 1, 1)
    with sim("size 64x64; static", fmt="gray", size=(1, 1), regions=[(0, 0, 1, 1)] * 1024) as capturer:
        assert must(capturer.grab()).shape == (1024, 1, 1, 1)


@pytest.mark.sim
def test_dirty_rectangles_stay_in_pixels_of_the_output() -> None:
    script = "size 640x360; static; pointer still; clock virtual; at 100ms present dirty 300,200,310,210"
    with sim(script, cursor=False, fmt="rgb", size=(32, 18)) as capturer:
        must(capturer.grab())
        must(capturer.grab())
        info = capturer.frame_info
        assert info is not None
        assert info.dirty == [(300, 200, 310, 210)]


MODES = "size 640x360; refresh 60; static; at 1s mode 801x601@60; at 2s mode 320x200@60; clock virtual"


@pytest.mark.sim
@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize(
    "keywords",
    [
        {"fmt": "rgb", "size": (64, 36), "layout": "chw", "dtype": "float32"},
        {"fmt": "nv12", "size": (64, 36)},
        {"fmt": "gray", "size": (64, 36), "stack": 3},
        {"fmt": "gray", "size": (64, 36), "regions": [(0, 0, 100, 100), (200, 100, 640, 360)]},
    ],
    ids=["chw", "nv12", "stack", "regions"],
)
def test_a_mode_change_keeps_the_shape(keywords: dict[str, Any], copy: bool) -> None:
    one = {name: value for name, value in keywords.items() if name not in ("stack", "regions")}
    with sim(MODES, cursor=False) as whole, sim(MODES, cursor=False, **keywords) as capturer:
        shape, modes, latest = capturer.frame_shape, [], None
        for _ in range(3):
            array = must(capturer.grab(2000, copy=copy))
            bgra = must(whole.grab(2000))
            modes.append((capturer.width, capturer.height))
            assert array.shape == shape == capturer.frame_shape
            parts = keywords.get("regions", [(0, 0, *modes[-1])])
            clamped = [
                (left, top, min(right, modes[-1][0]), min(bottom, modes[-1][1])) for left, top, right, bottom in parts
            ]
            newest = [frame_oracle.frame(bgra, region=part, **one) for part in clamped]
            expected = np.stack(newest) if "regions" in keywords else newest[0]
            if "stack" in keywords:
                latest = np.concatenate([latest[1:], [expected]]) if latest is not None else np.stack([expected] * 3)
                expected = latest
            assert np.array_equal(array, expected)
        assert modes == [(640, 360), (801, 601), (320, 200)]
        assert capturer.stats.region_clamped == ("regions" in keywords)


@pytest.mark.sim
def test_a_mode_change_that_leaves_nothing_of_a_region_is_an_error() -> None:
    keywords: dict[str, Any] = {"fmt": "gray", "size": (8, 8), "regions": [(0, 0, 10, 10), (500, 300, 640, 360)]}
    script = "size 640x360; refresh 60; static; at 1s mode 320x200@60; clock virtual"
    with sim(script, cursor=False, **keywords) as capturer:
        must(capturer.grab())
        with pytest.raises(rustcam.CaptureError, match="500, 300, 640, 360"):
            capturer.grab(2000)


@pytest.mark.sim
def test_without_size_the_shape_follows_the_mode() -> None:
    with sim(MODES, cursor=False, fmt="gray", layout="chw", stack=2) as capturer:
        for width, height in [(640, 360), (801, 601), (320, 200)]:
            array = must(capturer.grab(2000))
            assert array.shape == capturer.frame_shape == (2, 1, height, width)
            # A stack holds images of one shape, so it begins anew.
            assert np.array_equal(array[0], array[1])


@pytest.mark.sim
def test_an_odd_mode_has_no_chroma() -> None:
    with sim(MODES, cursor=False, fmt="nv12") as capturer:
        assert must(capturer.grab()).shape == (540, 640)
        with pytest.raises(rustcam.CaptureError, match=r"even width and height.*801x601"):
            capturer.grab(2000)
        with pytest.raises(ValueError, match=r"even width and height.*801x601"):
            capturer.grab(0)


@pytest.mark.sim
@pytest.mark.parametrize("region", [None, (0, 0, 640, 360), (2, 2, 640, 360)])
@pytest.mark.parametrize("copy", [True, False])
def test_what_goes_on_follows_an_odd_mode_without_its_last_row_and_column(copy: bool, region: Any) -> None:
    """A recording does not end because a window or a virtual machine's desktop becomes one pixel wider."""
    script = "size 640x360; refresh 60; static; at 1s mode 321x201@60; at 2s mode 640x360@60; clock virtual"
    shapes = []
    with sim(script, cursor=False) as whole, sim(script, cursor=False, fmt="nv12") as capturer:
        images = zip(whole.frames(10, region=region), capturer.frames(10, region=region, copy=copy))
        for (bgra, _), (array, _) in islice(images, 30):
            height, width = bgra.shape[0] & ~1, bgra.shape[1] & ~1
            assert np.array_equal(array, frame_oracle.chroma_format(bgra[:height, :width], "nv12"))
            shapes.append((width, height))
            assert capturer.stats.region_clamped == (shapes[-1] != shapes[0])
    left, top = (region or (0, 0))[:2]
    assert list(dict.fromkeys(shapes)) == [(640 - left, 360 - top), (320 - left, 200 - top)]


@pytest.mark.sim
def test_nothing_is_left_of_one_row_for_chroma() -> None:
    script = "size 640x360; refresh 60; static; at 1s mode 321x201@60; clock virtual"
    with sim(script, cursor=False, fmt="nv12", region=(0, 200, 320, 202)) as capturer:
        images = islice(capturer.frames(10), 20)
        with pytest.raises(rustcam.CaptureError, match="0, 200, 320, 202"):
            list(images)


@pytest.mark.sim
@pytest.mark.linux
@pytest.mark.parametrize("kind", ["classifier", "agent", "nv12", "regions"])
@pytest.mark.parametrize("how", ["copy", "view", "out", "frames"])
def test_memory_stays_flat(kind: str, how: str) -> None:
    from system import resident

    with sim("size 640x360; refresh 60; full; clock virtual", cursor=False, **KINDS[kind]) as capturer:
        out = np.empty(capturer.frame_shape, capturer.frame_dtype)
        options = {"copy": {}, "view": {"copy": False}, "out": {"out": out}, "frames": {}}[how]
        images = capturer.frames(60) if how == "frames" else None

        def once() -> None:
            if images is None:
                must(capturer.grab(**options))
            else:
                next(images)

        for _ in range(50):
            once()
        before = resident()
        for _ in range(300):
            once()
        assert resident() - before < 4 * max(out.nbytes, 1 << 19)
