"""`Capturer(stack=n)`: arrays of the last returned images."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from conftest import Desktop, must, sim

Image = npt.NDArray[np.uint8]

SMALL: dict[str, Any] = {"cursor": False, "fmt": "gray", "size": (16, 12)}
MOVING = "size 160x120; refresh 60; full; clock virtual"
LIVE = "size 160x120; refresh 200; full"


def stacked(images: list[Image], count: int) -> Image:
    """The last `count` images, the first one repeated until there are so many."""
    return np.stack(([images[0]] * count + images)[-count:])


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_the_newest_is_last_and_the_first_is_repeated(desktop: Desktop, count: int, copy: bool) -> None:
    images: list[Image] = []
    with desktop.open(**SMALL) as single, desktop.open(**SMALL, stack=count) as capturer:
        for _ in range(3 * count):
            desktop.change()
            images.append(must(single.grab()))
            stack = must(capturer.grab(copy=copy))
            assert stack.shape == (count, 12, 16, 1)
            assert stack.flags.c_contiguous
            assert np.array_equal(stack, stacked(images, count))
            del stack
    assert not np.array_equal(images[0], images[-1])


@pytest.mark.parametrize("copy", [True, False])
def test_stacks_that_are_held_stay_as_they_are(desktop: Desktop, copy: bool) -> None:
    held = []
    with desktop.open(**SMALL, stack=3) as capturer:
        for step in range(24):
            desktop.change()
            stack = must(capturer.grab(copy=copy))
            if step % 3:
                held.append((stack, stack.copy()))
            del stack
        for stack, before in held:
            assert np.array_equal(stack, before)
    for stack, before in held:
        assert np.array_equal(stack, before)


@pytest.mark.sim
def test_a_copy_may_be_changed() -> None:
    with sim(MOVING, **SMALL) as single, sim(MOVING, **SMALL, stack=3) as capturer:
        images = []
        for _ in range(8):
            images.append(must(single.grab()))
            stack = must(capturer.grab())
            assert np.array_equal(stack, stacked(images, 3))
            stack[:] = 7


@pytest.mark.sim
def test_out_takes_the_whole_stack() -> None:
    out = np.zeros((3, 12, 16, 1), np.uint8)
    images = []
    with sim(MOVING, **SMALL) as single, sim(MOVING, **SMALL, stack=3) as capturer:
        for _ in range(5):
            images.append(must(single.grab()))
            assert capturer.grab(out=out) is out
            assert np.array_equal(out, stacked(images, 3))


@pytest.mark.sim
def test_a_timeout_adds_nothing() -> None:
    script = "size 160x120; static; clock virtual; at 100ms present full; at 200ms present full; at 900ms present full"
    with sim(script, **SMALL) as single, sim(script, **SMALL, stack=3) as capturer:
        images = [must(single.grab()) for _ in range(4)]
        assert np.array_equal(must(capturer.grab()), stacked(images[:1], 3))
        assert capturer.grab(10) is None
        assert np.array_equal(must(capturer.grab(100)), stacked(images[:2], 3))
        out = np.full((3, 12, 16, 1), 9, np.uint8)
        assert capturer.grab(20, out=out) is None
        assert (out == 9).all()
        assert np.array_equal(must(capturer.grab(100)), stacked(images[:3], 3))
        assert np.array_equal(must(capturer.grab(1000, copy=False)), stacked(images, 3))


@pytest.mark.sim
def test_an_error_adds_nothing() -> None:
    script = "size 160x120; static; clock virtual; at 100ms present full; at 100ms fail read 0x8007000E times 1"
    with sim(script, **SMALL) as capturer, sim(script, **SMALL, stack=2) as stacking:
        first = must(capturer.grab())
        must(stacking.grab())
        for wrong in ({"fmt": "rgb"}, {"region": (0, 0, 1, 1)}, {"timeout_ms": -1}, {"out": np.zeros(3, np.uint8)}):
            with pytest.raises(ValueError):
                stacking.grab(**wrong)
        for screen in (capturer, stacking):
            with pytest.raises((rustcam.CaptureError, MemoryError)):
                screen.grab()
        second = must(capturer.grab(new_frame_only=False))
        assert np.array_equal(must(stacking.grab(new_frame_only=False)), np.stack([first, second]))


@pytest.mark.sim
def test_an_image_that_is_not_new_counts_too() -> None:
    with sim("size 160x120; static; clock virtual; at 1s present full", **SMALL, stack=3) as capturer:
        must(capturer.grab())
        new = must(capturer.grab(2000))
        again = must(capturer.grab(0, new_frame_only=False))
        assert np.array_equal(again[1], again[2])
        assert np.array_equal(again[1], new[2])
        assert not np.array_equal(again[0], again[1])


@pytest.mark.sim
def test_streams_and_iterators_begin_a_new_stack() -> None:
    def is_new(stack: Image) -> bool:
        return bool((stack == stack[0]).all())

    async def stream(capturer: rustcam.Capturer, count: int) -> list[Image]:
        images = []
        async with capturer.stream() as stacks:
            async for stack in stacks:
                images.append(stack)
                if len(images) == count:
                    break
        return images

    with sim(LIVE, **SMALL, stack=3) as capturer:
        must(capturer.grab())
        assert not is_new(must(capturer.grab()))
        capturer.start(0)
        stacks = [capturer.get_latest_frame(1000) for _ in range(3)]
        capturer.stop()
        assert is_new(stacks[0])
        assert not is_new(stacks[1])
        # What a call returns is the last in its stack, whichever way it was captured.
        assert np.array_equal(must(capturer.grab())[1], stacks[2][2])
        with capturer.frames(50) as frames:
            stacks = [stack for stack, _ in islice(frames, 3)]
        assert is_new(stacks[0])
        assert not is_new(stacks[2])
        stacks = asyncio.run(stream(capturer, 3))
        assert is_new(stacks[0])
        assert not is_new(stacks[2])


@pytest.mark.sim
@pytest.mark.parametrize("copy", [True, False])
def test_frames_at_a_constant_rate_are_stacked(copy: bool) -> None:
    script = "size 160x120; refresh 60; full; clock virtual"
    images = []
    with sim(script, **SMALL) as single, sim(script, **SMALL, stack=4) as capturer:
        for (image, time), (stack, same_time) in islice(zip(single.frames(30), capturer.frames(30, copy=copy)), 12):
            images.append(image)
            assert time == same_time
            assert np.array_equal(stack, stacked(images, 4))


@pytest.mark.sim
def test_a_stream_stacks_what_was_taken() -> None:
    with sim(LIVE, **SMALL, stack=4) as capturer:
        capturer.start(0)
        images: list[Image] = []
        for _ in range(10):
            stack = capturer.get_latest_frame(1000)
            images.append(stack[-1].copy())
            assert np.array_equal(stack, stacked(images, 4))


@pytest.mark.sim
def test_a_stack_that_is_dropped_in_time_stays_in_its_memory() -> None:
    with sim(MOVING, **SMALL, stack=4) as capturer:
        places = set()
        for _ in range(40):
            stack = must(capturer.grab(copy=False))
            places.add(stack.ctypes.data)
            del stack
        # In one memory, at five places: the room for twice as many images.
        assert len(places) <= 5
        assert max(places) - min(places) <= 4 * 12 * 16


@pytest.mark.sim
def test_a_wrong_call_in_a_stream_does_not_begin_a_new_stack() -> None:
    with sim(MOVING, **SMALL, stack=2) as capturer:
        first = must(capturer.grab())
        for call in (lambda: capturer.start(fmt="rgb"), lambda: capturer.frames(30, region=(0, 0, 1, 1))):
            with pytest.raises(ValueError, match="while stacking"):
                call()
        assert np.array_equal(must(capturer.grab())[0], first[1])


@pytest.mark.sim
def test_a_refused_start_does_not_begin_a_new_stack() -> None:
    with sim(LIVE, **SMALL, stack=3) as capturer:
        capturer.start(0)
        before = capturer.get_latest_frame(1000)
        for call in (capturer.start, lambda: capturer.frames(30)):
            with pytest.raises(RuntimeError):
                call()
        assert np.array_equal(capturer.get_latest_frame(1000)[1], before[2])


@pytest.mark.sim
def test_threads_that_share_a_capturer_get_whole_stacks() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with sim(LIVE, **SMALL, stack=3, any_thread=True) as capturer:

        def grab(_: int) -> Image:
            return must(capturer.grab(1000))

        with ThreadPoolExecutor(4) as pool:
            stacks = list(pool.map(grab, range(60)))
    assert all(stack.shape == (3, 12, 16, 1) for stack in stacks)
