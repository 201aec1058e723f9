"""All pieces of work of one contender, in a process of its own: works.py CONTENDER DLL SECONDS.

Runs in Windows CPython. Prints one line of JSON per piece of work.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable

# An embedded interpreter does not look beside the script by itself.
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "crates" / "dda-lab" / "peers"))

from cameras import ABSENT, DRAWING, DUPLICATING, Borrowing
from follow import HEIGHT, WIDTH, Meter, follow, same, until_present, warm_up

from lab import Lab

HZ, STREAM_HZ = 180, 240
FORMATS = ("bgra", "bgr", "rgb")
# At the corner, so that the number of the frame is in it.
REGION = (0, 0, 640, 360)
LITTLE = (WIDTH // 10, HEIGHT // 10)  # 1 % of the screen
UHD, UHD_HZ = (3840, 2160), 60
STILL, STORM = "pointer still", "pointer storm 1000"


def desktop(kind: str, hz: int = HZ, pointer: str = STILL, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    """A script. An ordinary desktop moves a window of 320×200 and brings clock and counter up to date."""
    kinds = {"ordinary": "", "full": "; full; lab paint ahead"}
    return f"size {size[0]}x{size[1]}; refresh {hz}; {pointer}{kinds.get(kind, f'; {kind}')}"


def grabs(lab: Lab, camera: Any, seconds: float) -> Iterator[dict[str, Any]]:
    """Full frames of either desktop in every format: taken one after the other, and paced."""
    for kind in ("full", "ordinary"):
        for fmt in FORMATS:
            lab.start(desktop(kind))
            opened = camera(fmt)
            for work in ("grab", "paced"):
                told = follow(lab, opened.grab, seconds, hz=HZ, fmt=fmt, paced=work == "paced")
                yield {"work": work, "desktop": kind, "fmt": fmt, **told}
            opened.close()


def region(lab: Lab, camera: Any, seconds: float) -> dict[str, Any]:
    lab.start(desktop("full"))
    opened = camera("bgra", REGION)
    told = follow(lab, opened.grab, seconds, hz=HZ, fmt="bgra", whole=False, paced=True)
    opened.close()
    return {"work": "region", **told}


def large(lab: Lab, camera: Any, seconds: float) -> Iterator[dict[str, Any]]:
    """4K, of which everything changes; not as often, for the laboratory needs longer to show it."""
    for fmt in ("bgra", "bgr"):
        lab.start(desktop("full", UHD_HZ, size=UHD))
        opened = camera(fmt)
        told = follow(lab, opened.grab, seconds, hz=UHD_HZ, fmt=fmt, paced=True, size=UHD)
        yield {"work": "large", "fmt": fmt, **told}
        opened.close()


def little(number: int) -> str:
    """One percent of the screen, here and there."""
    width, height = LITTLE
    x, y = number * 7 % (WIDTH - width), number * 5 % (HEIGHT - height)
    return f"dirty {x},{y},{x + width},{y + height}"


def video(number: int) -> str:
    """1280×720 in the middle."""
    return "dirty 320,180,1600,900"


def painted(lab: Lab, camera: Any, seconds: float, parts: Callable[[int], str]) -> dict[str, Any]:
    """Only these parts change at every refresh. Such presents have no number in their pixels."""
    presents = [f"at {1000 * i / HZ:.3f}ms present {parts(i)}" for i in range(1, round(HZ * (seconds + 8)))]
    lab.start("; ".join([desktop("static"), *presents]))
    opened = camera("bgra")
    warm_up(opened.grab)
    meter, frames, number = Meter(lab), 0, lab.dll.lab_present()
    image = None
    while meter.seconds < seconds:
        until_present(lab, number, HZ)
        number = lab.dll.lab_present()
        # A view that was dropped is brought up to date in place.
        image = None
        image = opened.grab()
        frames += image is not None
    latest = lab.dll.lab_present()
    told = meter.told()
    shown = range(number, latest + 1)
    exact = image is not None and any(same(image, lab.oracle(n, WIDTH, HEIGHT), "bgra") for n in shown)
    opened.close()
    return {"work": parts.__name__, "frames": frames, "wrong": int(not exact), **told}


def idle(lab: Lab, camera: Any, seconds: float, work: str, pointer: str) -> dict[str, Any]:
    """Nothing changes on the screen, whatever the pointer does. The first frame is not counted."""
    lab.start(desktop("static", pointer=pointer))
    opened = camera("bgra")
    warm_up(opened.grab)
    meter, frames = Meter(lab), 0
    while meter.seconds < seconds:
        frames += opened.grab() is not None
    told = meter.told()
    opened.close()
    return {"work": work, "frames": frames, **told}


def pointer(lab: Lab, camera: Any, seconds: float, drawn: bool) -> dict[str, Any]:
    """A pointer that moves a thousand times a second over a desktop that changes, drawn or not."""
    lab.start(desktop("full", pointer=STORM))
    opened = camera("bgra", None, drawn)
    told = follow(lab, opened.grab, seconds, hz=HZ, fmt="bgra", compare=not drawn)
    opened.close()
    return {"work": "pointer drawn" if drawn else "pointer not drawn", **told}


def stream(lab: Lab, camera: Any, seconds: float, kind: str) -> dict[str, Any]:
    lab.start(desktop(kind, STREAM_HZ))
    opened = camera("bgra")
    opened.start()
    told = follow(lab, opened.latest, seconds, hz=STREAM_HZ, fmt="bgra")
    opened.close()
    return {"work": "stream", "desktop": kind, "fmt": "bgra", **told}


def spin(lab: Lab, camera: Any, seconds: float) -> dict[str, Any]:
    """Turns of a loop in Python per second: alone, and while another thread grabs."""
    turns, over = 0, False

    def loop() -> None:
        nonlocal turns
        while not over:
            turns += 1

    lab.start(desktop("full"))
    opened = camera("bgr")
    warm_up(opened.grab)
    spinner = threading.Thread(target=loop)
    spinner.start()
    time.sleep(0.05)
    before, meter = turns, Meter(lab)
    time.sleep(seconds / 2)
    alone = (turns - before) / meter.seconds
    before, meter, frames = turns, Meter(lab), 0
    while meter.seconds < seconds:
        frames += opened.grab() is not None
    beside = (turns - before) / meter.seconds
    told = meter.told()
    over = True
    spinner.join()
    opened.close()
    return {"work": "spin", "alone": alone, "beside": beside, "frames": frames, **told}


def real(camera: Any, seconds: float, fmt: str) -> dict[str, Any]:
    """As many grabs of the real display as possible."""
    opened = camera(fmt)
    opened.grab()
    start, cpu, frames = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds:
        frames += opened.grab() is not None
    told = {"seconds": time.perf_counter() - start, "cpu_ms": 1000 * (time.process_time() - cpu)}
    opened.close()
    return {"work": "real", "fmt": fmt, "frames": frames, **told}


def works(name: str, dll: str, seconds: float) -> Iterator[dict[str, Any]]:
    if name in DRAWING:
        camera = DRAWING[name]
        yield from (real(camera, seconds, fmt) for fmt in camera.formats)
        return
    camera = DUPLICATING[name]
    # Before the package, which may look at the outputs while it is imported.
    lab = Lab(dll, desktop("full"))
    # The first work of a process pays for what the others find ready.
    opened = camera("bgra")
    follow(lab, opened.grab, seconds, hz=HZ, fmt="bgra")
    opened.close()
    yield from grabs(lab, camera, seconds)
    yield region(lab, camera, seconds)
    yield from large(lab, camera, seconds)
    for parts in (little, video):
        yield painted(lab, Borrowing if name == "rustcam" else camera, seconds, parts)
    yield idle(lab, camera, seconds / 2, "static", STILL)
    yield idle(lab, camera, seconds / 2, "storm", STORM)
    yield from (stream(lab, camera, seconds, kind) for kind in ("full", "ordinary"))
    yield spin(lab, camera, seconds)
    if camera.cursor:
        yield from (pointer(lab, camera, seconds, drawn) for drawn in random.sample((False, True), 2))


def absence(module: str) -> dict[str, Any]:
    """Why a package cannot be measured here."""
    try:
        import_module(module)
    except ImportError as error:
        return {"work": "absent", "reason": str(error)}
    return {"work": "absent", "reason": ""}


def main() -> None:
    name, dll, seconds = sys.argv[1:]
    if name in ABSENT:
        print(json.dumps(absence(ABSENT[name])), flush=True)
        return
    for told in works(name, dll, float(seconds)):
        print(json.dumps(told), flush=True)
    package = {**DUPLICATING, **DRAWING}[name].package
    print(json.dumps({"work": "version", "version": version(package)}), flush=True)
    # Not by way of the packages' destructors, some of which crash.
    os._exit(0)


if __name__ == "__main__":
    main()
