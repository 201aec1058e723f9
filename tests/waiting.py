"""Calls in another thread, and how long they wait."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, TypeVar

from system import until_waiting

T = TypeVar("T")

PROMPT = 0.25  # seconds that "at once" may take on a busy machine


def in_another_thread(work: Callable[[], Any]) -> Any:
    """The result of `work` in another thread; its exception is raised here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=20)


def seconds_to_end(begin: Callable[[], T], wait: Callable[[T], object], end: Callable[[T], object]) -> float:
    """How long a waiting call goes on after it was ended.

    Another thread runs `begin` and passes its result to `wait`, which waits in native code. Then this thread passes the
    result to `end`.
    """
    begun = threading.Event()
    shared: list[Any] = []

    def call() -> float:
        shared.extend([begin(), threading.get_ident(), threading.get_native_id()])
        begun.set()
        wait(shared[0])
        return time.perf_counter()

    with ThreadPoolExecutor(1) as pool:
        returned = pool.submit(call)
        if not begun.wait(10):
            returned.result(0)  # raises what `begin` raised
        until_waiting(*shared[1:])
        start = time.perf_counter()
        end(shared[0])
        return returned.result(10) - start
