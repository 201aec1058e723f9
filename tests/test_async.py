"""`stream()`: asynchronous iteration no busy loop, no thread per call, nobody who waits forever."""

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

LIMIT = 15  # seconds; nothing here takes that long unless somebody waits forever


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(main, LIMIT)

    return asyncio.run(limited())


async def quiet(stream: rustcam.FrameStream) -> None:
    """Takes the screen as it is, however long that needs, and then frames until none has come for a while."""
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
def test_mistakes_are_raised_by_the_first_request(options: dict[str, Any], error: type[Exception]) -> None:
    async def main() -> None:
        with sim(LIVE) as capturer:
            stream = capturer.stream(**options)
            with pytest.raises(error):
                await stream.__anext__()
            assert not capturer.is_capturing
            assert (await capturer.stream().__anext__()).shape == (HEIGHT, WIDTH, 4)

    run(main())


@pytest.mark.sim
def test_wrong_types_are_refused_at_once() -> None:
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
            await quiet(stream)
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
def test_a_cancelled_task_does_not_take_others_with_it() -> None:
    async def main() -> None:
        with sim(f"{STILL_FOR_REAL}; at 700ms present full", cursor=False) as capturer:
            async with capturer.stream() as stream:
                await quiet(stream)
                first, second = (asyncio.create_task(stream.__anext__()) for _ in range(2))
                await asyncio.sleep(0.05)
                first.cancel()
                assert (await second).shape == (HEIGHT, WIDTH, 4)
                assert first.cancelled()

    run(main())


def test_aclose_ends_every_task_and_may_be_called_often(desktop: Desktop) -> None:
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
def test_tasks_share_the_frames() -> None:
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
            await quiet(stream)
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
                async for _ in capturer.stream():
                    pass
            assert caught.value.hresult == 0x887A0005

    run(main())


def test_waiting_costs_nothing(desktop: Desktop) -> None:
    async def main() -> float:
        with desktop.open_waiting(cursor=False) as capturer:
            stream = capturer.stream()
            await quiet(stream)
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
def test_a_slow_consumer_leaves_the_loop_to_others() -> None:
    async def main() -> int:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        with sim(LIVE) as capturer:
            task = asyncio.create_task(others())
            async with capturer.stream() as stream:
                for _ in range(10):
                    await stream.__anext__()
                    time.sleep(0.02)
                    before = turns
                    await stream.__anext__()
                    assert turns > before
            task.cancel()
        return turns

    assert run(main()) > 10


@pytest.mark.sim
def test_a_stream_may_change_the_loop() -> None:
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
def test_two_streams_of_one_capturer() -> None:
    async def main() -> None:
        with sim(LIVE) as capturer:
            async with capturer.stream() as first, capturer.stream() as second:
                await first.__anext__()
                with pytest.raises(RuntimeError, match=r"start\(\) is active"):
                    await second.__anext__()
                await first.__anext__()

    run(main())


@pytest.mark.sim
def test_another_thread() -> None:
    def elsewhere(capturer: rustcam.Capturer) -> list[Any]:
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
        assert "thread" in elsewhere(capturer)[0]
    with sim(LIVE, any_thread=True) as capturer:
        assert elsewhere(capturer) == [(HEIGHT, WIDTH, 4)]


def test_leaving_in_the_middle_is_silent(desktop: Desktop, python: Any) -> None:
    source = f"""{opening(STILL_FOR_REAL)}
import asyncio
async def work():
    async for frame in capturer.stream():
        pass
async def main():
    asyncio.create_task(work())
    await asyncio.sleep(0.3)
asyncio.run(main())
assert capturer.is_capturing
"""
    result = python(source, desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
