"""The pointer: its description, exact drawing, and how many bytes a move copies."""

from __future__ import annotations

from typing import Callable

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from conftest import Desktop, must, sim
from desktops import HEIGHT, STILL, WIDTH, Painter, X11Desktop

Pixels = npt.NDArray[np.uint8]

SHAPES = ["arrow", "bitmap", "ibeam", "masked", "hand", "premultiplied"]
SIZES = {"arrow": (12, 19), "bitmap": (9, 12), "ibeam": (33, 17), "masked": (11, 11), "hand": (13, 15)}
SIZES["premultiplied"] = SIZES["arrow"]
MALFORMED = ["empty", "narrow", "short", "huge"]


def rounded(product: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A product of two bytes, divided by 255 and rounded."""
    return (2 * product + 255) // 510


def over(image: Pixels, pointer: rustcam.PointerInfo) -> Pixels:
    """`image` (BGRA) with the pointer drawn over it, as the stub defines `PointerShape.image`."""
    drawn = image.copy()
    shape = pointer.shape
    if not pointer.visible or shape is None:
        return drawn
    left, top = max(pointer.x, 0), max(pointer.y, 0)
    right, bottom = min(pointer.x + shape.width, image.shape[1]), min(pointer.y + shape.height, image.shape[0])
    if left >= right or top >= bottom:
        return drawn
    part = shape.image[top - pointer.y : bottom - pointer.y, left - pointer.x : right - pointer.x].astype(np.int64)
    colour, fourth = part[:, :, :3], part[:, :, 3:]
    under = image[top:bottom, left:right, :3].astype(np.int64)
    if shape.kind == "color":
        result = rounded(colour * fourth + under * (255 - fourth))
    elif shape.kind == "premultiplied":
        result = np.minimum(colour + rounded(under * (255 - fourth)), 255)
    else:
        result = np.where(fourth == 0, colour, under ^ colour)
    drawn[top:bottom, left:right, :3] = result
    return drawn


def places(shape: str) -> list[tuple[int, int]]:
    """Positions where one column, one row or one pixel of the shape is inside the output, or none; and the middle."""
    width, height = SIZES[shape]
    xs = [1 - width, WIDTH // 2, WIDTH - 1]
    ys = [1 - height, HEIGHT // 2, HEIGHT - 1]
    return [(x, y) for x in xs for y in ys] + [(-width, 5), (WIDTH, 5), (5, HEIGHT)]


def test_the_drawn_pointer_matches_its_description(desktop: Desktop) -> None:
    if isinstance(desktop, X11Desktop):
        desktop.change()
        desktop.painter.square_pointer(24, 0x30C050)
        desktop.painter.point_to(WIDTH - 9, 50)
    with desktop.open(still=True) as capturer, desktop.open(still=True, cursor=False) as clean:
        shown, without = must(capturer.grab()), must(clean.grab())
        assert capturer.frame_info is not None
        pointer = capturer.frame_info.pointer
        assert pointer.visible
        assert pointer.shape is not None
        assert not np.array_equal(shown, without)
        assert np.array_equal(shown, over(without, pointer))


@pytest.mark.sim
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_at_every_edge(shape: str, rotation: int) -> None:
    moves = "".join(f"; at {20 * n + 20}ms pointer {x},{y}" for n, (x, y) in enumerate(places(shape)))
    script = f"{STILL}; rotation {rotation}; at 0ms shape {shape}{moves}"
    part = (WIDTH - 40, HEIGHT - 40, WIDTH, HEIGHT)
    with sim(script) as capturer, sim(script) as cropped, sim(script, cursor=False) as hidden:
        clean, seen = must(hidden.grab()), 0
        while (frame := capturer.grab(100)) is not None:
            seen += 1
            assert capturer.frame_info is not None
            expected = over(clean, capturer.frame_info.pointer)
            assert np.array_equal(frame, expected)
            corner = must(cropped.grab(region=part))
            assert np.array_equal(corner, expected[part[1] :, part[0] :])
        assert seen == 1 + len(places(shape))


@pytest.mark.sim
def test_shapes_are_described() -> None:
    for name, kind in zip(SHAPES, ["color", "monochrome", "monochrome", "masked_color", "color", "premultiplied"]):
        with sim(f"{STILL}; at 0ms shape {name}") as capturer:
            must(capturer.grab())
            assert capturer.frame_info is not None
            shape = capturer.frame_info.pointer.shape
            assert shape is not None
            assert (shape.kind, (shape.width, shape.height)) == (kind, SIZES[name])
            assert shape.image.shape == (shape.height, shape.width, 4)
            assert shape.image.dtype == np.uint8
            assert 0 <= shape.hot_spot[0] < shape.width
            assert 0 <= shape.hot_spot[1] < shape.height
            if kind in ("monochrome", "masked_color"):
                assert set(np.unique(shape.image[:, :, 3])) <= {0, 255}


@pytest.mark.sim
def test_shapes_are_immutable_and_comparable() -> None:
    with sim(f"{STILL}; at 20ms pointer 5,5; at 40ms shape ibeam") as capturer:
        shapes = []
        for _ in range(3):
            must(capturer.grab())
            assert capturer.frame_info is not None
            assert capturer.frame_info.pointer.shape is not None
            shapes.append(capturer.frame_info.pointer.shape)
    first, moved, other = shapes
    assert first == moved
    assert hash(first) == hash(moved)
    assert first != other
    assert first != "arrow"
    assert "12x19" in repr(first)
    assert not first.image.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        first.image[0, 0, 0] = 1
    with pytest.raises(AttributeError):
        first.width = 5  # type: ignore[misc]


def test_cursor_false_reports_no_pointer(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.frame_info is not None
        assert not capturer.frame_info.pointer.visible
        assert capturer.frame_info.pointer.shape is None


@pytest.mark.sim
@pytest.mark.parametrize("shape", MALFORMED)
def test_malformed_shapes_are_not_drawn(shape: str) -> None:
    script = f"{STILL}; at 20ms shape {shape}; at 40ms shape hand"
    with sim(script) as capturer, sim(script, cursor=False) as hidden:
        clean = must(hidden.grab())
        must(capturer.grab())
        frame = must(capturer.grab())
        assert np.array_equal(frame, clean)
        assert capturer.frame_info is not None
        assert capturer.frame_info.pointer.shape is None
        frame = must(capturer.grab())
        assert np.array_equal(frame, over(clean, capturer.frame_info.pointer))
        assert not np.array_equal(frame, clean)


@pytest.mark.sim
@pytest.mark.parametrize("copy", [True, False])
def test_a_pointer_drawn_by_the_system_is_not_drawn_twice(copy: bool) -> None:
    script = f"{STILL}; at 0ms shape ibeam; at 20ms pointer software; at 40ms pointer 9,9; at 60ms pointer hardware"
    with sim(script) as capturer, sim(script, cursor=False) as image:
        for step in range(4):
            frame, delivered = must(capturer.grab(copy=copy)), must(image.grab(copy=copy))
            assert capturer.frame_info is not None
            embedded = step in (1, 2)
            assert capturer.frame_info.pointer.visible is not embedded
            assert np.array_equal(frame, delivered) is embedded
            assert np.array_equal(frame, over(delivered, capturer.frame_info.pointer))
            del frame, delivered


PLACES = [(60, 50), (300, 200), (50, 250), (400, 40)]


def assert_moves_are_cheap(capturer: rustcam.Capturer, move: Callable[[int, int], object]) -> None:
    """Asserts that a move writes only the pixels of the pointer's old and new position into a view."""
    must(capturer.grab(copy=False))
    for x, y in PLACES:
        before = capturer.stats.bytes_copied
        move(x, y)
        must(capturer.grab(copy=False))
        info = capturer.frame_info
        assert info is not None
        assert (info.accumulated, info.dirty, info.is_new) == (0, [], True)
        assert (info.pointer.x, info.pointer.y) == (x, y)
        assert info.pointer.shape is not None
        area = info.pointer.shape.width * info.pointer.shape.height
        assert 0 < capturer.stats.bytes_copied - before <= 2 * area * 4


@pytest.mark.sim
@pytest.mark.parametrize("memory", ["ordinary", "direct"])
def test_a_pointer_move_copies_only_its_old_and_new_pixels(memory: str) -> None:
    moves = "".join(f"; at {50 * n + 50}ms pointer {x},{y}" for n, (x, y) in enumerate(PLACES))
    with sim(f"{STILL}; memory {memory}{moves}") as capturer:
        assert_moves_are_cheap(capturer, lambda x, y: None)


@pytest.mark.x11
def test_a_pointer_move_copies_only_its_old_and_new_pixels_on_x11(painter: Painter) -> None:
    painter.square_pointer(24, 0x30C050)
    painter.point_to(500, 300)
    with X11Desktop(painter).open() as capturer:
        assert_moves_are_cheap(capturer, painter.point_to)


@pytest.mark.sim
def test_a_fast_pointer_makes_at_most_one_frame_per_refresh_interval() -> None:
    with sim("size 64x48; refresh 50; static; pointer storm 1000; clock virtual") as capturer:
        times, info = [], None
        for _ in range(40):
            must(capturer.grab())
            info = capturer.frame_info
            times.append(capturer.stats.pointer_wakeups)
        assert info is not None
        assert info.accumulated == 0
        # 20 moves in every interval of 20 ms, counted one by one and merged into one frame.
        assert np.diff(times).min() >= 19
