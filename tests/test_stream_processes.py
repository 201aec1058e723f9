"""Streams at the end of the interpreter, after fork, when the process is killed, and with Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from conftest import Desktop
from desktops import LIVE, STILL_FOR_REAL, opening
from streaming import SOON
from system import shared_memory

STREAM = f"""{opening(LIVE)}
import warnings
warnings.simplefilter("ignore")
capturer.start(0)
frame = capturer.get_latest_frame({SOON})
"""


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "sys.exit(0)",
        "keep = [capturer]; keep.append(keep)",
        "view = capturer.get_latest_frame(copy=False) if backend != 'x11' else frame",
        "import threading; threading.Thread(target=lambda: capturer.get_latest_frame(None), daemon=True).start()",
        "capturer.stop(); frames = capturer.frames(60); next(frames)",
    ],
    ids=["end", "exit", "cycle", "held frame", "reader", "frames"],
)
def test_exit_is_silent_while_streaming(desktop: Desktop, python: Any, ending: str) -> None:
    result = python(f"{STREAM}\n{ending}", desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_stream_that_runs_at_exit_has_ended_when_earlier_exit_handlers_run(desktop: Desktop, python: Any) -> None:
    # Handlers run in the reverse order of their registration, so the package's runs before this one.
    source = f"""
import atexit, os, sys
def threads():
    if sys.platform != "linux":
        return []
    tasks = [f"/proc/self/task/{{task}}/comm" for task in os.listdir("/proc/self/task")]
    return [name for name in map(lambda path: open(path).read().strip(), tasks) if name == "rustcam stream"]
atexit.register(lambda: print("at exit:", threads(), [c.stats.frames > 0 for c in running]))
{STREAM}
running = [capturer]
if sys.platform == "linux":
    assert threads() == ["rustcam stream"], threads()
"""
    result = python(source, desktop.backend)
    assert (result.returncode, result.stdout.strip(), result.stderr) == (0, "at exit: [] [True]", "")


def test_exit_while_the_capture_thread_waits_for_the_gil(python: Any) -> None:
    source = f"""
import faulthandler
faulthandler.dump_traceback_later(8, exit=True)
{STREAM}
for _ in range(5):
    capturer.get_latest_frame({SOON})
import time
keep = [capturer]
keep.append(keep)
del capturer
sys.setswitchinterval(100)
keep[0]._when_ready(int)
end = time.perf_counter() + 0.1
while time.perf_counter() < end:
    pass
"""
    result = python(source, "sim")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.linux
def test_a_forked_child_has_no_stream_and_the_parent_keeps_it(desktop: Desktop, python: Any) -> None:
    source = f"""{STREAM}
child = os.fork()
if child == 0:
    status = 1
    try:
        capturer.get_latest_frame(1000)
    except RuntimeError as error:
        status = 0 if "process" in str(error) else 2
    capturer.stop()
    capturer.close()
    del capturer, frame
    os._exit(status)
assert os.waitpid(child, 0)[1] == 0
assert capturer.is_capturing
if backend != "x11":
    capturer.get_latest_frame({SOON})
capturer.stop()
assert capturer.grab(new_frame_only=False) is not None
print("both")
"""
    result = python(source, desktop.backend)
    assert (result.returncode, result.stdout, result.stderr) == (0, "both\n", "")


@pytest.mark.linux
def test_a_killed_process_leaves_no_shared_memory(desktop: Desktop, python: Any) -> None:
    before = shared_memory()
    python(f"{STREAM}\nos.kill(os.getpid(), 9)", desktop.backend)
    assert shared_memory() <= before


INTERRUPTED = f"""{opening(STILL_FOR_REAL)}
import signal, threading, time
mode = sys.argv[2]
signal.signal(signal.SIGINT, signal.default_int_handler)
if mode == "stream":
    capturer.start(0)
    capturer.get_latest_frame({SOON})
    wait = lambda: capturer.get_latest_frame(None)
else:
    frames = capturer.frames(0.1)
    next(frames)
    wait = lambda: next(frames)
for _ in range(3):
    sent = []
    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer(0.1, send).start()
    try:
        wait()
    except KeyboardInterrupt:
        print(time.perf_counter() - sent[0])
assert capturer.is_capturing
"""


@pytest.mark.linux
@pytest.mark.parametrize("mode", ["stream", "frames"])
def test_ctrl_c_ends_a_wait_within_50_ms(desktop: Desktop, mode: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, desktop.backend, mode]
    result = subprocess.run(command, capture_output=True, text=True, timeout=25, check=True)
    delays = sorted(float(line) for line in result.stdout.split())
    # The median tolerates single delays on a busy machine.
    assert len(delays) == 3
    assert delays[1] < 0.06, delays
