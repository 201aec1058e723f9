"""Ctrl-C, fork, and leaving the interpreter in the middle of a capture."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from statistics import median
from typing import Any

import pytest

from conftest import Desktop
from desktops import STILL_FOR_REAL, opening
from system import until_asleep

OPEN = f"""{opening(STILL_FOR_REAL)}
assert capturer.grab() is not None
"""

INTERRUPTED = f"""{OPEN}
import time
while True:
    print("waiting", flush=True)
    try:
        capturer.grab(20_000)
    except KeyboardInterrupt:
        print(time.perf_counter(), flush=True)
"""


@pytest.mark.linux
def test_ctrl_c_ends_a_wait_within_50_ms(desktop: Desktop) -> None:
    command = [sys.executable, "-c", INTERRUPTED, desktop.backend]
    delays = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(7):
            assert process.stdout.readline() == "waiting\n"
            until_asleep(process.pid)
            sent = time.perf_counter()
            process.send_signal(signal.SIGINT)
            delays.append(float(process.stdout.readline()) - sent)
        process.kill()
    # One busy moment of the machine may delay one of them.
    assert median(delays) < 0.06, delays


def test_a_signal_in_another_thread_ends_a_wait_and_leaves_the_capturer_usable(desktop: Desktop, python: Any) -> None:
    """The way in which Ctrl-C arrives on Windows."""
    source = f"""{OPEN}
import signal, threading, time
sent = []
def interrupt():
    sent.append(time.perf_counter())
    signal.raise_signal(signal.SIGINT)
delays = []
for _ in range(7):
    threading.Timer(0.1, interrupt).start()
    try:
        capturer.grab(20_000)
    except KeyboardInterrupt:
        delays.append(time.perf_counter() - sent.pop())
assert capturer.grab(new_frame_only=False) is not None
print(sorted(delays)[3])
"""
    result = python(source, desktop.backend)
    assert (result.returncode, result.stderr) == (0, "")
    assert float(result.stdout) < 0.06


@pytest.mark.parametrize("ending", ["pass", "sys.exit(0)"])
def test_leaving_while_another_thread_captures_is_silent(desktop: Desktop, python: Any, ending: str) -> None:
    source = f"""{OPEN}
import threading
entered = threading.Event()
def work():
    entered.set()
    capturer.grab(20_000)
threading.Thread(target=work, daemon=True).start()
entered.wait()
{ending}
"""
    start = time.perf_counter()
    result = python(source, desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("ending", ["", "import gc; frame = capturer.grab(copy=False, new_frame_only=False)"])
def test_leaving_with_an_open_capturer_is_silent(desktop: Desktop, python: Any, ending: str) -> None:
    result = python(f"{OPEN}\n{ending}", desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.linux
def test_a_killed_process_leaves_no_shared_memory(desktop: Desktop, python: Any) -> None:
    before = set(os.listdir("/dev/shm"))  # noqa: PTH208
    result = python(f"{OPEN}\nimport os\nprint(os.getpid(), flush=True)\nos.kill(os.getpid(), 9)", desktop.backend)
    assert result.returncode == -signal.SIGKILL
    assert set(os.listdir("/dev/shm")) <= before  # noqa: PTH208
    with open("/proc/sysvipc/shm", encoding="ascii") as segments:  # noqa: PTH123
        creators = [line.split()[4] for line in segments]
    assert result.stdout.strip() not in creators


@pytest.mark.linux
def test_a_forked_child_captures_on_its_own(desktop: Desktop, python: Any) -> None:
    source = f"""{OPEN}
import os, warnings
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    with rustcam.Capturer(backend=backend, cursor=False) as own:
        os._exit(0 if own.grab() is not None else 1)
assert os.waitpid(child, 0)[1] == 0
assert capturer.grab(new_frame_only=False) is not None
print("both")
"""
    result = python(source, desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "both\n", "")


@pytest.mark.linux
def test_a_forked_child_may_drop_what_it_inherited(desktop: Desktop, python: Any) -> None:
    source = f"""{OPEN}
import os, sys, warnings
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    del capturer
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
for _ in range(3):
    assert capturer.grab(new_frame_only=False) is not None
print("alive")
"""
    result = python(source, desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "alive\n", "")
