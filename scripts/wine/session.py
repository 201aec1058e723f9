"""A display and a Wine prefix of our own, for as long as a block runs; whatever was started in it is ended with it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Callable, Optional, Union

from .stamp import remade

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "wine"
PREFIX = BUILD / "prefix"

# A command and the Debian package that has it.
TOOLS = {"wine": "wine", "wineserver": "wine", "Xvfb": "xvfb", "x86_64-w64-mingw32-gcc": "gcc-mingw-w64-x86-64-win32"}
TARGET = "x86_64-pc-windows-gnu"
# The DLLs that Wine 8 lacks, each in one file: the second is needed by other packages only.
SHIMS = [HERE / "bcryptprimitives.c", HERE / "coremessaging.c"]

START_LIMIT = 180  # seconds
GRACE = 10  # seconds between asking a program to end and ending it

VARIABLES = {
    "WINEPREFIX": str(PREFIX),
    "WINEARCH": "win64",
    "WINEDEBUG": "-all",
    # Without the debugger a crash ends the program; with it, it hangs. The next two are offers to download software;
    # the last one writes into the user's desktop menus.
    "WINEDLLOVERRIDES": "winedbg.exe=d;mscoree=d;mshtml=d;winemenubuilder.exe=d",
}
OURS = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PYO3_PYTHON", "PYTEST_ADDOPTS"}


def missing_tools() -> list[str]:
    return [tool for tool in TOOLS if not shutil.which(tool)]


Command = Sequence[Union[str, Path]]


def show(line: str) -> None:
    print(line, flush=True)


class Session:
    """`with Session() as wine: wine.run([...], limit=60)`. One at a time; another waits for its end."""

    def __init__(self, size: str = "1920x1080") -> None:
        self._size = size
        self._server: Optional[subprocess.Popen[bytes]] = None
        self._lock: Optional[IO[bytes]] = None
        self.environment = {name: value for name, value in os.environ.items() if name not in OURS}
        self.environment.update(VARIABLES)

    def __enter__(self) -> Session:
        BUILD.mkdir(parents=True, exist_ok=True)
        self._lock = (BUILD / "lock").open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            self._end_programs()  # of a session that was killed
            self._start_display()
            self._make_prefix()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._end()

    def run(
        self,
        command: Command,
        *,
        limit: float,
        line: Callable[[str], None] = show,
        variables: Optional[Mapping[str, str]] = None,
    ) -> int:
        """Runs a program, hands over its lines, and returns its exit status; 124 if the limit ended it.

        Its output goes through a pipe, because Windows CPython refuses to start on a file.
        """
        limited = ["timeout", f"--kill-after={GRACE}", str(limit), *map(str, command)]
        env = {**self.environment, **(variables or {})}
        with subprocess.Popen(
            limited, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            try:
                for data in process.stdout:
                    line(data.decode("utf-8", "replace").rstrip("\r\n"))
            except BaseException:
                process.terminate()
                raise
        if process.returncode == 124:
            line(f"ended after {limit} s: {' '.join(map(str, command))}")
        return process.returncode

    def must(self, command: Command, *, limit: float, variables: Optional[Mapping[str, str]] = None) -> None:
        """Runs a program silently; its output is told if it fails."""
        lines: list[str] = []
        if status := self.run(command, limit=limit, line=lines.append, variables=variables):
            print("\n".join(lines), file=sys.stderr)
            raise RuntimeError(f"exit status {status}: {' '.join(map(str, command))}")

    def _start_display(self) -> None:
        reader, writer = os.pipe()
        screen = ["-screen", "0", f"{self._size}x24"]
        command = ["Xvfb", "-displayfd", str(writer), *screen, "-noreset", "-nolisten", "tcp"]
        quiet = subprocess.DEVNULL
        self._server = subprocess.Popen(command, pass_fds=[writer], stdin=quiet, stdout=quiet, stderr=quiet)
        os.close(writer)
        with os.fdopen(reader) as ready:
            number = ready.readline().strip()
        if not number:
            raise RuntimeError("Xvfb does not start")
        self.environment["DISPLAY"] = f":{number}"

    def _make_prefix(self) -> None:
        version = subprocess.run(
            ["wine", "--version"], env=self.environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout
        with remade(PREFIX, *SHIMS, version, *map("=".join, VARIABLES.items())) as needed:
            if not needed:
                return
            self.must(["wine", "wineboot", "--init"], limit=START_LIMIT)
            # Until it has ended, the registry is only in memory.
            self.must(["wineserver", "--wait"], limit=START_LIMIT)
            for source in SHIMS:
                dll = PREFIX / "drive_c" / "windows" / "system32" / source.with_suffix(".dll").name
                if not dll.exists():
                    compiler = ["x86_64-w64-mingw32-gcc", "-O2", "-shared"]
                    self.must([*compiler, "-o", str(dll), str(source), "-ladvapi32"], limit=60)

    def _end_programs(self) -> None:
        if PREFIX.exists():
            command = ["timeout", "60", "wineserver", "--kill"]
            subprocess.run(command, env=self.environment, check=False, capture_output=True)

    def _end(self) -> None:
        self._end_programs()
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
            self._server = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None
