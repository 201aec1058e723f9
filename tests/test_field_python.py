"""What public bug reports of other capture packages would break here: streams, memory and the choice of outputs.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

import asyncio
import gc
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import rustcam
from conftest import must
from desktops import HEIGHT, LIVE, STILL, WIDTH

TWO = f"{STILL}; outputs 2"


def test_break_out_of_a_stream_ends_it() -> None:
    async def main() -> None:
        with rustcam.Capturer(backend="sim", sim=LIVE) as screen:
            for _ in range(3):
                async for frame in screen.stream():
                    assert frame is not None
                    break
                gc.collect()
                assert not screen.is_capturing
                assert must(screen.grab(new_frame_only=False)).shape == (HEIGHT, WIDTH, 4)

    asyncio.run(main())


def test_an_error_in_the_body_of_async_for_ends_the_stream() -> None:
    async def body(screen: rustcam.Capturer) -> None:
        async for _ in screen.stream():
            raise LookupError

    with rustcam.Capturer(backend="sim", sim=LIVE) as screen:
        with pytest.raises(LookupError):
            asyncio.run(body(screen))
        gc.collect()
        assert must(screen.grab(new_frame_only=False)).shape == (HEIGHT, WIDTH, 4)


@pytest.mark.parametrize("call", ["grab()", "grab_gpu()", "start()", "frames(30)", "grab(out=1)"])
def test_a_stream_that_was_not_finished_is_named_with_what_to_do(call: str) -> None:
    async def main() -> None:
        with rustcam.Capturer(backend="sim", sim=LIVE) as screen:
            stream = screen.stream()
            async for _ in stream:
                break
            method, _, argument = call.partition("(")
            options = {"out": np.zeros((HEIGHT, WIDTH, 4), np.uint8)} if "out" in argument else {}
            with pytest.raises(RuntimeError) as refused:
                getattr(screen, method)(*([30] if "30" in argument else []), **options)
            words = str(refused.value)
            assert "stream()" in words
            assert "aclose()" in words
            assert "stop()" in words
            assert "start() is active" not in words
            await stream.aclose()
            assert screen.grab(new_frame_only=False) is not None

    asyncio.run(main())


@pytest.mark.parametrize("end", ["aclose", "drop"])
def test_the_end_of_an_old_stream_does_not_end_a_new_one(end: str) -> None:
    async def main() -> None:
        with rustcam.Capturer(backend="sim", sim=LIVE) as screen:
            old = screen.stream()
            await old.__anext__()
            screen.stop()
            screen.start()
            if end == "aclose":
                await old.aclose()
            else:
                del old
                gc.collect()
            assert screen.is_capturing
            assert must(screen.get_latest_frame(5000)).shape == (HEIGHT, WIDTH, 4)

    asyncio.run(main())


@pytest.mark.linux
@pytest.mark.parametrize("use", ["grab", "grab(copy=False)", "frames", "start", "dxcam", "out"])
def test_after_a_memory_error_a_capturer_works_as_before(python: Any, use: str) -> None:
    done = python(
        dedent(f"""
        import resource, numpy, rustcam
        from rustcam.compat import dxcam
        script = "size 1920x1080; refresh 1000; full; pointer still"
        use = {use!r}
        screen = rustcam.Capturer(backend="sim", sim=script)
        camera = dxcam.create(backend="sim", sim=script) if use == "dxcam" else None
        screen.grab()
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (120 << 20), -1))
        held, frames = [], screen.frames(1000) if use == "frames" else None
        if use == "start":
            screen.start(0)
        def one():
            if use == "frames":
                return next(frames)[0]
            if use == "start":
                return screen.get_latest_frame(5000)
            if use == "dxcam":
                return camera.grab(new_frame_only=False)
            if use == "out":
                return screen.grab(out=numpy.empty((1080, 1920, 4), numpy.uint8))
            return screen.grab(copy=use == "grab")
        try:
            while len(held) < 100:
                held.append(one())
        except MemoryError as error:
            print("MemoryError", len(held) > 2)
        print(screen.is_capturing, screen.width)
        del held[:]
        if use == "start":
            screen.start(0)
        for _ in range(3):
            print(one().shape)
        """)
    )
    shape = "(1080, 1920, 3)" if use == "dxcam" else "(1080, 1920, 4)"
    state = f"{use == 'frames'} 1920"
    assert done.stdout.splitlines() == ["MemoryError True", state, *[shape] * 3], done.stderr


@pytest.mark.parametrize("chosen", ["SIM-2", "sim-2"])
def test_every_call_chooses_outputs_by_index_name_or_id(chosen: str) -> None:
    outputs = rustcam.list_outputs("sim", sim=TWO)
    assert [output["output_name"] for output in outputs] == ["SIM-1", "SIM-2"]
    expected = rustcam.screenshot(1, backend="sim", sim=TWO)
    for output in (chosen, outputs[1]["id"], 1, np.int64(1)):
        assert np.array_equal(rustcam.screenshot(output, backend="sim", sim=TWO), expected)
        with rustcam.Capturer(output, backend="sim", sim=TWO) as screen:
            assert (screen.output_idx, screen.device_idx) == (1, 0)
