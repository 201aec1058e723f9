"""Frames of a stream: ownership of their memory, and leaks."""

from __future__ import annotations

import gc
import queue
import threading
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from conftest import Desktop, sim
from desktops import HEIGHT, WIDTH
from streaming import SOON
from system import handles, resident, threads
from test_leaks import FRAME
from waiting import in_another_thread

# Ownership


def changed_frames(desktop: Desktop, capturer: rustcam.Capturer, count: int) -> list[npt.NDArray[np.uint8]]:
    """Frames, each after a change."""
    frames = []
    for _ in range(count):
        desktop.change()
        frames.append(capturer.get_latest_frame(SOON))
    return frames


def test_copies_are_writable_and_independent(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        capturer.start(0)
        frames = changed_frames(desktop, capturer, 6)
        kept = [frame.copy() for frame in frames]
        frames[2][:] = 7
        desktop.change()
        capturer.get_latest_frame(SOON)
        for index, frame in enumerate(frames):
            assert frame.flags.writeable
            assert (frame == 7).all() if index == 2 else np.array_equal(frame, kept[index])


def test_views_are_read_only_and_never_change(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        capturer.start(0)
        frame = capturer.get_latest_frame(SOON, copy=False)
        kept = frame.copy()
        with pytest.raises(ValueError, match="read-only"):
            frame[0, 0, 0] = 1
        for _ in range(5):
            desktop.change()
            capturer.get_latest_frame(SOON, copy=False)
        assert np.array_equal(frame, kept)


@pytest.mark.parametrize("copy", [False, True])
def test_the_memory_of_dropped_frames_is_reused(desktop: Desktop, copy: bool) -> None:
    with desktop.open_live(cursor=False) as capturer:
        capturer.start(0)
        places = set()
        for _ in range(30):
            desktop.change()
            frame = capturer.get_latest_frame(SOON, copy=copy)
            assert not frame.flags.owndata
            places.add(frame.ctypes.data)
            del frame
        assert len(places) <= 6


@pytest.mark.parametrize("ending", ["stop", "close", "del"])
def test_frames_outlive_stream_and_capturer(desktop: Desktop, ending: str) -> None:
    capturer = desktop.open_live(cursor=False)
    capturer.start(0)
    frames = changed_frames(desktop, capturer, 3)
    kept = [frame.copy() for frame in frames]
    if ending == "del":
        del capturer
        gc.collect()
    else:
        getattr(capturer, ending)()
    for frame, copy in zip(frames, kept):
        assert np.array_equal(frame, copy)
        frame[:] = 1
    in_another_thread(frames.clear)


# Leaks


def test_a_thousand_streams_leak_nothing(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:

        def run(streams: int) -> tuple[int, int, int]:
            for _ in range(streams):
                capturer.start(0)
                capturer.stop()
            return handles(), threads(), resident()

        first, *others = run(5), *(run(250) for _ in range(4))
        assert max(others)[0] <= first[0]
        assert max(n for _, n, _ in others) <= first[1]
        # Drivers may allocate memory once, at any time; a leak would grow in every part.
        memory = [m for _, _, m in (first, *others)]
        assert min(after - before for before, after in zip(memory, memory[1:])) < FRAME


@pytest.mark.sim
def test_memory_is_flat_whatever_readers_do_with_their_frames() -> None:
    kept: deque[Any] = deque(maxlen=20)
    passed: queue.Queue[Any] = queue.Queue(maxsize=5)

    def drop() -> None:
        while passed.get() is not None:
            pass

    # A daemon: otherwise the interpreter could not end after a failure here.
    dropper = threading.Thread(target=drop, daemon=True)
    dropper.start()
    with sim(f"size {WIDTH}x{HEIGHT}; refresh 1000; pointer still", cursor=False) as capturer:
        capturer.start(0)
        before = (0, 0, 0)
        for count in range(2500):
            frame = capturer.get_latest_frame(SOON, copy=count % 2 == 0)
            if count % 3 == 0:
                kept.append(frame)
            elif count % 3 == 1:
                passed.put(frame)
            del frame
            if count == 500:
                before = (handles(), threads(), resident())
        # Waits of Python itself open a few handles and keep them.
        assert handles() < before[0] + 10
        assert threads() <= before[1]
        assert resident() - before[2] < 16 * FRAME
    passed.put(None)
    dropper.join()
