"""The stimulus in a process of its own, and what it tells of its presents."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stimulus import PRESENT


class Presents:
    """What is shown, and what was told of it."""

    def __init__(self, stimulus: Any) -> None:
        self._commands, self._told = stimulus.stdin, stimulus.stdout
        self.times: dict[int, float] = {}

    def begin(self, content: str, hz: float) -> None:
        """Another content; returns when it is on the screen."""
        self._commands.write(f"{content} {hz:g}\n".encode())
        self._commands.flush()
        self.times.clear()
        while 0 not in self.times:
            self.read()

    @property
    def newest(self) -> int:
        return max(self.times)

    def read(self) -> None:
        """Waits for one, and takes in those that came meanwhile."""
        data = os.read(self._told.fileno(), 1 << 16)
        if not data:
            raise OSError("the stimulus has ended")
        for number, seconds in PRESENT.iter_unpack(data):
            if number == 0:
                # Whatever came before belongs to another content.
                self.times.clear()
            self.times[number] = 1000 * seconds

    def follow(self, number: int) -> None:
        """Takes in everything up to this frame: it may be here before the news of it."""
        self.read()
        while self.newest < number:
            self.read()


@contextmanager
def stimulus(display: str) -> Iterator[Presents]:
    script = Path(__file__).resolve().parent / "stimulus.py"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, str(script), display], **pipes) as process:
        try:
            yield Presents(process)
        finally:
            process.kill()
