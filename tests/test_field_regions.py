"""What public bug reports of other capture packages would break here: what a region is.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

import array
import asyncio
import collections
import re
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from conftest import must
from desktops import HEIGHT, STILL, STILL_FOR_REAL, WIDTH
from rustcam.compat import bettercam, dxcam

EDGES = (10, 20, 110, 100)
Named = collections.namedtuple("Named", "left top right bottom")

# Four integers, in everything that programs keep them in.
REGIONS: dict[str, Any] = {
    "tuple": EDGES,
    "list": list(EDGES),
    "namedtuple": Named(*EDGES),
    "deque": collections.deque(EDGES),
    "range": range(10, 50, 10),
    "array.array": array.array("i", EDGES),
    "tuple of numpy integers": tuple(np.array(EDGES)),
    "array of objects": np.array(EDGES, object),
    "slice of an array": np.arange(40).reshape(2, 20)[1, 3:11:2],
    **{f"array of {kind}": np.array(EDGES, kind) for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4")},
}

# What is no region: the value, the exception, words of the message.
NO_REGIONS: dict[str, tuple[Any, Any, str]] = {
    "bytes": (bytes(EDGES), TypeError, "region.*bytes"),
    "bytearray": (bytearray(EDGES), TypeError, "region.*bytearray"),
    "memoryview": (memoryview(bytes(EDGES)), TypeError, "region.*memoryview"),
    "text": ("10,20,110,100", TypeError, "region.*str"),
    "four letters": ("abcd", TypeError, "region.*str"),
    "dict": (dict.fromkeys(EDGES), TypeError, "region.*dict"),
    "dict of mss": ({"left": 10, "top": 20, "width": 100, "height": 80}, TypeError, "region.*dict"),
    "set": (set(EDGES), TypeError, "region.*set"),
    "frozenset": (frozenset(EDGES), TypeError, "region.*frozenset"),
    "number": (5, TypeError, "region.*int"),
    "numpy number": (np.int64(5), TypeError, "region.*int64"),
    "false": (False, TypeError, "region.*bool"),
    "zero": (0, TypeError, "region.*int"),
    "array without dimensions": (np.array(5), TypeError, "region.*ndarray"),
    "empty tuple": ((), ValueError, "exactly four"),
    "empty list": ([], ValueError, "exactly four"),
    "empty array": (np.array([], int), ValueError, "exactly four"),
    "three": ((10, 20, 110), ValueError, "exactly four"),
    "five": (np.arange(5), ValueError, "exactly four"),
    "two corners": (((10, 20), (110, 100)), ValueError, "exactly four"),
    "array of two corners": (np.array(EDGES).reshape(2, 2), ValueError, "exactly four"),
    "column": (np.array(EDGES).reshape(4, 1), ValueError, "integers"),
    "floats": ((10.0, 20.0, 110.0, 100.0), ValueError, "integers"),
    "array of floats": (np.array(EDGES, float), ValueError, "integers"),
    "zeros": (np.zeros(4, int), ValueError, "empty"),
}


def opened(region: Any = None) -> rustcam.Capturer:
    return rustcam.Capturer(region=region, backend="sim", sim=STILL)


def by_capturer(region: Any) -> Any:
    with opened(region) as screen:
        assert screen.region == (tuple(int(edge) for edge in region))
        return screen.grab()


def by_grab(region: Any) -> Any:
    with opened() as screen:
        return screen.grab(region=region)


def by_grab_into(region: Any) -> Any:
    with opened() as screen:
        return screen.grab(region=region, out=np.zeros((80, 100, 4), np.uint8))


def by_start(region: Any) -> Any:
    with rustcam.Capturer(backend="sim", sim=STILL_FOR_REAL) as screen:
        screen.start(region=region)
        return screen.get_latest_frame(5000)


def by_frames(region: Any) -> Any:
    with opened() as screen:
        return next(screen.frames(30, region=region))[0]


def by_stream(region: Any) -> Any:
    async def first() -> Any:
        with rustcam.Capturer(backend="sim", sim=STILL_FOR_REAL) as screen:
            async with screen.stream(region=region) as stream:
                return await stream.__anext__()

    return asyncio.run(first())


def by_screenshot(region: Any) -> Any:
    return rustcam.screenshot(region=region, backend="sim", sim=STILL)


def by_create(package: Any) -> Callable[[Any], Any]:
    def call(region: Any) -> Any:
        with package.create(region=region, backend="sim", sim=STILL) as camera:
            assert camera.region == tuple(int(edge) for edge in region)
            return camera.grab()

    return call


def by_camera_grab(package: Any, method: str = "grab") -> Callable[[Any], Any]:
    def call(region: Any) -> Any:
        with package.create(backend="sim", sim=STILL) as camera:
            return getattr(camera, method)(region=region)

    return call


def by_camera_start(package: Any) -> Callable[[Any], Any]:
    def call(region: Any) -> Any:
        with package.create(backend="sim", sim=STILL_FOR_REAL) as camera:
            camera.start(region=region)
            assert camera.region == tuple(int(edge) for edge in region)
            frame = camera.get_latest_frame()
            assert np.array_equal(camera.grab(region=region), frame)
            return frame

    return call


WAYS: dict[str, Callable[[Any], Any]] = {
    "Capturer": by_capturer,
    "grab": by_grab,
    "grab(out=)": by_grab_into,
    "start": by_start,
    "frames": by_frames,
    "stream": by_stream,
    "screenshot": by_screenshot,
    **{f"{package.__name__}.create": by_create(package) for package in (dxcam, bettercam)},
    **{f"{package.__name__}.grab": by_camera_grab(package) for package in (dxcam, bettercam)},
    "dxcam.grab_view": by_camera_grab(dxcam, "grab_view"),
    **{f"{package.__name__}.start": by_camera_start(package) for package in (dxcam, bettercam)},
}


@pytest.mark.parametrize("way", WAYS)
def test_four_integers_are_a_region_whatever_holds_them(way: str) -> None:
    for what, region in REGIONS.items():
        left, top, right, bottom = (int(edge) for edge in region)
        if way == "grab(out=)" and (right - left, bottom - top) != (100, 80):
            continue
        frame = WAYS[way](region)
        assert frame.shape[:2] == (bottom - top, right - left), what


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", NO_REGIONS)
def test_anything_else_is_no_region(way: str, what: str) -> None:
    region, error, words = NO_REGIONS[what]
    with pytest.raises(error, match=words):
        WAYS[way](region)


@pytest.mark.parametrize("package", [dxcam, bettercam])
def test_a_wrong_region_leaves_a_camera_as_it_was(package: Any) -> None:
    with package.create(region=EDGES, backend="sim", sim=STILL_FOR_REAL) as camera:
        for region, error, _ in NO_REGIONS.values():
            for call in (camera.grab, camera.grab_view, camera.start):
                with pytest.raises(error):
                    call(region)
        assert (camera.region, camera.is_capturing) == (EDGES, False)
        assert camera.grab().shape == (80, 100, 3)
        camera.start()
        assert camera.get_latest_frame().shape == (80, 100, 3)
        for region, error, _ in NO_REGIONS.values():
            with pytest.raises(error):
                camera.grab(region)


def test_a_camera_keeps_the_numbers_of_a_region_and_not_the_object() -> None:
    region = np.array(EDGES)
    with dxcam.create(backend="sim", sim=STILL_FOR_REAL) as camera:
        camera.start(region)
        camera.stop()
        region[:] = 0
        assert camera.region == EDGES
        assert [type(edge) for edge in camera.region] == [int] * 4
        assert must(camera.grab(new_frame_only=False)).shape == (80, 100, 3)


# Where an output lies, and a region in coordinates of the desktop.
TWO = f"{STILL}; outputs 2"
ON_SECOND = (WIDTH, 0, 2 * WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("output", "region", "words"),
    [
        (1, ON_SECOND, rf"lies at \({WIDTH}, 0\) on the desktop.*\(0, 0, {WIDTH}, {HEIGHT}\)"),
        (1, (WIDTH + 10, 20, WIDTH + 30, 60), rf"lies at \({WIDTH}, 0\).*\(10, 20, 30, 60\)"),
        (1, (WIDTH, 0, 2**40, HEIGHT), rf"lies at \({WIDTH}, 0\) on the desktop"),
        (1, (5000, 5000, 6000, 6000), rf"lies at \({WIDTH}, 0\) on the desktop"),
        (0, ON_SECOND, r"lies at \(0, 0\) on the desktop.*output="),
        (0, (-10, 0, 10, 10), r"lies at \(0, 0\) on the desktop"),
    ],
)
def test_a_region_in_coordinates_of_the_desktop_is_told_where_the_output_lies(
    output: int, region: Any, words: str
) -> None:
    def refused(call: Callable[..., object], **options: Any) -> None:
        with pytest.raises(ValueError, match=rf"relative to (the|its) output|{words}") as error:
            call(**options)
        assert re.search(words, str(error.value)), error.value
        assert "relative to" in str(error.value)

    refused(rustcam.Capturer, output=output, region=region, backend="sim", sim=TWO)
    refused(rustcam.screenshot, output=output, region=region, backend="sim", sim=TWO)
    refused(dxcam.create, output_idx=output, region=region, backend="sim", sim=TWO)
    with rustcam.Capturer(output, backend="sim", sim=TWO) as screen:
        refused(screen.grab, region=region)
        refused(screen.grab, region=region, out=np.zeros((HEIGHT, WIDTH, 4), np.uint8))
        refused(screen.start, region=region)
        refused(screen.frames, fps=30, region=region)
