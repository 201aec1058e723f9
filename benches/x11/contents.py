"""Every kind of content with every contender, in interleaved rounds."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from screens import SCREENS

from desktops import XServer

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = "0.35"
LIMIT = 120  # seconds for one contender on one server
WORKS = {
    (1920, 1080): ["full", "paced:full", "window", "scroll", "video", "static", "pointer"],
    (3840, 2160): ["full", "paced:full"],
}
SCRIPT = Path(__file__).resolve().parent / "works.py"

Works = list[dict[str, Any]]


def contents() -> list[dict[str, Works]]:
    """Per round and contender what was measured, on servers of each size."""
    servers = [XServer(*size) for size in WORKS]
    try:
        return [
            {name: field(name, servers) for name in random.sample(list(SCREENS), len(SCREENS))} for _ in range(ROUNDS)
        ]
    finally:
        for server in servers:
            server.stop()


def field(name: str, servers: list[XServer]) -> Works:
    told: Works = []
    for server, ((width, height), works) in zip(servers, WORKS.items()):
        works = [work for work in works if SCREENS[name].paced or not work.startswith("paced:")]
        place = f"{server.display},{server.process.pid},{width},{height}"
        command = [sys.executable, str(SCRIPT), name, place, SECONDS, *works]
        result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT)
        told += map(json.loads, result.stdout.splitlines())
    return told
