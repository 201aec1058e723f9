"""Wrong values for every argument of every public call: the right exception, with a message that names the problem."""

from __future__ import annotations

import itertools
import re
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import rustcam
from desktops import HEIGHT, STILL, STILL_FOR_REAL, WIDTH

HUGE = [2**31, 2**32, 2**32 + 100, 2**63, 2**64, 2**100]
NAN, INF = float("nan"), float("inf")
V, T, VT = ValueError, TypeError, (ValueError, TypeError)

# What is wrong with a region -> the region, the exception, words of the message.
REGIONS: dict[str, tuple[Any, Any, str]] = {
    "empty width": ((10, 10, 10, 20), V, "10, 10, 10, 20"),
    "empty height": ((10, 10, 20, 10), V, "10, 10, 20, 10"),
    "empty": ((0, 0, 0, 0), V, "0"),
    "reversed x": ((20, 10, 10, 20), V, "20"),
    "reversed y": ((10, 20, 20, 10), V, "20"),
    "negative left": ((-1, 0, 10, 10), V, "-1"),
    "negative top": ((0, -1, 10, 10), V, "-1"),
    "all negative": ((-20, -20, -10, -10), V, "-20"),
    "too wide": ((0, 0, WIDTH + 1, 10), V, f"{WIDTH}"),
    "too high": ((0, 0, 10, HEIGHT + 1), V, f"{HEIGHT}"),
    "outside": ((5000, 5000, 5010, 5010), V, f"{WIDTH}"),
    "fractions": ((0.5, 0, 10, 10), V, "integer"),
    "whole floats": ((0.0, 0.0, 10.0, 10.0), V, "integer"),
    "NaN": ((NAN, 0, 10, 10), V, "integer"),
    "infinity": ((0, 0, INF, 10), V, "integer"),
    "three edges": ((0, 0, 10), V, "four"),
    "five edges": ((0, 0, 10, 10, 10), V, "four"),
    "no edges": ((), V, "four"),
    "texts": (("0", "0", "10", "10"), V, "integer"),
    "a text": ("0,0,10,10", T, ""),
    "bytes": (bytes((0, 0, 10, 10)), T, ""),
    "a number": (5, T, ""),
    "None inside": ((0, 0, None, 10), V, "integer"),
    **{f"right {n}": ((0, 0, n, 10), V, str(n)) for n in HUGE},
    **{f"bottom {n}": ((0, 0, 10, n), V, str(n)) for n in HUGE},
    "left truncating to 0": ((2**32, 0, 10, 10), V, str(2**32)),
    "left below all": ((-(2**63) - 1, 0, 10, 10), V, ""),
}

INDICES: dict[str, tuple[Any, Any, str]] = {
    "negative": (-1, V, "-1"),
    "very negative": (-(2**63) - 1, V, ""),
    "out of range": (1, V, "output 0"),
    "float": (1.5, T, ""),
    "NaN": (NAN, T, ""),
    "text": ("0", T, ""),
    "None": (None, T, ""),
    **{str(n): (n, V, "output 0") for n in HUGE},
}

# Those of `output`, which may also be a name or an id.
OUTPUTS: dict[str, tuple[Any, Any, str]] = {
    **{what: row for what, row in INDICES.items() if what != "text"},
    "unknown name": ("DP-9", V, r'"DP-9".*device 0 output 0 \(SIM-1'),
    "digits": ("0", V, r'"0".*SIM-1'),
    "empty name": ("", V, r'"".*SIM-1'),
    "part of a name": ("SIM", V, "SIM-1"),
    "name with spaces": (" SIM-1", V, "SIM-1"),
    "name with a zero byte": ("SIM-1\0", V, "SIM-1"),
    "lone surrogate": ("\ud800", V, "output"),
    "not ASCII": ("\u017fim-1", V, "SIM-1"),
    "bytes": (b"SIM-1", T, "bytes"),
    "list": (["SIM-1"], T, "list"),
    "dict of list_outputs": ({"output_idx": 0}, T, "dict"),
}

WINDOWS: dict[str, tuple[Any, Any, str]] = {
    "unknown title": ("editor", V, 'no window has title "editor"; there is none'),
    "unknown handle": (7, V, "no window has handle 7; there is none"),
    "unknown pattern": (re.compile("^x$"), V, r'no window has title matching "\^x\$"'),
    "unknown dict": ({"handle": 7, "pid": 8}, V, "handle 7 of process 8"),
    "empty title": ("", V, "empty title"),
    "lone surrogate": ("\ud800", V, "window"),
    "true": (True, T, "window must be a handle, a title"),
    "false": (False, T, "window must be a handle, a title"),
    "zero": (0, V, "got 0"),
    "negative": (-1, V, "got -1"),
    "very negative": (-(2**63) - 1, V, "window"),
    **{f"handle {n}": (n, V, str(n)) for n in HUGE},
    "float": (7.0, T, "window must be a handle, a title"),
    "NaN": (NAN, T, "window must be a handle, a title"),
    "bytes": (b"editor", T, "window must be a handle, a title"),
    "pattern of bytes": (re.compile(b"x"), T, "window must be a regular expression of text"),
    "list": ([7], T, "window must be a handle, a title"),
    "tuple": ((7,), T, "window must be a handle, a title"),
    "function": (len, T, "window must be a handle, a title"),
    "class": (re.Pattern, T, "window must be"),
    "dict without a handle": ({"title": "x"}, V, 'window has no "handle"'),
    "empty dict": ({}, V, 'window has no "handle"'),
    "dict with a handle of text": ({"handle": "7"}, T, "handle of window must be an integer"),
    "dict with a handle of true": ({"handle": True}, T, "handle of window must be an integer"),
    "dict with a handle of None": ({"handle": None}, T, "handle of window must be an integer"),
    "dict with handle 0": ({"handle": 0}, V, "got 0"),
    "dict with a huge handle": ({"handle": 2**64}, V, str(2**64)),
    "dict with a pid of text": ({"handle": 7, "pid": "8"}, T, "pid of window must be an integer"),
    "dict with a pid of true": ({"handle": 7, "pid": True}, T, "pid of window must be an integer"),
    "dict with a negative pid": ({"handle": 7, "pid": -1}, V, "pid of window.*-1"),
    "dict with a huge pid": ({"handle": 7, "pid": 2**32}, V, str(2**32)),
}

AREAS: dict[str, tuple[Any, Any, str]] = {
    "unknown": ("frame", V, '"client" or "whole"'),
    "empty": ("", V, '"client" or "whole"'),
    "without a window": ("whole", V, "window_area goes with window="),
    "number": (1, T, "window_area must be a string"),
    "None": (None, T, "window_area must be a string"),
    "bytes": (b"whole", T, "window_area must be a string"),
}

NAMES: dict[str, tuple[Any, Any, str]] = {
    "unknown": ("gdi", V, "x11|sim"),
    "empty": ("", V, "sim"),
    "not here": ("x11" if sys.platform == "win32" else "dxgi", V, "sim"),
    "spaces": (" sim", V, "sim"),
    "not ASCII": ("\u017fim", V, "sim"),
    "number": (1, T, ""),
    "None": (None, T, ""),
    "bytes": (b"sim", T, ""),
}

SCRIPTS: dict[str, tuple[Any, Any, str]] = {
    "unknown word": ("sighs 640x360", V, "line 1.*sighs.*size"),
    "second line": ("static\nsize big", V, "line 2"),
    "no size": ("size", V, "size"),
    "zero size": ("size 0x0", V, "0x0"),
    "huge size": ("size 4294967396x1", V, "4294967396"),
    "huge area": ("size 16384x16384", V, "16384"),
    "zero rate": ("refresh 0", V, "refresh"),
    "NaN rate": ("refresh nan", V, "nan"),
    "odd rotation": ("rotation 45", V, "90"),
    "number": (5, T, ""),
    "bytes": (b"static", T, ""),
}

FORMATS: dict[str, tuple[Any, Any, str]] = {
    what: (value, V, "bgra, rgba, bgr, rgb, gray, rgba16f, nv12, i420")
    for what, value in {
        "unknown": "yuv",
        "empty": "",
        "longer": "bgraa",
        "zero byte": "bgra\0",
        "not ASCII": "\u0261ray",
    }.items()
}
FORMATS.update({"number": (3, T, ""), "None": (None, T, ""), "bytes": (b"rgb", T, "")})

# Those of a call, where `None` is the capturer's own.
CALL_FORMATS = {what: row for what, row in FORMATS.items() if what != "None"}

SIDES = "each side of size must be 1 to 65535"
SIZES: dict[str, tuple[Any, Any, str]] = {
    "no width": ((0, 10), V, rf"{SIDES}.*\(0, 10\)"),
    "no height": ((10, 0), V, rf"{SIDES}.*\(10, 0\)"),
    "negative": ((-1, 10), V, rf"{SIDES}.*-1"),
    "too wide": ((65_536, 10), V, rf"{SIDES}.*65536"),
    "far too high": ((10, 100_000), V, rf"{SIDES}.*100000"),
    **{str(n): ((10, n), V, rf"{SIDES}.*{n}") for n in HUGE},
    "fractions": ((10.5, 10), T, "size must hold integers.*10.5"),
    "whole floats": ((10.0, 10), T, "size must hold integers.*10.0"),
    "NaN": ((NAN, 10), T, "size must hold integers"),
    "texts": (("10", "10"), T, "size must hold integers"),
    "None inside": ((None, 10), T, "size must hold integers"),
    "true": ((True, 10), T, "size must hold integers"),
    "one side": ((10,), V, r"size must be \(width, height\)"),
    "three sides": ((10, 10, 3), V, r"size must be \(width, height\)"),
    "no sides": ((), V, r"size must be \(width, height\)"),
    "an endless sequence": (itertools.count(1), V, r"size must be \(width, height\)"),
    "a text": ("10", T, r"size must be \(width, height\)"),
    "bytes of three": (b"abc", V, r"size must be \(width, height\)"),
    "a number": (224, T, r"size must be \(width, height\)"),
    "a matrix": (np.ones((2, 2), np.int64), T, "size must hold integers"),
}

RESAMPLES: dict[str, tuple[Any, Any, str]] = {
    "unknown": ("cubic", V, 'resample "cubic".*area, bilinear, nearest'),
    "empty": ("", V, "resample.*area, bilinear, nearest"),
    "number": (1, T, "resample must be"),
    "None": (None, T, "resample must be"),
    "bytes": (b"area", T, "resample must be"),
}

LAYOUTS: dict[str, tuple[Any, Any, str]] = {
    "unknown": ("nchw", V, 'layout "nchw".*hwc, chw'),
    "empty": ("", V, "layout.*hwc, chw"),
    "number": (1, T, "layout must be"),
    "None": (None, T, "layout must be"),
    "bytes": (b"chw", T, "layout must be"),
}

DTYPES: dict[str, tuple[Any, Any, str]] = {
    "unknown": ("float8", V, 'dtype "float8".*uint8, float16, float32'),
    "empty": ("", V, "dtype.*uint8, float16, float32"),
    "double": (np.float64, V, 'dtype "float64".*uint8, float16, float32'),
    "signed": ("int8", V, 'dtype "int8".*uint8, float16, float32'),
    "words": (np.dtype("uint16"), V, "dtype.*uint8, float16, float32"),
    "float": (float, V, 'dtype "float64".*uint8, float16, float32'),
    "structure": (np.dtype([("a", "u1")]), V, "dtype.*uint8, float16, float32"),
    "number": (32, T, "dtype must be"),
    "None": (None, T, "dtype must be"),
    "other object": (object(), T, "dtype must be"),
}

STACKS: dict[str, tuple[Any, Any, str]] = {
    "none": (0, V, "stack must be 1 to 1024.*0"),
    "negative": (-1, V, "stack must be 1 to 1024.*-1"),
    "too many": (1025, V, "stack must be 1 to 1024.*1025"),
    "a million": (1_000_000, V, "stack must be 1 to 1024.*1000000"),
    **{str(n): (n, V, rf"stack must be 1 to 1024.*{n}") for n in HUGE},
    "float": (4.0, T, "stack must be an integer"),
    "NaN": (NAN, T, "stack must be an integer"),
    "text": ("4", T, "stack must be an integer"),
    "true": (True, T, "stack must be an integer"),
    "list": ([4], T, "stack must be an integer"),
}

# With a size.
REGION_LISTS: dict[str, tuple[Any, Any, str]] = {
    "no regions": ([], V, "regions must hold 1 to 1024"),
    "too many": ([(0, 0, 1, 1)] * 1025, V, "regions must hold 1 to 1024"),
    "endless": (itertools.repeat((0, 0, 1, 1)), V, "regions must hold 1 to 1024"),
    "None inside": ([(0, 0, 1, 1), None], T, r"regions\[1\] must be .*None"),
    "one region": ((0, 0, 10, 10), T, r"regions\[0\] must be .*0"),
    "a text": ("0,0,1,1", T, "regions must be"),
    "a number": (5, T, "regions must be"),
    **{f"one of them: {what}": ([(0, 0, 1, 1), row[0]], *row[1:]) for what, row in REGIONS.items()},
}

MAPPINGS: dict[str, tuple[Any, Any, str]] = {
    "unknown": ("x", V, '"map" or "clip"'),
    "empty": ("", V, '"map" or "clip"'),
    "number": (1, T, "hdr must be a string"),
    "true": (True, T, "hdr must be a string"),
    "None": (None, T, "hdr must be a string"),
    "bytes": (b"map", T, "hdr must be a string"),
}

TIMEOUTS: dict[str, tuple[Any, Any, str]] = {
    "negative": (-1, V, "timeout_ms"),
    "very negative": (-(2**100), V, "timeout_ms"),
    **{str(n): (n, V, "timeout_ms") for n in HUGE[1:]},
    "float": (10.0, T, ""),
    "NaN": (NAN, T, ""),
    "infinity": (INF, T, ""),
    "text": ("10", T, ""),
    "None": (None, T, ""),
}

# Those of `get_latest_frame`, where `None` waits without limit.
LIMITS = {what: row for what, row in TIMEOUTS.items() if what != "None"}

PATIENCES: dict[str, tuple[Any, Any, str]] = {
    "negative": (-1, V, "-1"),
    "negative float": (-0.001, V, "-0.001"),
    "NaN": (NAN, V, "nan"),
    "minus infinity": (-INF, V, "inf"),
    "text": ("30", T, "str"),
    "true": (True, T, "bool"),
    "list": ([30], T, "list"),
    "complex": (30j, T, "complex"),
}

CAPS: dict[str, tuple[Any, Any, str]] = {
    "negative": (-1, V, "positive.*-1"),
    "negative float": (-0.5, V, "positive"),
    "negative fraction": (Fraction(-1, 3), V, "positive"),
    "very negative": (-(2**100), V, "positive"),
    "NaN": (NAN, V, "nan"),
    "infinity": (INF, V, "inf"),
    "minus infinity": (-INF, V, "inf"),
    "too fast": (10_001, V, "10000"),
    "far too fast": (1e300, V, "1e\\+300"),
    "too slow": (Fraction(1, 3601), V, "1/3600.*3601"),
    "too many digits": (0.0003, V, r"0\.0003.*Fraction\(3, 10000\)"),
    "far too slow": (1e-300, V, "1e-300"),
    **{str(n): (n, V, str(n)) for n in HUGE},
    "decimal NaN": (Decimal("nan"), V, "NaN"),
    "decimal infinity": (Decimal("inf"), V, "Infinity"),
    "text": ("60", T, "Fraction"),
    "bytes": (b"60", T, ""),
    "list": ([60], T, ""),
    "complex": (60j, T, "complex"),
    "array": (np.array([60.0]), T, ""),
}

RATES: dict[str, tuple[Any, Any, str]] = {
    **CAPS,
    "zero": (0, V, "greater than 0"),
    "zero float": (0.0, V, "greater than 0"),
    "minus zero": (-0.0, V, "greater than 0"),
    "zero fraction": (Fraction(0), V, "greater than 0"),
    "false": (False, V, "greater than 0"),
    "None": (None, VT, "greater than 0"),
}


def read_only() -> Any:
    out = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    out.flags.writeable = False
    return out


def overlapping() -> Any:
    return np.lib.stride_tricks.as_strided(np.zeros((WIDTH, 4), np.uint8), (HEIGHT, WIDTH, 4), (0, 4, 1))


OUTS: dict[str, tuple[Any, Any, str]] = {
    "float pixels": (np.zeros((HEIGHT, WIDTH, 4), np.float32), V, "uint8"),
    "signed pixels": (np.zeros((HEIGHT, WIDTH, 4), np.int8), V, "uint8"),
    "booleans": (np.zeros((HEIGHT, WIDTH, 4), np.bool_), V, "uint8"),
    "objects": (np.zeros((HEIGHT, WIDTH, 4), object), V, "uint8"),
    "too few channels": (np.zeros((HEIGHT, WIDTH, 3), np.uint8), V, "shape"),
    "too low": (np.zeros((HEIGHT - 1, WIDTH, 4), np.uint8), V, "shape"),
    "too high": (np.zeros((HEIGHT + 1, WIDTH, 4), np.uint8), V, "shape"),
    "too wide": (np.zeros((HEIGHT, WIDTH + 1, 4), np.uint8), V, "shape"),
    "rotated": (np.zeros((WIDTH, HEIGHT, 4), np.uint8), V, "shape"),
    "two dimensions": (np.zeros((HEIGHT, WIDTH * 4), np.uint8), V, "shape"),
    "four dimensions": (np.zeros((1, HEIGHT, WIDTH, 4), np.uint8), V, "shape"),
    "no dimensions": (np.array(0, np.uint8), V, "shape"),
    "empty": (np.zeros((0, WIDTH, 4), np.uint8), V, "shape"),
    "read-only": (read_only(), V, "read-only|writ"),
    "Fortran order": (np.zeros((HEIGHT, WIDTH, 4), np.uint8, order="F"), V, "contiguous|layout|stride"),
    "apart pixels": (np.zeros((HEIGHT, 2 * WIDTH, 4), np.uint8)[:, ::2], V, "contiguous|layout|stride"),
    "mirrored": (np.zeros((HEIGHT, WIDTH, 4), np.uint8)[:, ::-1], V, "contiguous|layout|stride"),
    "swapped channels": (np.zeros((HEIGHT, WIDTH, 4), np.uint8)[:, :, ::-1], V, "contiguous|layout|stride"),
    "overlapping rows": (overlapping(), V, "overlap|contiguous|layout|stride"),
    "a list": ([[0]], VT, ""),
    "bytes": (bytearray(HEIGHT * WIDTH * 4), VT, ""),
    "a number": (1, VT, ""),
}

SYNCS: dict[str, tuple[Any, Any, str]] = {
    "unknown": ("fence", V, 'fence.*"none".*"keyed"'),
    "empty": ("", V, '"none".*"keyed"'),
    "number": (1, T, ""),
    "None": (None, T, ""),
    "bytes": (b"none", T, ""),
}

TEXTURE_FORMATS: dict[str, tuple[Any, Any, str]] = {
    **{fmt: (fmt, V, f'{fmt}.*"bgra" or "rgba16f"') for fmt in ("rgba", "bgr", "rgb", "gray", "rgb10a2", "yuv")},
    "empty": ("", V, '"bgra" or "rgba16f"'),
    "zero byte": ("bgra\0", V, '"bgra" or "rgba16f"'),
    "number": (3, T, ""),
    "None": (None, T, ""),
    "bytes": (b"bgra", T, ""),
}

FLAGS: dict[str, tuple[Any, Any, str]] = {
    "text": ("yes", T, ""),
    "number": (1, T, ""),
    "None": (None, T, ""),
}


def rows(*tables: tuple[str, str, dict[str, tuple[Any, Any, str]]]) -> list[Any]:
    """One test per row: the call, its argument, the wrong value, the exception, words of the message."""
    return [
        pytest.param(call, argument, *row, id=f"{call}-{argument}-{what}")
        for call, argument, table in tables
        for what, row in table.items()
    ]


TABLE = rows(
    ("Capturer", "output", OUTPUTS),
    ("Capturer", "device", INDICES),
    ("Capturer", "region", REGIONS),
    ("Capturer", "cursor", FLAGS),
    ("Capturer", "any_thread", FLAGS),
    ("Capturer", "open_timeout_ms", TIMEOUTS),
    ("Capturer", "backend", NAMES),
    ("Capturer", "hdr", MAPPINGS),
    ("Capturer", "sim", SCRIPTS),
    ("Capturer", "fmt", FORMATS),
    ("Capturer", "size", SIZES),
    ("Capturer", "resample", RESAMPLES),
    ("Capturer", "layout", LAYOUTS),
    ("Capturer", "dtype", DTYPES),
    ("Capturer", "stack", STACKS),
    ("Capturer", "regions", REGION_LISTS),
    ("grab", "timeout_ms", TIMEOUTS),
    ("grab", "fmt", CALL_FORMATS),
    ("grab", "region", REGIONS),
    ("grab", "out", OUTS),
    ("grab", "copy", FLAGS),
    ("grab", "new_frame_only", FLAGS),
    ("grab_gpu", "timeout_ms", TIMEOUTS),
    ("grab_gpu", "sync", SYNCS),
    ("grab_gpu", "fmt", TEXTURE_FORMATS),
    ("grab_gpu", "size", SIZES),
    ("grab_gpu", "resample", {what: row for what, row in RESAMPLES.items() if row[0] is not None}),
    ("start", "target_fps", CAPS),
    ("start", "region", REGIONS),
    ("start", "video_mode", FLAGS),
    ("start", "fmt", CALL_FORMATS),
    ("start", "patience_s", PATIENCES),
    ("get_latest_frame", "timeout_ms", LIMITS),
    ("get_latest_frame", "copy", FLAGS),
    ("frames", "fps", RATES),
    ("frames", "fmt", CALL_FORMATS),
    ("frames", "region", REGIONS),
    ("frames", "timeout_ms", TIMEOUTS),
    ("frames", "copy", FLAGS),
    ("frames", "patience_s", PATIENCES),
    ("stream", "video_mode", FLAGS),
    ("stream", "copy", FLAGS),
    ("stream", "patience_s", PATIENCES),
    ("Capturer", "window", WINDOWS),
    ("Capturer", "window_area", AREAS),
    ("screenshot", "window", WINDOWS),
    ("screenshot", "window_area", AREAS),
    ("list_windows", "backend", NAMES),
    ("list_windows", "sim", SCRIPTS),
    ("screenshot", "output", OUTPUTS),
    ("screenshot", "device", INDICES),
    ("screenshot", "region", REGIONS),
    ("screenshot", "fmt", FORMATS),
    ("screenshot", "cursor", FLAGS),
    ("screenshot", "backend", NAMES),
    ("screenshot", "hdr", MAPPINGS),
    ("screenshot", "sim", SCRIPTS),
    ("screenshot", "size", SIZES),
    ("screenshot", "resample", RESAMPLES),
    ("screenshot", "layout", LAYOUTS),
    ("screenshot", "dtype", DTYPES),
    ("screenshot", "stack", STACKS),
    ("screenshot", "regions", REGION_LISTS),
    ("list_outputs", "backend", NAMES),
    ("list_outputs", "sim", SCRIPTS),
    ("device_info", "backend", NAMES),
    ("device_info", "sim", SCRIPTS),
    ("output_info", "backend", NAMES),
    ("output_info", "sim", SCRIPTS),
)


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 80


@pytest.mark.sim
@pytest.mark.parametrize(("call", "argument", "value", "exception", "words"), TABLE)
def test_wrong_argument(call: str, argument: str, value: Any, exception: Any, words: str) -> None:
    good: dict[str, Any] = {"backend": "sim"} if argument == "backend" else {"backend": "sim", "sim": STILL}
    if argument == "regions":
        good["size"] = (8, 8)
    if hasattr(rustcam, call):
        with pytest.raises(exception, match=rf"(?s){words}") as caught:
            getattr(rustcam, call)(**{**good, argument: value})
    elif call == "get_latest_frame":
        with rustcam.Capturer(backend="sim", sim=STILL_FOR_REAL) as capturer:
            capturer.start()
            with pytest.raises(exception, match=rf"(?s){words}") as caught:
                capturer.get_latest_frame(**{argument: value})
            assert capturer.get_latest_frame() is not None, "a wrong argument must not consume the first frame"
    else:
        with rustcam.Capturer(**good) as capturer:
            needed = {"fps": 60} if call == "frames" else {}
            with pytest.raises(exception, match=rf"(?s){words}") as caught:
                getattr(capturer, call)(**{**needed, argument: value})
            assert not capturer.is_capturing
            assert capturer.grab() is not None, "a wrong argument must not consume the first frame"
    assert len(str(caught.value)) > 10
    if isinstance(caught.value, TypeError):
        # In the message itself: the binding adds the name as a note, which needs CPython 3.11.
        assert {"fps": "frame rate", "target_fps": "frame rate"}.get(argument, argument) in str(caught.value)


@pytest.mark.sim
@pytest.mark.parametrize("what", ["Fortran order", "too few channels", "float pixels", "apart pixels"])
def test_an_out_that_does_not_fit_is_not_written(what: str) -> None:
    out = OUTS[what][0]
    with rustcam.Capturer(backend="sim", sim=STILL) as capturer, pytest.raises(ValueError):
        capturer.grab(out=out)
    assert not out.any()


@pytest.mark.sim
def test_out_and_copy_false_exclude_each_other() -> None:
    out = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    with rustcam.Capturer(backend="sim", sim=STILL) as capturer, pytest.raises(ValueError, match="copy"):
        capturer.grab(out=out, copy=False)


@pytest.mark.sim
@pytest.mark.parametrize("target_fps", [0, None, 0.0])
def test_video_mode_needs_a_rate(target_fps: Any) -> None:
    with rustcam.Capturer(backend="sim", sim=STILL) as capturer:
        with pytest.raises(ValueError, match=r"video_mode.*target_fps"):
            capturer.start(target_fps, video_mode=True)
        assert not capturer.is_capturing


@pytest.mark.sim
def test_frames_needs_a_rate() -> None:
    with rustcam.Capturer(backend="sim", sim=STILL) as capturer, pytest.raises(TypeError, match="fps"):
        capturer.frames()  # type: ignore[call-arg]


@pytest.mark.sim
@pytest.mark.parametrize("backend", ["auto", "x11"])
def test_a_script_for_another_backend_is_refused(backend: str) -> None:
    with pytest.raises(ValueError, match="sim"):
        rustcam.Capturer(backend=backend, sim=STILL)


@pytest.mark.sim
@pytest.mark.parametrize(
    "call", ["Capturer", "screenshot", "list_outputs", "list_windows", "device_info", "output_info"]
)
def test_unknown_keywords_are_refused(call: str) -> None:
    with pytest.raises(TypeError, match="colour"):
        getattr(rustcam, call)(backend="sim", colour=1)


# Keywords that exclude each other -> words of the message.
COMBINATIONS: list[tuple[dict[str, Any], str]] = [
    ({"regions": [(0, 0, 10, 10)]}, "regions.*size"),
    ({"regions": [(0, 0, 10, 10)], "region": (0, 0, 10, 10), "size": (8, 8)}, "region=.*regions="),
    ({"fmt": "nv12", "layout": "chw"}, "nv12.*layout"),
    ({"fmt": "i420", "dtype": "float32"}, "i420.*dtype.*float32"),
    ({"fmt": "nv12", "dtype": "float16", "size": (8, 8)}, "nv12.*dtype.*float16"),
    ({"fmt": "nv12", "size": (9, 8)}, "nv12.*even width and height.*9x8"),
    ({"fmt": "i420", "size": (8, 9)}, "i420.*even width and height.*8x9"),
    ({"fmt": "nv12", "region": (0, 0, 11, 10)}, "nv12.*even width and height.*11x10"),
    ({"fmt": "nv12", "region": (5, 5, 6, 6)}, "nv12.*even width and height.*1x1"),
]


@pytest.mark.sim
@pytest.mark.parametrize(("keywords", "words"), COMBINATIONS)
@pytest.mark.parametrize("call", ["Capturer", "screenshot"])
def test_keywords_that_exclude_each_other(call: str, keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        getattr(rustcam, call)(backend="sim", sim=STILL, **keywords)


# The capturer's keywords, those of a call -> words of the message.
CALL_COMBINATIONS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"size": (8, 8), "regions": [(0, 0, 10, 10)]}, {"region": (0, 0, 10, 10)}, "region=.*regions="),
    ({"stack": 2}, {"region": (0, 0, 10, 10)}, "region=.*stacking"),
    ({"stack": 2}, {"fmt": "rgb"}, "rgb.*stacking.*bgra"),
    ({"layout": "chw"}, {"fmt": "nv12"}, "nv12.*layout"),
    ({"dtype": "float32"}, {"fmt": "i420"}, "i420.*dtype"),
    ({"size": (9, 9)}, {"fmt": "nv12"}, "nv12.*even.*9x9"),
    ({}, {"fmt": "nv12", "region": (0, 0, 10, 11)}, "nv12.*even.*10x11"),
    ({"fmt": "nv12"}, {"region": (0, 0, 10, 11)}, "nv12.*even.*10x11"),
]


@pytest.mark.sim
@pytest.mark.parametrize(("own", "keywords", "words"), CALL_COMBINATIONS)
@pytest.mark.parametrize("call", ["grab", "start", "frames"])
def test_keywords_of_a_call_that_exclude_the_capturers(
    call: str, own: dict[str, Any], keywords: dict[str, Any], words: str
) -> None:
    with rustcam.Capturer(backend="sim", sim=STILL, **own) as capturer:
        with pytest.raises(ValueError, match=words):
            getattr(capturer, call)(**keywords, **({"fps": 60} if call == "frames" else {}))
        assert not capturer.is_capturing
        assert capturer.grab() is not None, "a wrong argument must not consume the first frame"


@pytest.mark.sim
def test_a_stack_may_be_told_again_what_it_holds() -> None:
    with rustcam.Capturer(backend="sim", sim=STILL, fmt="gray", stack=2) as capturer:
        assert capturer.grab(fmt="GREY") is not None


PLANES: dict[str, Any] = {"fmt": "rgb", "size": (20, 10), "layout": "chw", "dtype": "float32"}
MODEL_OUTS: dict[str, tuple[Any, Any, str]] = {
    "bytes as elements": (np.zeros((3, 10, 20), np.uint8), V, "dtype float32"),
    "doubles": (np.zeros((3, 10, 20), np.float64), V, "dtype float32"),
    "halves": (np.zeros((3, 10, 20), np.float16), V, "dtype float32"),
    "other byte order": (np.zeros((3, 10, 20), np.dtype(np.float32).newbyteorder()), V, "dtype float32"),
    "height first": (np.zeros((10, 20, 3), np.float32), V, r"shape \[3, 10, 20\]"),
    "turned": (np.zeros((3, 20, 10), np.float32), V, r"shape \[3, 10, 20\]"),
    "a batch": (np.zeros((1, 3, 10, 20), np.float32), V, r"shape \[3, 10, 20\]"),
    "flat": (np.zeros(600, np.float32), V, r"shape \[3, 10, 20\]"),
    "Fortran order": (np.zeros((3, 10, 20), np.float32, order="F"), V, "out must be C-contiguous"),
    "apart rows": (np.zeros((3, 10, 40), np.float32)[:, :, :20], V, "out must be C-contiguous"),
    "from the bottom up": (np.zeros((3, 10, 20), np.float32)[:, ::-1], V, "out must be C-contiguous"),
    "a transposed image": (np.zeros((10, 20, 3), np.float32).transpose(2, 0, 1), V, "out must be C-contiguous"),
    "a list": ([0.0] * 600, T, "out must be a numpy array"),
    "a memoryview": (memoryview(bytearray(2400)), T, "out must be a numpy array"),
}


@pytest.mark.sim
@pytest.mark.parametrize("stack", [None, 1])
@pytest.mark.parametrize(("out", "exception", "words"), MODEL_OUTS.values(), ids=MODEL_OUTS)
def test_an_out_that_does_not_fit_a_model(stack: Any, out: Any, exception: Any, words: str) -> None:
    if stack:
        words = words.replace("[3,", "[1, 3,")
        out = out[np.newaxis] if isinstance(out, np.ndarray) else out
    with rustcam.Capturer(backend="sim", sim=STILL, stack=stack, **PLANES) as capturer:
        with pytest.raises(exception, match=words):
            capturer.grab(out=out)
        assert not np.any(np.asarray(out))
        assert capturer.grab() is not None, "a wrong argument must not consume the first frame"


@pytest.mark.sim
def test_a_read_only_out_is_not_written() -> None:
    out = np.zeros((3, 10, 20), np.float32)
    out.flags.writeable = False
    with rustcam.Capturer(backend="sim", sim=STILL, **PLANES) as capturer, pytest.raises(ValueError, match="read-only"):
        capturer.grab(out=out)
    assert not out.any()
