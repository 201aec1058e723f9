"""Frames for asyncio: `async for frame in capturer.stream()`."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt

from rustcam._errors import CaptureTimeout

if TYPE_CHECKING:
    from rustcam._rustcam import Capturer

__all__ = ["FrameStream"]


class FrameStream:
    """The newest frames of a capturer, as an asynchronous iterator.

    The stream starts with the first frame that is asked for. The capture thread wakes the event loop when a frame is
    there; nothing polls, and no thread is made per call. Leaving an `async with`, or `aclose()`, stops the stream.
    """

    def __init__(self, capturer: Capturer, options: dict[str, Any], copy: bool) -> None:
        self._capturer = capturer
        self._options = options
        self._copy = copy
        self._started = False
        self._closed = False

    def __aiter__(self) -> FrameStream:
        return self

    async def __anext__(self) -> npt.NDArray[np.uint8]:
        if self._closed:
            raise StopAsyncIteration
        if not self._started:
            self._capturer.start(**self._options)
            self._started = True
        while True:
            try:
                return self._capturer.get_latest_frame(0, copy=self._copy)
            except CaptureTimeout:
                await self._arrival()
            if self._closed:
                raise StopAsyncIteration

    async def _arrival(self) -> None:
        """Waits until there is a frame, or a reason why none will come."""
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()

        def resolve() -> None:
            if not arrived.done():
                arrived.set_result(None)

        def ring() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(resolve)

        self._capturer._when_ready(ring)
        await arrived

    async def aclose(self) -> None:
        """Stops the stream. Idempotent."""
        if not self._closed:
            self._closed = True
            if self._started:
                self._capturer.stop()

    async def __aenter__(self) -> FrameStream:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()
