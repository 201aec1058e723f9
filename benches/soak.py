"""Streams for a while and watches what piles up: soak.py [SECONDS [BACKEND]].

One reader drops each frame, one keeps the last hundred, one passes them to another thread; meanwhile streams are
stopped and started again. Prints frames, missed presents, resident memory, open files and threads, and fails if any of
them grew after the first tenth, or once the readers hold all that they will.
"""

from __future__ import annotations

import gc
import itertools
import queue
import resource
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import rustcam

SIM = "size 640x360; refresh 240"
SPARE = 64 << 20  # bytes; the frames that readers hold come and go
RESTART_EVERY = 500  # frames


def sizes() -> tuple[int, int, int]:
    """Resident bytes, open files, threads of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    files, threads = (sum(1 for _ in Path("/proc/self", name).iterdir()) for name in ("fd", "task"))
    return pages * resource.getpagesize(), files, threads


def drop_in_another_thread(frames: queue.Queue[Any]) -> None:
    while frames.get() is not None:
        pass


def soak(seconds: float, backend: str) -> bool:
    """Whether nothing grew."""
    kept: deque[Any] = deque(maxlen=100)
    passed: queue.Queue[Any] = queue.Queue(maxsize=10)
    other = threading.Thread(target=drop_in_another_thread, args=(passed,))
    other.start()
    start = time.monotonic()
    before: tuple[int, int, int] | None = None
    report = start
    print(f"{'seconds':>8} {'frames':>9} {'missed':>7} {'MiB':>7} {'files':>6} {'threads':>8}")
    with rustcam.Capturer(backend=backend, sim=SIM if backend == "sim" else None) as capturer:
        capturer.start(0)
        for count in itertools.count(1):
            frame = capturer.get_latest_frame(5000, copy=count % 2 == 0)
            if count % 3 == 0:
                kept.append(frame)
            elif count % 3 == 1:
                passed.put(frame)
            if count % RESTART_EVERY == 0:
                capturer.stop()
                capturer.start(0)
            now = time.monotonic()
            if before is None and now - start > seconds / 10 and len(kept) == kept.maxlen:
                gc.collect()
                before = sizes()
            if now >= report or now - start > seconds:
                report += max(1.0, seconds / 20)
                memory, files, threads = sizes()
                missed = capturer.stats.missed
                print(
                    f"{now - start:8.0f} {count:9} {missed:7} {memory / 2**20:7.1f} {files:6} {threads:8}", flush=True
                )
            if now - start > seconds and before:
                break
        capturer.stop()
    passed.put(None)
    other.join()
    after = sizes()
    assert before is not None
    grown = [
        name
        for name, old, new, spare in zip(("memory", "files", "threads"), before, after, (SPARE, 0, 0))
        if new > old + spare
    ]
    print("grew: " + ", ".join(grown) if grown else "nothing grew")
    return not grown


if __name__ == "__main__":
    SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    sys.exit(0 if soak(SECONDS, sys.argv[2] if len(sys.argv) > 2 else "sim") else 1)
