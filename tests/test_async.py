"""`stream()`: asynchronous iteration without a busy loop, without a thread per call, and without endless waits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest

import rustcam
from conftest import Desktop, sim
from desktops import HEIGHT, LIVE, STILL_FOR_REAL, WIDTH, opening
from system import threads

LIMIT = 15  # seconds; only a test that hangs takes that long


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(main, LIMIT)

    return asyncio.run(limited())


async def drain(stream: rustcam.FrameStream) -> None:
    """Takes the first frame, and then frames until none has come for 150 ms."""
    await stream.__anext__()
    try:
        while True:
            await asyncio.wait_for(stream.__anext__(), 0.15)
    except asyncio.TimeoutError:
        pass


def test_async_for(desktop: Desktop) -> None:
    async def main() -> None:
        with desktop.open_live(cursor=False) as capturer:
            frames = []
            async with capturer.stream() as stream:
                assert isinstance(stream, rustcam.FrameStream)
                assert not capturer.is_capturing
                async for frame in stream:
                    assert capturer.is_capturing
                    assert (frame.shape, frame.dtype, frame.flags.writeable) == ((HEIGHT, WIDTH, 4), np.uint8, True)
                    frames.append(frame)
                    if len(frames) == 5:
                        break
                    desktop.change()
                assert capturer.is_capturing
            assert not capturer.is_capturing
            assert not np.array_equal(frames[0], frames[-1])

    run(main())


def test_arguments(desktop: Desktop) -> None:
    async def main() -> None:
        with desktop.open_waiting() as capturer:
            async with capturer.stream(50, (0, 0, 20, 10), True, fmt="rgb", copy=False) as stream:
                for _ in range(3):
                    frame = await stream.__anext__()
                    assert frame.shape == (10, 20, 3)
                    assert not frame.flags.writeable

    run(main())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"target_fps": -1}, ValueError),
        ({"target_fps": "60"}, TypeError),
        ({"region": (0, 0, 0, 0)}, ValueError),
        ({"video_mode": True}, ValueError),
        ({"video_mode": True, "target_fps": 0}, ValueError),
        ({"fmt": "yuv"}, ValueError),
        ({"fmt": 5}, TypeError),
    ],
)
@pytest.mark.sim
def test_wrong_arguments_raise_at_the_first_request(options: dict[str, Any], error: type[Exception]) -> None:
    async def main() -> None:
        with sim(LIVE) as capturer:
            stream = capturer.stream(**options)
            with pytest.raises(error):
                await stream.__anext__()
            assert not capturer.is_capturing
            assert (await capturer.stream().__anext__()).shape == (HEIGHT, WIDTH, 4)

    run(main())


@pytest.mark.sim
def test_wrong_types_raise_at_the_call() -> None:
    with sim(LIVE) as capturer:
        with pytest.raises(TypeError, match="copy"):
            capturer.stream(copy="yes")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="video_mode"):
            capturer.stream(video_mode=1)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="colour"):
            capturer.stream(colour=1)  # type: ignore[call-arg]


def test_a_cancelled_request_leaves_the_stream_usable(desktop: Desktop) -> None:
    async def main() -> None:
        with desktop.open_waiting(cursor=False) as capturer:
            stream = capturer.stream()
            await drain(stream)
            for _ in range(20):
                waiting = asyncio.create_task(stream.__anext__())
                await asyncio.sleep(0.01)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            assert capturer.is_capturing
            if desktop.backend == "x11":
                desktop.change()
                assert (await stream.__anext__()).shape == (HEIGHT, WIDTH, 4)
            await stream.aclose()
            assert not capturer.is_capturing

    run(main())


@pytest.mark.sim
def test_cancelling_a_task_does_not_cancel_the_others() -> None:
    async def main() -> None:
        with sim(f"{STILL_FOR_REAL}; at 700ms present full", cursor=False) as capturer:
            async with capturer.stream() as stream:
                await drain(stream)
                first, second = (asyncio.create_task(stream.__anext__()) for _ in range(2))
                await asyncio.sleep(0.05)
                first.cancel()
                assert (await second).shape == (HEIGHT, WIDTH, 4)
                assert first.cancelled()

    run(main())


def test_aclose_ends_every_task_and_is_idempotent(desktop: Desktop) -> None:
    async def main() -> None:
        with desktop.open_waiting(cursor=False) as capturer:
            stream = capturer.stream()

            async def work() -> int:
                return len([None async for _ in stream])

            tasks = [asyncio.create_task(work()) for _ in range(3)]
            while capturer.frame_info is None:
                await asyncio.sleep(0.01)
            for _ in range(3):
                await stream.aclose()
            assert sum(await asyncio.gather(*tasks)) >= 1
            with pytest.raises(StopAsyncIteration):
                await stream.__anext__()
            assert not capturer.is_capturing
            assert capturer.grab(new_frame_only=False) is not None

    run(main())


@pytest.mark.sim
def test_each_frame_goes_to_one_task() -> None:
    async def main() -> None:
        with sim(LIVE) as capturer:
            taken: list[list[int]] = [[], []]
            async with capturer.stream() as stream:

                async def work(mine: list[int]) -> None:
                    async for _ in stream:
                        assert capturer.frame_info is not None
                        mine.append(capturer.frame_info.sequence)

                tasks = [asyncio.create_task(work(mine)) for mine in taken]
                while min(len(mine) for mine in taken) < 10:
                    await asyncio.sleep(0.01)
            await asyncio.gather(*tasks)
            assert len(set(taken[0] + taken[1])) == len(taken[0]) + len(taken[1])

    run(main())


@pytest.mark.parametrize("ending", ["close", "stop"])
def test_ending_the_capture_ends_a_waiting_task(desktop: Desktop, ending: str) -> None:
    async def main() -> None:
        with desktop.open_waiting(cursor=False) as capturer:
            stream = capturer.stream()
            await drain(stream)
            tasks = [asyncio.create_task(stream.__anext__()) for _ in range(2)]
            await asyncio.sleep(0.05)
            await asyncio.get_running_loop().run_in_executor(None, getattr(capturer, ending))
            for task in tasks:
                with pytest.raises(RuntimeError, match=r"closed|stopped|start"):
                    await task
            await stream.aclose()

    run(main())


@pytest.mark.sim
def test_a_failure_of_the_thread_reaches_the_task() -> None:
    async def main() -> None:
        with sim(f"{LIVE}; at 30ms lose device for ever") as capturer:
            with pytest.raises(rustcam.DeviceError) as caught:
                async for _ in capturer.stream(patience_s=0):
                    pass
            assert caught.value.hresult == 0x887A0005

    run(main())


def test_a_waiting_task_uses_no_processor_time_and_no_thread(desktop: Desktop) -> None:
    async def main() -> float:
        with desktop.open_waiting(cursor=False) as capturer:
            stream = capturer.stream()
            await drain(stream)
            before = threads()
            cpu = time.process_time()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(stream.__anext__(), 0.5)
            cpu = time.process_time() - cpu
            assert threads() == before
            await stream.aclose()
            return cpu

    assert run(main()) < 0.1


@pytest.mark.sim
def test_a_slow_consumer_does_not_block_other_tasks() -> None:
    async def main() -> int:
        iterations = 0

        async def others() -> None:
            nonlocal iterations
            while True:
                iterations += 1
                await asyncio.sleep(0)

        with sim(LIVE) as capturer:
            task = asyncio.create_task(others())
            async with capturer.stream() as stream:
                for _ in range(10):
                    await stream.__anext__()
                    time.sleep(0.02)
                    before = iterations
                    await stream.__anext__()
                    assert iterations > before
            task.cancel()
        return iterations

    assert run(main()) > 10


@pytest.mark.sim
def test_a_stream_can_be_used_by_several_event_loops() -> None:
    with sim(LIVE) as capturer:
        stream = capturer.stream()

        async def one() -> Any:
            return (await stream.__anext__()).shape

        async def abandoned() -> None:
            asyncio.create_task(stream.__anext__())  # noqa: RUF006
            await asyncio.sleep(0)

        for _ in range(3):
            assert asyncio.run(one()) == (HEIGHT, WIDTH, 4)
            asyncio.run(abandoned())
        asyncio.run(stream.aclose())


@pytest.mark.sim
def test_a_second_stream_of_a_capturer_is_refused() -> None:
    async def main() -> None:
        with sim(LIVE) as capturer:
            async with capturer.stream() as first, capturer.stream() as second:
                await first.__anext__()
                with pytest.raises(RuntimeError, match=r"stream\(\) that was not finished.*stop\(\)"):
                    await second.__anext__()
                await first.__anext__()

    run(main())


@pytest.mark.sim
def test_another_thread_may_iterate_only_with_any_thread() -> None:
    def in_another_thread(capturer: rustcam.Capturer) -> list[Any]:
        result: list[Any] = []

        async def main() -> None:
            async with capturer.stream() as stream:
                try:
                    result.append((await stream.__anext__()).shape)
                except RuntimeError as error:
                    result.append(str(error))

        thread = threading.Thread(target=lambda: run(main()))
        thread.start()
        thread.join()
        return result

    with sim(LIVE) as capturer:
        assert "thread" in in_another_thread(capturer)[0]
    with sim(LIVE, any_thread=True) as capturer:
        assert in_another_thread(capturer) == [(HEIGHT, WIDTH, 4)]


def test_exit_is_silent_while_a_task_waits(desktop: Desktop, python: Any) -> None:
    source = f"""{opening(STILL_FOR_REAL)}
import asyncio
stream = capturer.stream()
async def work():
    async for frame in stream:
        pass
async def main():
    asyncio.create_task(work())
    await asyncio.sleep(0.3)
asyncio.run(main())
assert capturer.is_capturing
"""
    result = python(source, desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
