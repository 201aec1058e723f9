"""What a frame costs the processor that stays on the device, beside one that becomes an array: gpu.py [SECONDS].

Runs in a process with the lab (`RUSTCAM_LAB_DLL` names it) and prints one line of JSON per way. On the lab's device,
which computes in software, copying and drawing are work of the processor too. With `WINE_D3D_CONFIG=csmt=0` and
`LP_NUM_THREADS=0` all of it happens inside the calls of the device, in the calling thread. The lab counts how long
these take: `cpu_ms` is the time of the thread without that, which is what is left where the device is real. What the
thread and the whole process needed stands beside it. The first number needs an idle machine, because the lab counts
time that passes.

Where the device works for many milliseconds, a small error of that clock is large beside what is left, and the caches
are cold. So the calls are also made on a desktop of few pixels, where the device has next to nothing to do:
`grab_gpu` makes the same ones whatever the size is.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import rustcam

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from lab import Lab

# Presents come as soon as somebody waits for them. They change every pixel, or those of a moving window.
SCRIPT = "size {}; refresh 180; pointer still; clock virtual{}"
DESKTOPS = {"full": "; full; lab paint ahead", "ordinary": ""}
WARM_UP = 40  # frames


def known(capturer: rustcam.Capturer) -> None:
    """For a reader that has opened this memory before."""
    texture = capturer.grab_gpu()
    assert texture is not None
    assert texture.memory_id
    texture.close()


def opened(capturer: rustcam.Capturer) -> None:
    """For a reader that opens every texture anew."""
    texture = capturer.grab_gpu()
    assert texture is not None
    assert texture.shared_handle
    texture.close()


def arrayed(capturer: rustcam.Capturer) -> None:
    assert capturer.grab() is not None


def borrowed(capturer: rustcam.Capturer) -> None:
    assert capturer.grab(copy=False) is not None


WAYS: list[tuple[str, Callable[[rustcam.Capturer], None], str, str]] = [
    ("grab", arrayed, "1920x1080", "full"),
    ("grab copy=False", borrowed, "1920x1080", "full"),
    ("grab_gpu", known, "1920x1080", "full"),
    ("grab", arrayed, "1920x1080", "ordinary"),
    ("grab copy=False", borrowed, "1920x1080", "ordinary"),
    ("grab_gpu", known, "1920x1080", "ordinary"),
    ("grab_gpu", known, "64x48", "full"),
    ("grab_gpu, shared_handle", opened, "64x48", "full"),
]


def measure(
    lab: Lab, capturer: rustcam.Capturer, way: Callable[[rustcam.Capturer], None], seconds: float
) -> dict[str, Any]:
    """Milliseconds per frame, without those that the lab itself worked, and what was copied, mapped and drawn."""
    for _ in range(WARM_UP):
        way(capturer)
    before, frames = lab.counters(), 0
    start, thread, process = time.perf_counter(), time.thread_time(), time.process_time()
    while time.perf_counter() - start < seconds or frames < WARM_UP:
        way(capturer)
        frames += 1
    wall = time.perf_counter() - start
    thread, process = time.thread_time() - thread, time.process_time() - process
    after = lab.counters()
    own, device = ((after.get(name, 0) - before.get(name, 0)) / 1e9 for name in ("own_ns", "device_ns"))
    per_frame = {
        "cpu_ms": thread - own - device,
        "device_ms": device,
        "thread_cpu_ms": thread - own,
        "process_cpu_ms": process - own,
        "wall_ms": wall - own,
    }
    counted = ("maps", "bytes_mapped", "bytes_copied", "draws")
    return {
        "frames": frames,
        **{name: 1000 * value / frames for name, value in per_frame.items()},
        **{name: (after[name] - before[name]) / frames for name in counted},
    }


def rows(lab: Lab, seconds: float) -> Iterator[dict[str, Any]]:
    """One row per way. Each has a capturer of its own, so that none is brought out of step by the one before."""
    for name, way, size, desktop in WAYS:
        lab.start(SCRIPT.format(size, DESKTOPS[desktop]))
        with rustcam.Capturer(cursor=False, backend="dxgi") as capturer:
            yield {"way": name, "size": size, "desktop": desktop, **measure(lab, capturer, way, seconds)}
        lab.stop()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    for row in rows(Lab(), seconds):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
