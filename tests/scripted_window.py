"""A window of the simulated desktop, what happens to it, and capturers of it."""

from __future__ import annotations

import threading
from typing import Any

import rustcam
from conftest import sim

W, H = 90, 70
SIDES, TOP = 4, 24

# Virtual clock: time passes only while a call waits.
DESKTOP = "size 640x360; static; pointer still; clock virtual\n"
EDITOR = f'window "Editor" at 40,30 size {W}x{H} app "notes" pid 7\n'
SCRIPT = f'{DESKTOP}{EDITOR}window "Player 1" at 60,40 size 64x48\nwindow "Player 2" at -20,-10 size 32x24 minimized\n'
# Real clock: for streams and threads.
REAL = "size 640x360; static; pointer still\n"


def script_of(events: str, beginning: str = DESKTOP) -> str:
    """A script in which this happens to the window: `"1s close; 2s open"`."""
    times = [event.split(" ", 1) for event in events.split("; ") if event]
    return beginning + EDITOR + "\n".join(f'at {time} window "Editor" {event}' for time, event in times)


def editor(events: str = "", **options: Any) -> rustcam.Capturer:
    """A capturer of the window in virtual time."""
    return sim(script_of(events), **{"window": "editor", "cursor": False, **options})


def live(events: str, **options: Any) -> rustcam.Capturer:
    """A capturer of the window in real time."""
    return sim(script_of(events, REAL), **{"window": "editor", "cursor": False, **options})


def lost(capturer: rustcam.Capturer) -> str:
    return capturer.stats.lost or ""


class Title:
    """What behaves like a compiled expression."""

    pattern = "editor"

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.titles: list[str] = []

    def search(self, title: str) -> Any:
        with self.lock:
            self.titles.append(title)
        return 1 if title == "Editor" else None
