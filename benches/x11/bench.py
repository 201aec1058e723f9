"""Measures rustcam on Xvfb against mss and XShmGetImage, and streams on the simulated desktop: bench.py RESULT.json.

Every round runs all contenders in a random order. Before each timed call, and outside of it, the screen is painted in a
colour that was not there before, so that nothing can be answered from memory. The result holds every single sample;
`render.py` makes tables of them.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import platform
import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

import importing
import mss
import numpy as np
import recovery
from contents import contents
from raw_shm import RawShm
from record import machine, write

import rustcam
from desktops import Painter, XServer

ROUNDS = {1080: 150, 2160: 50}
WARM_UP = 10
REGION = (640, 360, 1280, 720)
STEADY_GRABS = 100_000
FAST = "size 1920x1080; refresh 240; pointer still"
STREAM_ROUNDS, STREAM_FRAMES = 5, 480
PACKAGES = ("rustcam", "mss", "pillow", "imageio-ffmpeg", "numpy")
BEAT = "refresh 60; pointer still"
BEAT_SIZES = ("96x64", "1920x1080")
BEAT_ROUNDS, BEAT_SLOTS = 3, 600
SPIN_ROUNDS, SPIN_SECONDS = 10, 0.5
ROOT = Path(__file__).resolve().parents[2]

Contender = tuple[Callable[[], None], Callable[[], Any]]


def colours() -> Iterator[int]:
    """Colours that never repeat within a run."""
    value = 0
    while True:
        value = (value + 0x9E3779) & 0xFFFFFF
        yield value


def contenders(display: str, width: int, height: int, painter: Painter, stack: ExitStack) -> dict[str, Contender]:
    """Name -> what happens before the clock starts, and the timed call."""
    colour = colours()

    def screen(**options: Any) -> rustcam.Capturer:
        return stack.enter_context(rustcam.Capturer(backend="x11", cursor=False, **options))

    def all_changed() -> None:
        painter.fill((0, 0, width, height), next(colour))

    owned, rgb, part, borrowed, little, still = (screen() for _ in range(6))
    sct = stack.enter_context(mss.MSS(display=display))
    monitor = sct.monitors[1]
    raw = RawShm(display, width, height)

    def little_changed() -> None:
        little.grab(0, copy=False)
        painter.fill((0, 0, width // 10, height // 10), next(colour))

    def nothing_changed() -> None:
        still.grab(0)

    return {
        "raw": (all_changed, raw.grab),
        "mss bgra": (all_changed, lambda: np.asarray(sct.grab(monitor))),
        "mss rgb": (all_changed, lambda: np.ascontiguousarray(np.asarray(sct.grab(monitor))[:, :, 2::-1])),
        "rustcam bgra": (all_changed, owned.grab),
        "rustcam rgb": (all_changed, lambda: rgb.grab(fmt="rgb")),
        "rustcam region": (all_changed, lambda: part.grab(region=REGION)),
        "rustcam borrowed": (all_changed, lambda: borrowed.grab(copy=False)),
        "rustcam little": (little_changed, lambda: little.grab(copy=False)),
        "rustcam static": (nothing_changed, lambda: still.grab(0)),
    }


def timed(contender: Contender) -> tuple[float, float]:
    """Wall and CPU milliseconds of one call."""
    prepare, call = contender
    prepare()
    cpu, start = time.process_time(), time.perf_counter()
    result = call()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    del result
    return 1000 * seconds, 1000 * cpu


def race(width: int, height: int) -> dict[str, dict[str, list[float]]]:
    """All samples of all contenders on a screen of this size."""
    server = XServer(width, height)
    os.environ["DISPLAY"] = server.display
    painter = Painter(server.display)
    try:
        with ExitStack() as stack:
            field = contenders(server.display, width, height, painter, stack)
            samples: dict[str, dict[str, list[float]]] = {name: {"wall_ms": [], "cpu_ms": []} for name in field}
            for turn in range(WARM_UP + ROUNDS[height]):
                for name in random.sample(list(field), len(field)):
                    wall, cpu = timed(field[name])
                    if turn >= WARM_UP:
                        samples[name]["wall_ms"].append(wall)
                        samples[name]["cpu_ms"].append(cpu)
            return samples
    finally:
        painter.close()
        server.stop()


def steady(width: int, height: int) -> dict[str, Any]:
    """Memory over many grabs: resident bytes every thousandth grab, page faults, bytes copied by polls."""
    server = XServer(width, height)
    os.environ["DISPLAY"] = server.display
    try:
        with rustcam.Capturer(backend="x11", cursor=False) as capturer:
            for _ in range(100):
                capturer.grab(new_frame_only=False)
            gc.collect()
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            memory = [resident()]
            for turn in range(1, STEADY_GRABS + 1):
                capturer.grab(new_frame_only=False)
                if turn % 1000 == 0:
                    memory.append(resident())
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
            copied = capturer.stats.bytes_copied
            for _ in range(1000):
                capturer.grab(0)
            copied = capturer.stats.bytes_copied - copied
    finally:
        server.stop()
    return {
        "grabs": STEADY_GRABS,
        "resident_bytes": memory,
        "page_faults": faults,
        "bytes_copied_by_1000_polls": copied,
    }


def simulated(script: str) -> rustcam.Capturer:
    return rustcam.Capturer(backend="sim", cursor=False, sim=script, any_thread=True)


def arrivals(capturer: rustcam.Capturer, take: Callable[[], Any]) -> dict[str, Any]:
    """Milliseconds from present to array, and how many presents there were."""
    take()
    info = capturer.frame_info
    assert info is not None
    first, latencies = info.sequence, []
    for _ in range(STREAM_FRAMES):
        frame = take()
        now = time.perf_counter()
        info = capturer.frame_info
        assert info is not None
        latencies.append(1000 * (now - info.present_time))
        del frame
    return {"latency_ms": latencies, "presents": info.sequence - first}


def deliveries() -> dict[str, list[dict[str, Any]]]:
    """Streams and bare grabs in turn."""
    result: dict[str, list[dict[str, Any]]] = {"stream": [], "grab": []}
    for _ in range(STREAM_ROUNDS):
        for name in random.sample(list(result), len(result)):
            with simulated(FAST) as capturer:
                if name == "stream":
                    capturer.start(0)
                    result[name].append(arrivals(capturer, capturer.get_latest_frame))
                else:
                    result[name].append(arrivals(capturer, capturer.grab))
    return result


def slots() -> list[dict[str, Any]]:
    """When `frames(60)` returned, against its slots, and the CPU time of as many grabs."""
    rounds = []
    for size in BEAT_SIZES * BEAT_ROUNDS:
        script = f"size {size}; {BEAT}"
        with simulated(script) as capturer, capturer.frames(60) as frames:
            next(frames)
            start, behind, cpu = time.perf_counter(), [], time.process_time()
            for _ in range(BEAT_SLOTS):
                _, seconds = next(frames)
                behind.append(1e6 * (time.perf_counter() - start - seconds))
            cpu = time.process_time() - cpu
            late = frames.late
        with simulated(script) as capturer:
            capturer.grab()
            grabs = time.process_time()
            for _ in range(BEAT_SLOTS):
                capturer.grab()
            grabs = time.process_time() - grabs
        rounds.append({"size": size, "behind_us": behind, "late": late, "cpu_s": cpu, "cpu_s_of_grabs": grabs})
    return rounds


def spinning() -> dict[str, list[float]]:
    """Turns per second of a loop in Python: alone, and beside a stream that another thread reads."""

    def spin() -> float:
        turns, start = 0, time.perf_counter()
        while time.perf_counter() - start < SPIN_SECONDS:
            turns += 1
        return turns / SPIN_SECONDS

    def read() -> None:
        try:
            while True:
                capturer.get_latest_frame()
        except RuntimeError:  # stopped
            pass

    result: dict[str, list[float]] = {"alone": [], "beside": []}
    with simulated(FAST) as capturer:
        for _ in range(SPIN_ROUNDS):
            result["alone"].append(spin())
            capturer.start(0)
            reader = threading.Thread(target=read)
            reader.start()
            result["beside"].append(spin())
            capturer.stop()
            reader.join()
    return result


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def kernels() -> dict[str, Any]:
    """Times of each pixel kernel and of memcpy, interleaved, from the engine's example of that name."""
    command = ["cargo", "run", "--release", "--quiet", "--package", "rustcam", "--example", "kernels"]
    result = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, Any] = json.loads(result.stdout)
    return measured


def versions() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "cpu_path": rustcam._rustcam._cpu_path,
    }


def main() -> int:
    result = {
        "machine": {**machine(), **versions()},
        "import_ms": importing.milliseconds(),
        "kernels": kernels(),
        "screens": {"1920x1080": race(1920, 1080), "3840x2160": race(3840, 2160)},
        "contents": contents(),
        "recovery": recovery.rows(),
        "steady": steady(1920, 1080),
        "streams": {"deliveries": deliveries(), "slots": slots(), "spinning": spinning()},
    }
    write(Path(sys.argv[1]), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
