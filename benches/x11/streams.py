"""Streams and constant rates on the simulated desktop."""

from __future__ import annotations

import random
import threading
import time
from typing import Any, Callable

import rustcam

FAST = "size 1920x1080; refresh 240; pointer still"
BEAT = "refresh 60; pointer still"
BEAT_SIZES = ("96x64", "1920x1080")
BEAT_ROUNDS, BEAT_SLOTS = 3, 600
SPIN_SECONDS = 0.5


def simulated(script: str) -> rustcam.Capturer:
    return rustcam.Capturer(backend="sim", cursor=False, sim=script, any_thread=True)


def deliveries(rounds: int, frames: int) -> dict[str, list[dict[str, Any]]]:
    """Streams and bare grabs in turn."""
    result: dict[str, list[dict[str, Any]]] = {"stream": [], "grab": []}
    for _ in range(rounds):
        for name in random.sample(list(result), len(result)):
            with simulated(FAST) as capturer:
                if name == "stream":
                    capturer.start(0)
                    result[name].append(arrivals(capturer, capturer.get_latest_frame, frames))
                else:
                    result[name].append(arrivals(capturer, capturer.grab, frames))
    return result


def arrivals(capturer: rustcam.Capturer, take: Callable[[], Any], frames: int) -> dict[str, Any]:
    """Milliseconds from present to array, and how many presents there were."""
    take()
    info = capturer.frame_info
    assert info is not None
    first, latencies = info.sequence, []
    for _ in range(frames):
        frame = take()
        now = time.perf_counter()
        info = capturer.frame_info
        assert info is not None
        latencies.append(1000 * (now - info.present_time))
        del frame
    return {"latency_ms": latencies, "presents": info.sequence - first}


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


def spinning(rounds: int) -> dict[str, list[float]]:
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
        for _ in range(rounds):
            result["alone"].append(spin())
            capturer.start(0)
            reader = threading.Thread(target=read)
            reader.start()
            result["beside"].append(spin())
            capturer.stop()
            reader.join()
    return result
