"""The parts of a run that follow no screen: kernels, streams, constant rates, losses, memory, the import."""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median

import cv2
import numpy as np

import rustcam
from desktops import XServer
from rustcam.cli.memory import resident

from .calls import Call, timed
from .contenders import FULL_HD, UHD, workload
from .kernels import MEASURED, lines, printed, toned
from .measure import beside
from .run import Line, child, quantile
from .x11 import desktop

SIZE = "{}x{}".format(*FULL_HD)
FAST = f"size {SIZE}; refresh 240; pointer still"
STREAM = f"sim {SIZE}@240"
SLOTS, SPIN_SECONDS = 600, 0.5
GRABS, POLLS = 50_000, 1000
IMPORTS = """
import json, time
start = time.perf_counter()
import numpy
between = time.perf_counter()
import rustcam
print(json.dumps([1000 * (between - start), 1000 * (time.perf_counter() - between)]))
"""

simulated = partial(rustcam.Capturer, backend="sim", cursor=False, any_thread=True)

# Channels of the result, their order for numpy, which cannot make gray, and the code for OpenCV.
FORMATS = {
    "bgr": (3, [0, 1, 2], cv2.COLOR_BGRA2BGR),
    "rgb": (3, [2, 1, 0], cv2.COLOR_BGRA2RGB),
    "rgba": (4, [2, 1, 0, 3], cv2.COLOR_BGRA2RGBA),
    "gray": (1, None, cv2.COLOR_BGRA2GRAY),
}


def kernels(rounds: int) -> Iterator[Line]:
    """Those of the engine, timed by its examples, and the same conversions by peers."""
    yield from lines(printed(rounds))
    yield from toned()
    for size in (FULL_HD, UHD):
        yield from peers(*size, rounds)


def peers(width: int, height: int, rounds: int) -> Iterator[Line]:
    """Into memory that is in use, in turns with memcpy; OpenCV with all processors that it wants."""
    image = np.random.default_rng(1).integers(0, 256, (height, width, 4), np.uint8)
    calls: dict[str, Call] = {"memcpy": (int, partial(np.copyto, np.zeros_like(image), image))}
    for fmt, (channels, order, code) in FORMATS.items():
        out = np.zeros((height, width, channels), np.uint8)
        if order:
            calls[f"{fmt}, numpy"] = int, partial(np.take, image, order, 2, out, "clip")
        calls[f"{fmt}, OpenCV"] = int, partial(cv2.cvtColor, image, code, out)
    samples = {name: found["ms"] for name, found in timed(calls, rounds).items()}
    memcpy = median(samples.pop("memcpy"))
    for name, times in samples.items():
        # Bytes read and written, relative to memcpy.
        moved = (4 + FORMATS[name.split(",")[0]][0]) / 8
        metrics = (median(times), min(times), moved * memcpy / median(times))
        yield f"{width}x{height} kernels", name, dict(zip(MEASURED, metrics))


def on_x11(stack: ExitStack) -> tuple[XServer, rustcam.Capturer]:
    """A server of our own, and what captures it."""
    server = XServer(*FULL_HD)
    stack.callback(server.stop)
    os.environ["DISPLAY"] = server.display
    capturer = stack.enter_context(rustcam.Capturer(backend="x11", cursor=False))
    capturer.grab()
    return server, capturer


def delivery(name: str, frames: int) -> Iterator[Line]:
    """From present to array, and how many presents came, by a `stream` or by `grab`."""
    with simulated(sim=FAST) as capturer:
        if name == "stream":
            capturer.start(0)
        take = capturer.get_latest_frame if name == "stream" else capturer.grab
        take()
        first, latencies = capturer.frame_info.sequence, []
        for _ in range(frames):
            frame = take()
            latencies.append(1000 * (time.perf_counter() - capturer.frame_info.present_time))
            del frame
        presents = capturer.frame_info.sequence - first
    quantiles = {f"p{percent}_ms": quantile(latencies, percent) for percent in (50, 95)}
    yield STREAM, name, {"frames": frames, "presents": presents, **quantiles}


def recording(fmt: str, seconds: float) -> list[Line]:
    """What a recording costs beside the encoder, of a screen on which everything changes."""
    server = XServer(*FULL_HD)
    try:
        os.environ["DISPLAY"] = server.display
        with desktop(str(server.process.pid)) as shown:
            shown.show(workload("1920x1080 full@60 bgra free"))
            return child("recording", fmt, seconds)
    finally:
        server.stop()


def spinning() -> Iterator[Line]:
    """A loop in Python beside a stream and its reader."""
    with simulated(sim=FAST) as capturer:
        with beside(SPIN_SECONDS) as found:
            capturer.start(0)
            end = time.perf_counter() + SPIN_SECONDS
            while time.perf_counter() < end:
                capturer.get_latest_frame()
            capturer.stop()
        yield STREAM, "loop", found


def slots(size: str) -> Iterator[Line]:
    """When `frames(60)` returned, against its slots, and the processor time of as many grabs."""
    script = f"size {size}; refresh 60; pointer still"
    with simulated(sim=script) as capturer, capturer.frames(60) as frames:
        next(frames)
        start, behind, cpu = time.perf_counter(), [], time.process_time()
        for _ in range(SLOTS):
            _, seconds = next(frames)
            behind.append(1e6 * (time.perf_counter() - start - seconds))
        cpu, late, usual = time.process_time() - cpu, frames.late, median(behind)
    with simulated(sim=script) as capturer:
        capturer.grab()
        grabs = time.process_time()
        for _ in range(SLOTS):
            capturer.grab()
        grabs = time.process_time() - grabs
    # Other programs only ever delay a slot, so the early ones of a second tell where the clock is.
    drift = quantile(behind[-60:], 10) - quantile(behind[:60], 10)
    error = sum(abs(us - usual) for us in behind) / len(behind)
    found = {"late": late, "error_us": error, "drift_us": drift, "cpu_to_grabs": cpu / grabs}
    yield f"sim {size}@60", "frames(60)", found


def lost(what: str, capturer: rustcam.Capturer, since: float) -> Line:
    """Milliseconds from that time to the first image after the desktop was lost and regained."""
    before = capturer.stats.recoveries
    while capturer.stats.recoveries == before:
        try:
            capturer.grab(5000)
        except rustcam.CaptureError:
            # Gone for longer than the deadline: the next call goes on trying.
            continue
    return "losses", what, {"ms": [1000 * (time.perf_counter() - since)]}


def access_lost(ms: int) -> Iterator[Line]:
    script = f"size {SIZE}; refresh 60; pointer still; at 100ms lose access"
    with simulated(sim=f"{script} for {ms}ms" if ms else script) as capturer:
        capturer.grab()
        # The first present is the beginning of the script.
        back = capturer.frame_info.present_time + (100 + ms) / 1000
        yield lost(f"sim: access lost for {ms} ms, since it could be had again", capturer, back)


def mode_changed() -> Iterator[Line]:
    with ExitStack() as stack:
        server, capturer = on_x11(stack)
        server.resize(*(side // 2 for side in FULL_HD))
        yield lost("x11: another mode, since `xrandr` returned", capturer, time.perf_counter())


def server_killed() -> Iterator[Line]:
    with ExitStack() as stack:
        server, capturer = on_x11(stack)
        server.kill()
        stack.callback(XServer(*FULL_HD, server.number).stop)
        yield lost("x11: the server killed, since another one was there", capturer, time.perf_counter())


def memory() -> Iterator[Line]:
    """How far resident memory grows, page faults, and the bytes that polls copy when nothing is new."""
    with ExitStack() as stack:
        _, capturer = on_x11(stack)
        for _ in range(100):
            capturer.grab(new_frame_only=False)
        gc.collect()
        faults, sizes = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, [resident() or 0]
        for count in range(GRABS):
            capturer.grab(new_frame_only=False)
            if count % 1000 == 0:
                sizes.append(resident() or 0)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
        copied = capturer.stats.bytes_copied
        for _ in range(POLLS):
            capturer.grab(0)
        copied = capturer.stats.bytes_copied - copied
    found = {"grabs": GRABS, "growth_bytes": max(sizes) - sizes[0], "page_faults": faults, "polls_copied": copied}
    yield "memory", "rustcam", found


def imports(processes: int) -> Iterator[Line]:
    """How long a program waits for numpy, and for rustcam once it has numpy."""
    command = [sys.executable, "-c", IMPORTS]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(processes)]
    for name, values in zip(("numpy", "rustcam"), zip(*map(json.loads, runs))):
        yield "import", name, {"ms": list(values)}
