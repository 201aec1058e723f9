"""How long other threads wait for the interpreter while one grabs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Loop(threading.Thread):
    """Runs Python on a processor and never waits but for the GIL.

    Time in which it neither ran nor stood in the queue of its processor is time without the GIL; the kernel counts
    both.
    """

    def __init__(self, processor: int) -> None:
        super().__init__()
        self.waited = 0.0  # seconds
        self._processor = processor
        self._over = self._begun = False

    def run(self) -> None:
        thread = threading.get_native_id()
        os.sched_setaffinity(thread, {self._processor})
        before = self._outside(thread)
        self._begun = True
        while not self._over:
            pass
        self.waited = self._outside(thread) - before

    def start(self) -> None:
        super().start()
        while not self._begun:
            time.sleep(0.001)

    def stop(self) -> None:
        self._over = True
        self.join()

    @staticmethod
    def _outside(thread: int) -> float:
        queued = int(Path(f"/proc/self/task/{thread}/schedstat").read_text(encoding="ascii").split()[1])
        return time.monotonic() - time.thread_time() - queued / 1e9


@contextmanager
def loop() -> Iterator[Loop]:
    """Beside whatever this thread does, on another processor: in one queue they would hide each other's work."""
    this, everywhere = threading.get_native_id(), os.sched_getaffinity(0)
    processor = max(everywhere)
    other = Loop(processor)
    os.sched_setaffinity(this, everywhere - {processor} or everywhere)
    other.start()
    try:
        yield other
    finally:
        other.stop()
        os.sched_setaffinity(this, everywhere)
