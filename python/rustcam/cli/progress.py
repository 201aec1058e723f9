"""The progress line of a recording on a terminal."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from .._rustcam import FrameIterator

INTERVAL = 0.2  # seconds between two updates


class Progress:
    """Shown on the standard error output if that is a terminal: a bar if rich is installed, else a line of text."""

    def __init__(self, total: Optional[int], fps: Fraction) -> None:
        self._total, self._fps = total, fps
        self._shown = sys.stderr.isatty()
        self._next = 0.0
        self._bar: Any = _bar(total) if self._shown else None

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def update(self, count: int, frames: FrameIterator, size: int) -> None:
        now = time.monotonic()
        if not self._shown or now < self._next:
            return
        self._next = now + INTERVAL
        text = describe(count, self._fps, frames, size)
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=count, description=text)
            self._bar.refresh()
        else:
            _rewrite(text)

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif self._shown:
            _rewrite("")
            _rewrite("", 0)


def describe(count: int, fps: Fraction, frames: FrameIterator, size: int) -> str:
    """Length and size of a video, and its counters of repeated, skipped and late frames."""
    return (
        f"{clock(count / fps)}, {count} frames: {frames.repeated} repeated, {frames.skipped} skipped,"
        f" {frames.late} late; {size / 1e6:.1f} MB"
    )


def clock(seconds: Fraction) -> str:
    """A duration such as 1:02:03.4."""
    tenths = int(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{start}:{tenths // 10:02}.{tenths % 10}"


def _bar(total: Optional[int]) -> Any:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
    except ImportError:
        return None
    from rich.table import Column

    columns = [BarColumn(20), TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))]
    bar = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    bar.add_task("", total=total)
    return bar


def _rewrite(text: str, width: Optional[int] = None) -> None:
    """Replaces the last line of the terminal. A longer text would begin a line of its own at every update."""
    if width is None:
        # A text in the last column moves some terminals to the next line.
        width = _columns() - 1
    with suppress(OSError, ValueError):
        sys.stderr.write("\r" + text[:width].ljust(width))
        sys.stderr.flush()


def _columns() -> int:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, OSError, ValueError):
        columns = 0
    return columns or 80
