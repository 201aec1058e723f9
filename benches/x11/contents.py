"""Every kind of content with every contender, in interleaved rounds."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

from screens import SCREENS

from desktops import XServer

SECONDS = "0.35"
LIMIT = 120  # seconds for one contender
RATES = [f"{content}@{hz}" for content in ("full", "window") for hz in (144, 180, 240)]
WORKS = {
    (1920, 1080): [
        *("full", "paced:full", "window", "scroll", "video", *RATES),
        *("paced:full@240", "paced:window@240", "static", "pointer", "beside:full"),
    ],
    (3840, 2160): ["full", "paced:full", "window", "scroll", "video"],
}
# At 4K these two deliver a few frames a second, whatever moves.
SLOW = ("pillow", "ffmpeg")
SCRIPT = Path(__file__).resolve().parent / "works.py"

Works = list[dict[str, Any]]
Field = dict[str, dict[tuple[int, int], list[str]]]


def everything() -> Field:
    """Contender -> screen -> pieces of work."""
    return {
        name: {size: [work for work in works if fits(name, size, work)] for size, works in WORKS.items()}
        for name in SCREENS
    }


def fits(name: str, size: tuple[int, int], work: str) -> bool:
    if work.startswith("paced:") and not SCREENS[name].paced:
        return False
    if "@" in work and not SCREENS[name].fast:
        return False
    return not (size == (3840, 2160) and name in SLOW and work in ("window", "scroll", "video"))


def contents(rounds: int, field: Optional[Field] = None) -> list[dict[str, Works]]:
    """Per round and contender what was measured, on servers of each size."""
    field = field or everything()
    servers = {size: XServer(*size) for size in dict.fromkeys(size for works in field.values() for size in works)}
    try:
        return [
            {name: told_by(name, field[name], servers) for name in random.sample(list(field), len(field))}
            for _ in range(rounds)
        ]
    finally:
        for server in servers.values():
            server.stop()


def told_by(name: str, field: dict[tuple[int, int], list[str]], servers: dict[tuple[int, int], XServer]) -> Works:
    told: Works = []
    for size, works in field.items():
        server = servers[size]
        place = ",".join(map(str, (server.display, server.process.pid, *size)))
        command = [sys.executable, str(SCRIPT), name, place, SECONDS, *works]
        result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT)
        told += map(json.loads, result.stdout.splitlines())
    return told
