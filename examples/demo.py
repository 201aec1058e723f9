"""Captures the screen if there is one, else a simulated desktop: demo.py [FILE.png].

Saves a picture, then measures for three seconds.
"""

from __future__ import annotations

import os
import sys
import time
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


def measure(screen: rustcam.Capturer, new_frame_only: bool) -> int:
    """Grabs for three seconds, prints what it cost and returns the number of frames."""
    frames = 0
    cpu, start = time.process_time(), time.perf_counter()
    while time.perf_counter() < start + SECONDS:
        frames += screen.grab(timeout_ms=100, new_frame_only=new_frame_only) is not None
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    if frames:
        print(f"rate       {frames / seconds:.1f} frames per second ({frames} in {seconds:.2f} s)")
        print(f"CPU time   {1000 * cpu / frames:.3f} ms per frame")
    return frames


def main() -> int:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "demo.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    backend, reason = choose_backend()
    name = rustcam.list_outputs(backend)[0]["backend"]
    print(f"backend    {name}, because {reason}")
    status = rustcam_command(["shot", "--cursor", "--backend", backend, "-o", str(path)])
    if status:
        return status
    with rustcam.Capturer(backend=backend) as screen:
        first = screen.grab()
        if first is not None and (first == first[0, 0]).all():
            print("picture    all one colour; `make demo DISPLAY=` shows the simulated desktop instead")
        if measure(screen, new_frame_only=True) == 0:
            print("changes    none; the rate is that of copying the same image again")
            measure(screen, new_frame_only=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
