"""Frames for asyncio: `async for frame in capturer.stream()`.

asyncio and numpy are imported on first use: each takes longer to import than the rest of the package.
"""

from __future__ import annotations

import atexit
import contextlib
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

from ._errors import CaptureTimeout

if TYPE_CHECKING:
    import asyncio

    import numpy.typing as npt

    from ._rustcam import Capturer, OwnedStream

__all__ = ["FrameStream"]


_called_from_threads: weakref.WeakSet[Capturer] = weakref.WeakSet()


def close_at_exit(capturer: Capturer) -> None:
    """Registers a capturer whose thread calls into Python: it must be closed before the interpreter ends."""
    _called_from_threads.add(capturer)


@atexit.register
def _close_all() -> None:
    for capturer in list(_called_from_threads):
        capturer.close()


class FrameStream:
    """The newest images of a capturer, as an asynchronous iterator, from `Capturer.stream`.

    The stream starts with the first `__anext__`. The capture thread wakes the event loop when an image is ready; there
    is no polling and no thread per call. Several tasks may iterate: each image goes to one of them. Every `__anext__`
    lets other tasks run first, even if an image is ready.

    The end of `async with`, `aclose()`, and dropping the object stop the stream. `async for frame in screen.stream()`
    drops it when the loop ends, also by `break` or by an exception. A stream that a variable holds runs on after the
    loop, and other captures are refused until it is stopped. Exceptions are those of `start` and `get_latest_frame`,
    without `CaptureTimeout`.
    """

    def __init__(self, capturer: Capturer, options: dict[str, Any], copy: bool) -> None:
        self._capturer = capturer
        self._options = options
        self._copy = copy
        self._running: Optional[OwnedStream] = None
        self._closed = False
        self._arrived: Optional[asyncio.Future[None]] = None

    def __aiter__(self) -> FrameStream:
        return self

    async def __anext__(self) -> npt.NDArray[Any]:
        import asyncio

        # A consumer slower than the desktop always finds an image ready: without this it would never yield to the loop.
        await asyncio.sleep(0)
        while not self._closed:
            if self._running is None:
                self._running = self._capturer._start_owned(**self._options)
            try:
                return self._capturer.get_latest_frame(0, copy=self._copy)
            except CaptureTimeout:
                await self._arrival()
        raise StopAsyncIteration

    async def _arrival(self) -> None:
        """Waits until `get_latest_frame` can return or raise without waiting. All tasks share one future."""
        import asyncio

        loop = asyncio.get_running_loop()
        arrived = self._arrived
        if arrived is None or arrived.done() or arrived.get_loop() is not loop:
            arrived = self._listen(loop)
        # The cancellation of one task must not cancel the future of the others.
        await asyncio.shield(arrived)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        arrived = loop.create_future()

        def resolve() -> None:
            if not arrived.done():
                arrived.set_result(None)

        def wake_loop() -> None:
            # Raised if the loop was closed: then no task is waiting.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(resolve)

        self._capturer._when_ready(wake_loop)
        self._arrived = arrived
        return arrived

    async def aclose(self) -> None:
        """Stops the stream and ends the iteration of every task. Idempotent."""
        if not self._closed:
            self._closed = True
            if self._running is not None:
                self._running.stop()

    async def __aenter__(self) -> FrameStream:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()
