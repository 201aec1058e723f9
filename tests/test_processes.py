"""Ctrl-C, fork, and the end of the process during a capture."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from statistics import median
from typing import Any

import pytest

from conftest import Desktop
from desktops import STILL_FOR_REAL, opening
from system import shared_memory, until_asleep

OPEN = f"""{opening(STILL_FOR_REAL)}
assert capturer.grab() is not None
"""


def median_delay_of_ctrl_c(program: str, backend: str) -> float:
    """Seconds from SIGINT to the end of a `grab` that waits, in a process with one Python thread."""
    program += """
import time
while True:
    print("waiting", flush=True)
    try:
        capturer.grab(20_000)
    except KeyboardInterrupt:
        print(time.perf_counter(), flush=True)
"""
    command = [sys.executable, "-c", program, backend]
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
    # The median tolerates single delays on a busy machine.
    return median(delays)


@pytest.mark.linux
def test_ctrl_c_ends_a_wait_within_50_ms(desktop: Desktop) -> None:
    assert median_delay_of_ctrl_c(OPEN, desktop.backend) < 0.06


@pytest.mark.linux
@pytest.mark.sim
@pytest.mark.parametrize("loss", ["access", "device"])
def test_ctrl_c_ends_a_wait_for_a_lost_desktop_within_50_ms(loss: str) -> None:
    program = f"""{opening(f"{STILL_FOR_REAL}; at 0ms lose {loss} for 60s")}
while capturer.stats.lost is None:
    try:
        capturer.grab(10)
    except rustcam.DeviceError:
        pass
"""
    assert median_delay_of_ctrl_c(program, "sim") < 0.06


def test_a_signal_in_another_thread_ends_a_wait_and_leaves_the_capturer_usable(desktop: Desktop, python: Any) -> None:
    """Windows delivers Ctrl-C in another thread."""
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
def test_exit_is_silent_while_another_thread_captures(desktop: Desktop, python: Any, ending: str) -> None:
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
def test_exit_is_silent_with_an_open_capturer(desktop: Desktop, python: Any, ending: str) -> None:
    result = python(f"{OPEN}\n{ending}", desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.linux
def test_a_killed_process_leaves_no_shared_memory(desktop: Desktop, python: Any) -> None:
    before = shared_memory()
    result = python(f"{OPEN}\nimport os\nprint(os.getpid(), flush=True)\nos.kill(os.getpid(), 9)", desktop.backend)
    assert result.returncode == -signal.SIGKILL
    assert shared_memory() <= before
    with open("/proc/sysvipc/shm", encoding="ascii") as segments:  # noqa: PTH123
        creators = [line.split()[4] for line in segments]
    assert result.stdout.strip() not in creators


@pytest.mark.linux
def test_a_forked_child_can_open_its_own_capturer(desktop: Desktop, python: Any) -> None:
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
def test_a_forked_child_may_drop_the_inherited_capturer(desktop: Desktop, python: Any) -> None:
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
