"""Times of each pixel kernel, of memcpy, and of what numpy and OpenCV need for the same."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Callable

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
ENGINE = ["cargo", "run", "--release", "--quiet", "--package", "rustcam", "--example", "kernels"]
CHANNELS = {"bgr": 3, "rgb": 3, "rgba": 4, "gray": 1}
CODES = {"bgr": cv2.COLOR_BGRA2BGR, "rgb": cv2.COLOR_BGRA2RGB, "rgba": cv2.COLOR_BGRA2RGBA, "gray": cv2.COLOR_BGRA2GRAY}
ORDERS = {"bgr": [0, 1, 2], "rgb": [2, 1, 0], "rgba": [2, 1, 0, 3]}


def heats(count: int, rounds: int) -> list[dict[str, Any]]:
    """What the engine's example of that name tells, with the peers among the kernels of each size."""
    told = []
    for _ in range(count):
        engine, peers = (
            json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
            for command in ([*ENGINE, str(rounds)], [sys.executable, __file__, str(rounds)])
        )
        for size, kernels in engine["sizes"].items():
            kernels.update(peers[size])
        told.append(engine)
    return told


def peers(width: int, height: int, rounds: int) -> dict[str, dict[str, float]]:
    """Into memory that is warm and used again, in turns with memcpy; OpenCV with all processors that it wants."""
    image = np.random.default_rng(1).integers(0, 256, (height, width, 4), np.uint8)
    steps = dict(converters(image))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, (_, step) in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(1000 * (time.perf_counter() - start))
    speeds = {name: steps[name][0] / median(samples) for name, samples in times.items()}
    return {
        name: {
            "best_ms": round(min(samples), 4),
            "median_ms": round(median(samples), 4),
            "ratio_median": round(speeds[name] / speeds["memcpy"], 3),
        }
        for name, samples in times.items()
        if name != "memcpy"
    }


def converters(image: Any) -> Iterator[tuple[str, tuple[int, Callable[[], Any]]]]:
    """Name -> bytes read and written, and the call."""
    copy = np.zeros_like(image)
    yield "memcpy", (2 * image.nbytes, lambda: np.copyto(copy, image))
    for fmt, channels in CHANNELS.items():
        out = np.zeros((*image.shape[:2], channels), np.uint8)
        moved = image.nbytes + out.nbytes
        if fmt in ORDERS:
            yield f"{fmt}, numpy", (moved, lambda out=out, fmt=fmt: np.take(image, ORDERS[fmt], 2, out, "clip"))
        yield f"{fmt}, OpenCV", (moved, lambda out=out, fmt=fmt: cv2.cvtColor(image, CODES[fmt], out))


if __name__ == "__main__":
    turns = int(sys.argv[1])
    print(json.dumps({f"{w}x{h}": peers(w, h, turns) for w, h in ((1920, 1080), (3840, 2160))}))
