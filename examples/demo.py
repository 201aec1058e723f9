"""Captures the screen if there is one, else the simulated desktop: demo.py [FILE.png [PAINTER]].

Saves a screenshot, then measures for three seconds. If the screen has only one colour, as that of a virtual X server
without windows, the demo first starts PAINTER: a program that draws on the screen and then prints "ready".
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import rustcam
from rustcam.cli import main as rustcam_command

SECONDS = 3.0


def choose_backend() -> tuple[str, str]:
    """The backend to use, and why."""
    try:
        rustcam.list_outputs()
    except rustcam.CaptureError as error:
        return "sim", f"there is no screen to capture: {error}"
    display = os.environ.get("DISPLAY")
    return "auto", f"the display {display} answers" if display else "the desktop answers"


def is_blank(backend: str) -> bool:
    picture = rustcam.screenshot(backend=backend)
    return bool((picture == picture[0, 0]).all())


def start(painter: str, stack: ExitStack) -> None:
    """Runs the painter until the stack is closed; returns when it has drawn."""
    process = stack.enter_context(subprocess.Popen([painter], stdout=subprocess.PIPE, text=True))
    stack.callback(process.terminate)
    assert process.stdout is not None
    if process.stdout.readline().strip() == "ready":
        print("screen     had only one colour, so a program now draws on it")


def measure(screen: rustcam.Capturer, new_frame_only: bool) -> int:
    """Grabs for three seconds, prints rate and CPU time, and returns the number of frames."""
    frames = 0
    cpu, begin = time.process_time(), time.perf_counter()
    while time.perf_counter() < begin + SECONDS:
        frames += screen.grab(timeout_ms=100, new_frame_only=new_frame_only) is not None
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    if frames:
        print(f"rate       {frames / seconds:.1f} frames per second ({frames} in {seconds:.2f} s)")
        print(f"CPU time   {1000 * cpu / frames:.3f} ms per frame")
    return frames


def main() -> int:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "demo.png")
    painter = sys.argv[2] if len(sys.argv) > 2 else None
    path.parent.mkdir(parents=True, exist_ok=True)
    backend, reason = choose_backend()
    name = rustcam.list_outputs(backend)[0]["backend"]
    print(f"backend    {name}, because {reason}")
    with ExitStack() as stack:
        if painter is not None and name == "x11" and is_blank(backend):
            start(painter, stack)
        status = rustcam_command(["shot", "--cursor", "--backend", backend, "-o", str(path)])
        if status:
            return status
        screen = stack.enter_context(rustcam.Capturer(backend=backend))
        screen.grab()
        if measure(screen, new_frame_only=True) == 0:
            print("changes    none, so this is the rate of copying the same image")
            measure(screen, new_frame_only=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
