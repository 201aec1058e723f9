"""`perf` beside a piece of work."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LIMIT = 120  # seconds


class Recording:
    """Begins disabled."""

    def __init__(self, orders: BinaryIO, answers: BinaryIO) -> None:
        self._orders, self._answers = orders, answers

    @contextmanager
    def enabled(self) -> Iterator[None]:
        self._tell("enable")
        yield
        self._tell("disable")

    def stop(self) -> None:
        self._tell("stop")

    def _tell(self, order: str) -> None:
        self._orders.write(f"{order}\n".encode())
        if not self._answers.readline():
            raise OSError(
                "perf has ended; it may need more rights: run as root, or set kernel.perf_event_paranoid to -1"
            )


@contextmanager
def recording(path: Path, options: Sequence[str]) -> Iterator[Recording]:
    """Times are those of the monotonic clock."""
    commands, control = os.pipe()
    answers, acknowledge = os.pipe()
    command = ["perf", "record", "--quiet", "--clockid", "CLOCK_MONOTONIC", "--output", str(path), *options]
    command += ["--delay", "-1", "--control", f"fd:{commands},{acknowledge}"]
    with subprocess.Popen(command, pass_fds=[commands, acknowledge]) as perf:
        os.close(commands)
        os.close(acknowledge)
        try:
            with os.fdopen(control, "wb", buffering=0) as orders, os.fdopen(answers, "rb") as answered:
                found = Recording(orders, answered)
                yield found
                found.stop()
        finally:
            perf.terminate()


def script(path: Path, *options: str) -> list[str]:
    """The recording as lines of text."""
    command = ["perf", "script", "--input", str(path), "--ns", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.run(command, check=True, text=True, timeout=LIMIT, **pipes).stdout.splitlines()
