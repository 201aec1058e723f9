"""`frames(fps)`: exact slots, correct counters, and exclusive use of the capturer."""

from __future__ import annotations

import gc
import threading
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import rustcam
from conftest import Desktop, must, sim
from desktops import HEIGHT, WIDTH, XServer
from system import handles, resident, threads
from test_leaks import FRAME
from waiting import PROMPT, in_another_thread, seconds_to_end

SMALL = "size 96x64; pointer still; clock virtual"


def take(frames: rustcam.FrameIterator, count: int) -> list[float]:
    """The times of the next slots."""
    return [next(frames)[1] for _ in range(count)]


# Slots


@pytest.mark.parametrize("fmt", ["bgra", "rgba", "BGR", "rgb", "gray"])
def test_images_and_times(desktop: Desktop, fmt: str) -> None:
    channels = {"bgra": 4, "rgba": 4, "bgr": 3, "rgb": 3, "gray": 1}[fmt.lower()]
    with desktop.open(still=True, cursor=False) as capturer:
        expected = must(capturer.grab(fmt=fmt))
        for index, (image, seconds) in enumerate(capturer.frames(100, fmt)):
            assert (image.shape, image.dtype) == ((HEIGHT, WIDTH, channels), np.uint8)
            assert image.flags.c_contiguous
            assert image.flags.writeable
            assert np.array_equal(image, expected)
            assert type(seconds) is float
            assert seconds == index / 100
            if index == 5:
                break


@pytest.mark.sim
@pytest.mark.parametrize(
    "fps", [Fraction(60000, 1001), 59.94, 24, Decimal("23.976"), 29.97, 60, 144, Fraction(1, 3), 1000, np.float32(12.5)]
)
def test_times_are_the_exact_fraction_rounded_once(fps: Any) -> None:
    exact = Fraction(*fps.as_integer_ratio())
    with sim(f"{SMALL}; refresh 30") as capturer:
        assert take(capturer.frames(fps), 700) == [float(index / exact) for index in range(700)]


@pytest.mark.parametrize("fps", [Fraction(60000, 1001), 24])
def test_slots_are_on_time_and_never_early(desktop: Desktop, fps: Any) -> None:
    with desktop.open_live(cursor=False) as capturer:
        frames = capturer.frames(fps)
        next(frames)
        start = time.perf_counter()
        # The first images of a desktop may take longer than a slot.
        take(frames, 32)
        behind = []
        for _ in range(20):
            _, seconds = next(frames)
            behind.append(time.perf_counter() - start - seconds)
        # `start` is a little after slot 0.
        assert min(behind) > -0.02
        # Tolerates late slots on a busy machine.
        assert sorted(behind)[4] < 0.02


def test_start_time_is_when_slot_0_was(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer, capturer.frames(50) as frames:
        assert frames.start_time is None
        before = time.time()
        next(frames)
        start = frames.start_time
        assert start is not None
        assert before <= start <= time.time()
        take(frames, 3)
        assert frames.start_time == start


def test_every_slot_of_a_static_desktop_repeats(desktop: Desktop) -> None:
    with desktop.open(still=True, cursor=False) as capturer:
        frames = capturer.frames(200)
        first, _ = next(frames)
        for _ in range(20):
            assert np.array_equal(next(frames)[0], first)
        assert (frames.repeated, frames.skipped) == (20, 0)
        assert capturer.frame_info is not None
        assert not capturer.frame_info.is_new


@pytest.mark.sim
def test_slots_without_a_new_frame_are_counted() -> None:
    with sim(f"{SMALL}; refresh 25") as capturer:
        frames = capturer.frames(50)
        images = [next(frames)[0] for _ in range(101)]
        assert (frames.late, frames.repeated, frames.skipped) == (0, 50, 0)
    same = sum(np.array_equal(a, b) for a, b in zip(images, images[1:]))
    assert same == 50


@pytest.mark.sim
def test_skipped_presents_are_counted() -> None:
    with sim(f"{SMALL}; refresh 100") as capturer:
        frames = capturer.frames(10)
        take(frames, 21)
        assert (frames.late, frames.repeated, frames.skipped) == (0, 0, 20 * 9)


@pytest.mark.sim
def test_late_slots_come_in_order_with_their_own_times() -> None:
    with sim(f"{SMALL}; refresh 100; slow reads 25ms") as capturer:
        frames = capturer.frames(100)
        assert take(frames, 50) == [index / 100 for index in range(50)]
        # A read takes two and a half slots. Those that pass meanwhile are late, and repeat the image without a read.
        assert 25 <= frames.late <= 35
        assert frames.repeated >= frames.late


def test_a_slow_consumer_gets_every_slot(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        frames = capturer.frames(10)
        next(frames)
        time.sleep(1.1)
        start = time.perf_counter()
        assert take(frames, 10) == [index / 10 for index in range(1, 11)]
        # Overdue slots are returned at once. Waiting for them would take a second.
        assert time.perf_counter() - start < 0.7
        assert frames.late >= 10


@pytest.mark.sim
@pytest.mark.parametrize("loss", ["access", "device"])
def test_a_loss_makes_slots_late_and_drops_none(loss: str) -> None:
    with sim(f"{SMALL}; refresh 60; at 100ms lose {loss} for 500ms") as capturer:
        frames = capturer.frames(60)
        assert take(frames, 90) == [index / 60 for index in range(90)]
        assert frames.late >= 20
        assert capturer.stats.recoveries == 1


@pytest.mark.sim
def test_a_change_of_size_is_followed() -> None:
    with sim(f"{SMALL}; refresh 60; at 100ms mode 128x80@60") as capturer:
        shapes = [image.shape for image, _ in (next(frames) for frames in [capturer.frames(60)] for _ in range(30))]
        assert shapes[0] == (64, 96, 4)
        assert shapes[-1] == (80, 128, 4)


@pytest.mark.sim
def test_no_first_image_is_a_timeout() -> None:
    with sim(f"{SMALL}; static; at 0ms lose access for ever") as capturer:
        frames = capturer.frames(30, timeout_ms=700)
        for _ in range(2):
            with pytest.raises(rustcam.CaptureTimeout, match="700 ms") as caught:
                next(frames)
            assert isinstance(caught.value, TimeoutError)
            assert caught.value.hint
        assert frames.start_time is None
        del frames
        assert capturer.grab(100) is None


@pytest.mark.sim
def test_a_lost_device_is_an_error() -> None:
    with sim(f"{SMALL}; at 100ms lose device for ever") as capturer:
        frames = capturer.frames(30)
        with pytest.raises(rustcam.DeviceError) as caught:
            take(frames, 100)
        assert caught.value.hresult == 0x887A0005


@pytest.mark.x11
def test_a_killed_server_is_an_error(server: XServer) -> None:
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        frames = capturer.frames(30, patience_s=0.5)
        image, _ = next(frames)
        server.kill()
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureError):
            take(frames, 100)
        assert time.perf_counter() - start < 5
        assert image.shape == (HEIGHT, WIDTH, 4)


# Memory and arguments


def test_views_are_read_only_and_never_change(desktop: Desktop) -> None:
    with desktop.open_live(cursor=False) as capturer:
        frames = capturer.frames(100, copy=False)
        image, _ = next(frames)
        kept = image.copy()
        assert not image.flags.writeable
        for _ in range(5):
            desktop.change()
            next(frames)
        assert np.array_equal(image, kept)
        assert not np.array_equal(next(frames)[0], kept)


def test_images_are_independent_and_outlive_the_capturer(desktop: Desktop) -> None:
    capturer = desktop.open_live(cursor=False)
    frames = capturer.frames(100)
    images = []
    for _ in range(4):
        desktop.change()
        images.append(next(frames)[0])
    kept = [image.copy() for image in images]
    del capturer, frames
    gc.collect()
    for image, copy in zip(images, kept):
        assert np.array_equal(image, copy)
    images[0][:] = 1
    assert np.array_equal(images[1], kept[1])
    in_another_thread(images.clear)


def test_region(desktop: Desktop) -> None:
    desktop.change()
    with desktop.open(still=True, cursor=False, region=(100, 100, 300, 200)) as capturer:
        whole = must(capturer.grab(region=(0, 0, WIDTH, HEIGHT)))
        assert np.array_equal(next(capturer.frames(60))[0], whole[100:200, 100:300])
        assert np.array_equal(next(capturer.frames(60, "bgra", (5, 6, 50, 60)))[0], whole[6:60, 5:50])
        assert capturer.region == (100, 100, 300, 200)


def test_memory_stays_flat(desktop: Desktop) -> None:
    with desktop.open(cursor=False) as capturer:
        frames = capturer.frames(2000)
        take(frames, 100)
        before = (handles(), threads(), resident())
        take(frames, 1000)
        assert handles() <= before[0]
        assert threads() <= before[1]
        assert resident() - before[2] < 8 * FRAME


# Exclusive use of the capturer


def test_it_is_an_iterator_and_capturing_while_open(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        frames = capturer.frames(60)
        assert iter(frames) is frames
        assert capturer.is_capturing
        next(frames)
        assert capturer.is_capturing
        assert capturer.frame_info is not None
        frames.close()
        assert not capturer.is_capturing
        assert list(frames) == []
        with pytest.raises(StopIteration):
            next(frames)
        frames.close()


def test_other_captures_are_refused_while_it_is_open(desktop: Desktop) -> None:
    with desktop.open() as capturer, capturer.frames(60) as frames:
        for call in (capturer.grab, capturer.start, lambda: capturer.frames(60)):
            with pytest.raises(RuntimeError, match=r"frames\(\) iterator is open"):
                call()
        with pytest.raises(RuntimeError, match="start"):
            capturer.get_latest_frame(0)
        next(frames)


def leave_with(capturer: rustcam.Capturer) -> None:
    with capturer.frames(60) as frames:
        next(frames)


def leave_close(capturer: rustcam.Capturer) -> None:
    frames = capturer.frames(60)
    next(frames)
    frames.close()


def leave_break(capturer: rustcam.Capturer) -> None:
    for _ in capturer.frames(60):
        break


def leave_del(capturer: rustcam.Capturer) -> None:
    frames = capturer.frames(60)
    for _ in frames:
        break
    assert capturer.is_capturing
    del frames
    assert not capturer.is_capturing


def leave_scope(capturer: rustcam.Capturer) -> None:
    frames = capturer.frames(60)
    next(frames)


def leave_unused(capturer: rustcam.Capturer) -> None:
    capturer.frames(60)


def leave_by_exception(capturer: rustcam.Capturer) -> None:
    with pytest.raises(ZeroDivisionError):
        for _ in capturer.frames(60):
            _ = 1 / 0


def leave_with_by_exception(capturer: rustcam.Capturer) -> None:
    with pytest.raises(ZeroDivisionError), capturer.frames(60) as frames:
        for _ in frames:
            _ = 1 / 0


def leave_in_another_thread(capturer: rustcam.Capturer) -> None:
    box = [capturer.frames(60)]
    next(box[0])
    in_another_thread(box.clear)


@pytest.mark.parametrize(
    "leave",
    [
        leave_with,
        leave_close,
        leave_break,
        leave_del,
        leave_scope,
        leave_unused,
        leave_by_exception,
        leave_with_by_exception,
        leave_in_another_thread,
    ],
)
def test_the_capturer_is_available_after_the_iterator(desktop: Desktop, leave: Any) -> None:
    with desktop.open() as capturer:
        for _ in range(3):
            leave(capturer)
            assert not capturer.is_capturing
            assert capturer.grab(new_frame_only=False) is not None


def test_an_old_iterator_does_not_end_a_new_one(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        old = capturer.frames(60)
        old.close()
        new = capturer.frames(60)
        old.close()
        del old
        assert capturer.is_capturing
        next(new)


def test_stop_does_not_end_an_iterator(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        frames = capturer.frames(60)
        next(frames)
        capturer.stop()
        assert capturer.is_capturing
        assert next(frames)[1] == 1 / 60


def test_closing_the_capturer_ends_the_iteration(desktop: Desktop) -> None:
    capturer = desktop.open()
    frames = capturer.frames(60)
    next(frames)
    capturer.close()
    assert not capturer.is_capturing
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        next(frames)
    frames.close()
    assert frames.late == 0


def test_the_iterator_keeps_the_capturer_alive(desktop: Desktop) -> None:
    frames = desktop.open().frames(60)
    gc.collect()
    assert next(frames)[1] == 0.0
    assert next(frames)[1] == 1 / 60


# Threads


def test_next_from_another_thread(desktop: Desktop) -> None:
    with desktop.open() as capturer:
        frames = capturer.frames(60)
        with pytest.raises(RuntimeError, match="thread"):
            in_another_thread(lambda: next(frames))
        next(frames)
        in_another_thread(frames.close)
        assert not capturer.is_capturing
    with desktop.open(any_thread=True) as capturer:
        frames = capturer.frames(60)
        assert in_another_thread(lambda: next(frames))[1] == 0.0


def test_threads_share_the_slots_of_an_iterator(desktop: Desktop) -> None:
    times: list[float] = []
    with desktop.open_live(any_thread=True) as capturer:
        frames = capturer.frames(200)
        readers = [threading.Thread(target=lambda: times.extend(take(frames, 20))) for _ in range(3)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    assert sorted(times) == [index / 200 for index in range(60)]


def test_closing_the_iterator_ends_a_waiting_slot(desktop: Desktop) -> None:
    def wait(frames: rustcam.FrameIterator) -> None:
        assert list(frames) == []

    with desktop.open_live(any_thread=True) as capturer:
        assert seconds_to_end(lambda: begun(capturer), wait, lambda frames: frames.close()) < PROMPT
        assert not capturer.is_capturing
        assert capturer.grab(new_frame_only=False) is not None


def test_closing_the_capturer_ends_a_waiting_slot(desktop: Desktop) -> None:
    def wait(frames: rustcam.FrameIterator) -> None:
        with pytest.raises(RuntimeError, match="Capturer is closed"):
            next(frames)

    with desktop.open_live(any_thread=True) as capturer:
        assert seconds_to_end(lambda: begun(capturer), wait, lambda _: capturer.close()) < PROMPT


def begun(capturer: rustcam.Capturer) -> rustcam.FrameIterator:
    """An iterator whose next slot is due in 20 seconds."""
    frames = capturer.frames(0.05)
    next(frames)
    return frames


def test_a_rate_of_three_in_ten_thousand_seconds_is_accepted(desktop: Desktop) -> None:
    with desktop.open() as capturer, capturer.frames(Fraction(3, 10_000)) as frames:
        assert next(frames)[1] == 0.0
