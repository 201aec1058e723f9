"""Measures what the pointer costs, and how long it takes from a loss to the next image: recovery.py prints JSON.

`rows()` gives the same as a list: one row per measurement, with every single sample.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import rustcam
from desktops import Painter, XServer

WIDTH, HEIGHT = 1920, 1080
CURSOR_ROUNDS, WARM_UP = 300, 20
LOSS_ROUNDS = 10
# When the desktop is lost after the start, and for how long.
LOST_AT = 0.1
AWAY = (0.0, 0.02, 0.1, 0.5)

Row = dict[str, Any]


@contextmanager
def x_server(width: int = WIDTH, height: int = HEIGHT) -> Iterator[XServer]:
    """A server of our own; `DISPLAY` points to it."""
    server = XServer(width, height)
    os.environ["DISPLAY"] = server.display
    try:
        yield server
    finally:
        server.stop()


def cursor_costs(backend: str, **options: Any) -> Row:
    """Milliseconds per image with and without the pointer, taken in turns, and the ratio of the frame rates."""
    samples: dict[bool, list[float]] = {True: [], False: []}
    with ExitStack() as stack:
        capturers = {
            cursor: stack.enter_context(rustcam.Capturer(backend=backend, cursor=cursor, **options))
            for cursor in samples
        }
        for turn in range(WARM_UP + CURSOR_ROUNDS):
            for cursor in random.sample([True, False], 2):
                start = time.perf_counter()
                capturers[cursor].grab(new_frame_only=False)
                if turn >= WARM_UP:
                    samples[cursor].append(1000 * (time.perf_counter() - start))
    return {
        "what": "cursor",
        "backend": backend,
        "size": [WIDTH, HEIGHT],
        "with_ms": samples[True],
        "without_ms": samples[False],
        # How many images with the pointer come in the time of one without.
        "ratio": median(samples[False]) / median(samples[True]),
    }


def until_back(capturer: rustcam.Capturer) -> float:
    """Captures until the desktop was lost and regained; when the first image came."""
    before = capturer.stats.recoveries
    while capturer.stats.recoveries == before:
        try:
            capturer.grab(5000)
        except rustcam.CaptureError:
            # Gone for longer than the deadline: the next call goes on trying.
            continue
    return time.perf_counter()


def simulated_losses(away: float) -> Row:
    """Milliseconds from the loss, and from the moment when the desktop can be had again, to the first image."""
    since_loss, since_return = [], []
    span = f" for {away * 1000:.0f}ms" if away else ""
    script = f"size {WIDTH}x{HEIGHT}; refresh 60; pointer still; at {LOST_AT * 1000:.0f}ms lose access{span}"
    for _ in range(LOSS_ROUNDS):
        with rustcam.Capturer(backend="sim", cursor=False, sim=script) as capturer:
            capturer.grab()
            assert capturer.frame_info is not None
            # The first present is the beginning of the script.
            lost = capturer.frame_info.present_time + LOST_AT
            back = until_back(capturer)
            since_loss.append(1000 * (back - lost))
            since_return.append(1000 * (back - lost - away))
    return {
        "what": "loss",
        "backend": "sim",
        "away_ms": 1000 * away,
        "since_loss_ms": since_loss,
        "since_return_ms": since_return,
    }


def resized_screens() -> Row:
    """Milliseconds from a change of the mode, as xrandr reports it done, to the first image in the new size."""
    samples = []
    sizes = [(1280, 720), (WIDTH, HEIGHT)]
    with x_server() as server:
        for turn in range(LOSS_ROUNDS):
            width, height = sizes[turn % 2]
            with rustcam.Capturer(backend="x11", cursor=False) as capturer:
                capturer.grab()
                change(server, width, height)
                start = time.perf_counter()
                while capturer.width != width:
                    capturer.grab(1000)
                samples.append(1000 * (time.perf_counter() - start))
    return {"what": "mode", "backend": "x11", "since_change_ms": samples}


def change(server: XServer, width: int, height: int) -> None:
    """Changes the mode of the screen; its first mode exists from the beginning."""
    try:
        server.xrandr("--output", "screen", "--mode", f"{width}x{height}")
    except Exception:
        server.resize(width, height)


def restarted_servers() -> Row:
    """Milliseconds from the moment when a server that was killed is back to the first image."""
    samples = []
    for _ in range(LOSS_ROUNDS):
        with x_server(640, 360) as first, rustcam.Capturer(backend="x11", cursor=False) as capturer:
            capturer.grab()
            first.kill()
            second = XServer(640, 360, first.number)
            start = time.perf_counter()
            try:
                samples.append(1000 * (until_back(capturer) - start))
            finally:
                second.stop()
    return {"what": "restart", "backend": "x11", "since_return_ms": samples}


def cursors() -> list[Row]:
    """What the pointer costs on either backend."""
    measured = [cursor_costs("sim", sim=f"size {WIDTH}x{HEIGHT}; static; pointer still; memory direct; pitch 0")]
    with x_server() as server:
        painter = Painter(server.display)
        painter.point_to(WIDTH // 2, HEIGHT // 2)
        measured.append(cursor_costs("x11"))
        painter.close()
    return measured


def rows() -> list[Row]:
    """Everything. Needs Xvfb and xrandr."""
    return [*cursors(), *map(simulated_losses, AWAY), resized_screens(), restarted_servers()]


if __name__ == "__main__":
    json.dump(rows(), sys.stdout, indent=1)
