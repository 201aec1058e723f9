"""The lab's desktop: a Desktop Duplication in this process, see docs/lab.md. Runs in Windows CPython."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from typing import Any

import numpy as np

from .contenders import PARTS, Opened, Workload, workload
from .run import ROOT

sys.path.append(str(ROOT / "crates" / "dda-lab" / "peers"))

from lab import Lab

CHANNELS = {"bgra": (0, 1, 2), "bgr": (0, 1, 2), "rgb": (2, 1, 0)}
# How the device behaves, if not as Wine's: `hardware` is not translated and signals when it is done, so that frames are
# copied to memory of the processor directly. `asynchronous` also needs time for every copy after the call.
DEVICES = {
    "": (),
    "hardware": ("lab claims hardware", "lab events prompt"),
    "asynchronous": ("lab claims hardware", "lab events prompt", "lab copies take 160us"),
}
SCRIPTED = 10  # seconds of presents that are scripted one by one


def script(work: Workload) -> str:
    """An ordinary desktop moves a window of 320×200 and brings clock and counter up to date."""
    words = ["size {}x{}".format(*work.size), f"refresh {work.hz}"]
    words.append("lab pitch 0")  # padding costs a copy
    words.append("pointer storm 1000" if "storm" in work.content else "pointer still")
    words += DEVICES[work.device]
    if work.hdr:
        words.append("color hdr; white 240; max 1000")
    if "full" in work.content:
        words += ["full", "lab paint ahead"]
    elif work.content != "ordinary":
        words.append("static")
    if work.wgc and work.content == "static":
        words.append("lab wgc window-fps 0")
    if work.way == "virtual":
        words.append("clock virtual")
    if work.content in PARTS:
        presents = range(1, SCRIPTED * work.hz)
        words += [f"at {1000 * i / work.hz:.3f}ms present dirty {part(work, i)}" for i in presents]
    return "; ".join(words)


def part(work: Workload, number: int) -> str:
    """1280×720 in the middle, or one percent of the screen, here and there."""
    if work.content == "middle":
        return "320,180,1600,900"
    (whole_width, whole_height), (width, height) = work.size, (side // 10 for side in work.size)
    x, y = number * 7 % (whole_width - width), number * 5 % (whole_height - height)
    return f"{x},{y},{x + width},{y + height}"


class LabDesktop:
    WARM_UP_SECONDS, WARM_UP_FRAMES = 0.3, 24

    def __init__(self, dll: str) -> None:
        self._lab = Lab(dll, script(workload("1920x1080 full@60 bgra free")))

    def show(self, work: Workload) -> None:
        """Starts another desktop."""
        self._lab.start(script(work))
        self._hz, self._virtual, self._waited_for = work.hz, work.way == "virtual", 0

    def now(self) -> float:
        """The clock of the presents, in milliseconds."""
        return float(self._lab.dll.lab_time_ms())

    def presented(self, number: int) -> float:
        return 1000 * (number - 1) / self._hz

    def presents(self, seen: int) -> int:
        """The number of the newest."""
        return int(self._lab.dll.lab_present())

    def wait(self, seen: int) -> None:
        """Sleeps until something is presented after what was seen."""
        seen = max(seen, self._waited_for)
        while (number := self.presents(seen)) <= seen:
            time.sleep(max(0.0, seen / self._hz - self.now() / 1000))
        self._waited_for = number

    def counters(self, opened: Opened) -> dict[str, float]:
        """The lab paints and uploads its frames in this process, and counts what that costs."""
        counted = self._lab.counters()
        times = {"cpu_ms": 1000 * time.process_time(), "lab_ms": counted["own_ns"] / 1e6}
        if self._virtual:
            times.update(thread_ms=1000 * time.thread_time(), device_ms=counted["device_ns"] / 1e6)
        copies = counted["copy_resource"] + counted["copy_region"]
        return {**times, "copies": copies, "maps": counted["maps"], "bytes_mapped": counted["bytes_mapped"]}

    def peaks(self, opened: Opened) -> dict[str, float]:
        """None, because the lab's pictures are in the same process."""
        return {}

    def wrong(self, opened: Opened, work: Workload, samples: list[tuple[int, Any]]) -> int:
        """How many of these images differ from what was presented."""
        if work.numbered and not work.cursor:
            return sum(not self._same(image, number, work) for number, image in samples)
        if work.content not in PARTS or work.hdr:
            return 0
        # Without a number the image may show any present since the last wait.
        ((_, image),) = samples
        shown = range(self._waited_for, self.presents(0) + 1)
        return int(image is None or not any(self._same(image, number, work) for number in shown))

    def _same(self, image: Any, number: int, work: Workload) -> bool:
        """Whether every pixel is right. A region is compared with that part of the desktop, alpha is not compared."""
        height, width, _ = image.shape
        right = self._lab.oracle(number, *work.size)[:height, :width, CHANNELS[work.fmt]]
        return np.array_equal(image[..., :3], right)


def desktop(dll: str) -> nullcontext[LabDesktop]:
    return nullcontext(LabDesktop(dll))
