"""What public bug reports of other capture packages would break here: values about frames, copied and pickled.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from desktops import HEIGHT, STILL, WIDTH

SHAPES = ["arrow", "hand", "bitmap", "ibeam", "masked", "premultiplied", "narrow", "huge"]


def infos(shape: str) -> list[Any]:
    """Values of every class that describes frames, with something in every field."""
    script = (
        f"size {WIDTH}x{HEIGHT}; refresh 60; static; clock virtual; at 0ms shape {shape}; at 10ms pointer 5,-3;"
        "at 20ms present dirty 10,10,50,50 dirty 60,60,70,70 move 100,100>10,100,60,150; at 30ms protect on;"
        "at 40ms present full; at 50ms lose access for 100s"
    )
    found: list[Any] = []
    with rustcam.Capturer(backend="sim", sim=script) as screen:
        while len(found) < 40 and screen.stats.lost is None:
            if screen.grab(20) is not None:
                info = screen.frame_info
                assert info is not None
                found += [info, info.pointer, info.pointer.shape, screen.stats]
        return [*(value for value in found if value is not None), screen.stats]


def fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in dir(value) if not name.startswith("_")}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other)) and one.flags.writeable == other.flags.writeable
    if type(one).__module__ == "rustcam":
        return type(one) is type(other) and all(same(value, fields(other)[name]) for name, value in fields(one).items())
    return type(one) is type(other) and one == other


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": lambda v, n=n: pickle.loads(pickle.dumps(v, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("how", COPIES)
def test_values_about_frames_can_be_copied_and_pickled(how: str, shape: str) -> None:
    values = infos(shape)
    assert {type(value).__name__ for value in values} >= {"FrameInfo", "PointerInfo", "Stats"}
    assert any(value.dirty and value.moves for value in values if isinstance(value, rustcam.FrameInfo))
    assert any(value.protected for value in values if isinstance(value, rustcam.FrameInfo))
    for value in values:
        twin = COPIES[how](value)
        assert same(value, twin), value
        assert value == twin
        assert hash(value) == hash(twin)
        assert repr(value) == repr(twin)
    frames = [value for value in values if isinstance(value, rustcam.FrameInfo)]
    assert len(set(frames)) == len(frames) > 1
    assert frames[0] != frames[1]
    assert frames[0] != object()


def test_values_are_unpickled_in_a_process_that_has_captured_nothing(python: Any) -> None:
    values = [*infos("arrow"), rustcam.list_outputs("sim", sim=STILL), rustcam.AccessLost("gone", hresult=1)]
    source = """
import pickle, sys
values = pickle.loads(bytes.fromhex(sys.stdin.read() if len(sys.argv) < 2 else sys.argv[1]))
print([type(value).__name__ for value in values])
shapes = [value for value in values if type(value).__name__ == "PointerShape"]
print(shapes[0].image.shape, values[0].pointer.shape.image.sum())
"""
    done = python(source, pickle.dumps(values).hex())
    shape = next(value for value in values if isinstance(value, rustcam.PointerShape))
    assert done.stdout.splitlines() == [
        str([type(value).__name__ for value in values]),
        f"{shape.image.shape} {shape.image.sum()}",
    ], done.stderr


ODD = [
    None,
    -1,
    0,
    2**31 - 1,
    2**32 - 1,
    2**64 - 1,
    2**64,
    -(2**63),
    0.5,
    "",
    "color",
    b"",
    b"x",
    (),
    (1, 2),
    [(1, 2, 3, 4)],
]


def leaves(value: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """The place of every part of nested tuples and lists."""
    yield path
    if isinstance(value, (tuple, list)):
        for index, part in enumerate(value):
            yield from leaves(part, (*path, index))


def replaced(value: Any, path: tuple[int, ...], new: Any) -> Any:
    if not path:
        return new
    parts = list(value)
    parts[path[0]] = replaced(parts[path[0]], path[1:], new)
    return type(value)(parts)


@pytest.mark.parametrize("shape", SHAPES)
def test_damaged_pickles_are_values_or_errors(shape: str) -> None:
    for value in {type(value): value for value in infos(shape)}.values():
        make, arguments = value.__reduce__()
        for path in leaves(arguments):
            for odd in ODD:
                damaged = replaced(arguments, path, odd)
                if not isinstance(damaged, tuple):
                    continue
                try:
                    again = make(*damaged)
                except (TypeError, ValueError, OverflowError):
                    continue
                assert type(again) is type(value)
                assert again == make(*damaged)
                assert isinstance(repr([repr(again), *fields(again).values()]), str)


@pytest.mark.parametrize("make", ["screen", "screen.frames(30)"])
def test_what_holds_the_screen_cannot_be_copied_and_says_so(make: str) -> None:
    with rustcam.Capturer(backend="sim", sim=STILL) as screen:
        value = eval(make, {"screen": screen})
        for duplicate in COPIES.values():
            with pytest.raises(TypeError, match=type(value).__name__):
                duplicate(value)
