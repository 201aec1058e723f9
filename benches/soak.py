"""Streams for a while and watches what piles up: soak.py [SECONDS [BACKEND]].

One reader drops each frame, one keeps the last hundred, one passes them to another thread; meanwhile streams are
stopped and started again. Prints frames, missed presents, resident memory, open files and threads, and fails if any of
them grew after the first tenth, or once the readers hold all that they will.
"""

from __future__ import annotations

import gc
import itertools
import queue
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import rustcam
from rustcam.cli.memory import resident

SIM = "size 640x360; refresh 240"
# How far each may grow: the frames that readers hold come and go.
SPARE = {"MiB": 64, "files": 0, "threads": 0}
RESTART_EVERY = 500  # frames


def sizes() -> dict[str, int]:
    """Of this process."""
    files, threads = (sum(1 for _ in Path("/proc/self", name).iterdir()) for name in ("fd", "task"))
    return {"MiB": (resident() or 0) >> 20, "files": files, "threads": threads}


def drop_all(frames: queue.Queue[Any]) -> None:
    while frames.get() is not None:
        pass


def soak(seconds: float, backend: str) -> list[str]:
    """What grew."""
    kept: deque[Any] = deque(maxlen=100)
    passed: queue.Queue[Any] = queue.Queue(maxsize=10)
    other = threading.Thread(target=drop_all, args=(passed,))
    other.start()
    before: dict[str, int] = {}
    start = report = time.monotonic()
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
            if not before and now - start > seconds / 10 and len(kept) == kept.maxlen:
                gc.collect()
                before = sizes()
            over = bool(before) and now - start > seconds
            if now >= report or over:
                report += max(1.0, seconds / 20)
                found = {"seconds": round(now - start), "frames": count, "missed": capturer.stats.missed, **sizes()}
                print("  ".join(f"{value:7} {name}" for name, value in found.items()), flush=True)
            if over:
                break
        capturer.stop()
    passed.put(None)
    other.join()
    after = sizes()
    return [name for name, spare in SPARE.items() if after[name] > before[name] + spare]


if __name__ == "__main__":
    grown = soak(float(sys.argv[1]) if len(sys.argv) > 1 else 120.0, sys.argv[2] if len(sys.argv) > 2 else "sim")
    print("grew: " + ", ".join(grown) if grown else "nothing grew")
    sys.exit(1 if grown else 0)
