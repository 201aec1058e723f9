"""The page that tells where the time of one call goes."""

from __future__ import annotations

from statistics import median
from typing import Any, Optional

from . import gpu
from .cells import Results
from .table import table

STAGES = {
    "ask": "the caller asks: arguments, GIL, requests",
    "ask system": "… in system calls",
    "server": "X server: reads requests, writes answers",
    "server system": "… in system calls, woken and put to sleep",
    "draw": "X server: draws into shared memory",
    "wake": "nobody runs: a process is being woken",
    "take": "the caller takes: answers, memory, array, GIL",
    "pass": "… longest stretch of it: the pass over the pixels, if any",
    "take system": "… in system calls",
}
FULL, RAW, RGB, PART = "grab()", "XShmGetImage", 'grab(fmt="rgb")', "grab(copy=False)"
# What a stage cannot be faster than, per call.
BOUNDS = {
    FULL: {"draw": ("copy whole", "memcpy of the picture")},
    RAW: {"draw": ("copy whole", "memcpy of the picture")},
    RGB: {
        "draw": ("copy whole", "memcpy of the picture"),
        "pass": ("convert", "memcpy of as many bytes, just written by the server"),
    },
    PART: {"draw": ("copy part", "memcpy of what has changed")},
}


class Call:
    """One call of the profile."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.name, self.what, self.functions = told["call"], told["what"], told["functions"]
        self.alone, self.samples = median(told["alone_us"]), told["samples"]
        self.traced = sum(stage["us"] for stage in told["stages"].values())
        self.events = sum(stage["events"] for stage in told["stages"].values())
        # Recording costs the same for each event, wherever it is.
        self.price = max(0.0, (self.traced - self.alone) / self.events)
        self.stages = {
            name: max(0.0, stage["us"] - self.price * stage["events"]) for name, stage in told["stages"].items()
        }

    def table(self, limits: dict[str, float]) -> list[str]:
        total = sum(self.stages.values())
        bounds = BOUNDS[self.name]
        rows = []
        for name, what in STAGES.items():
            us = self.stages[name]
            limit, why = (f"{limits[bounds[name][0]]:.1f}", bounds[name][1]) if name in bounds else ("", "")
            rows.append([what, f"{us:.1f}", f"{100 * us / total:.0f}", limit, why])
        least = limits["round trip"] + sum(limits[limit] for limit, _ in bounds.values())
        rows.append(["together", f"{total:.1f}", "100", f"{least:.1f}", "these, and an empty round trip to the server"])
        return table(["stage", "µs:", "%:", "limit µs:", "which is"], rows)

    def hot(self) -> list[str]:
        rows = [
            [process, library, f"`{function}`" if function != "[unknown]" else "has no symbols", f"{100 * share:.1f}"]
            for process, library, function, share in self.functions
        ]
        return table(["process", "in", "function", "%:"], rows)


def page(result: dict[str, Any], windows: Optional[dict[str, Any]]) -> list[str]:
    machine, limits = result["machine"], result["limits_us"]
    calls = {told["call"]: Call(told) for told in result["calls"]}
    lines = [
        "# Where the time of a frame goes",
        "",
        "Written by `make profile`; no number here is typed by hand. How that compares with other packages is in",
        "[Performance](performance.md).",
        "",
        "## Linux",
        "",
        f"- Measured on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}; load of",
        f"  the machine before the run: {machine['load']:.1f}. rustcam {machine['rustcam']}, pixel kernels:"
        f" {machine['cpu_path']}.",
        f"- A real X server (Xvfb), {result['screen']}. Before each call the screen is painted in a new colour.",
        "- The stages come from the kernel: every system call of both processes and every switch of a processor to",
        "  them or from them, on one clock. Recording costs time for each event, which is taken off again: it is the",
        "  difference to the same calls without recording, made in turns. Where both processes run, the time counts",
        "  as the caller's. All calls take turns, in random order.",
        "- The limits were measured in the same run, each as fast as the best tenth of its attempts: memcpy within",
        "  memory in use; the shortest question that Xlib can ask the server,"
        f" {limits['round trip']:.1f} µs there and back; a byte",
        f"  through a pipe to a sleeping process, {limits['wake']:.1f} µs to wake it.",
        "- `XShmGetImage` is that call alone, from C.",
        "- The functions come from samples of both processors during the calls.",
    ]
    for call in calls.values():
        lines += [
            "",
            f"### `{call.name}`, {call.what}",
            "",
            f"{call.alone:.1f} µs; {call.traced:.1f} µs with recording, which saw {call.events:.0f} events a call.",
            "",
            *call.table(limits),
            "",
            f"{call.samples} samples:",
            "",
            *call.hot(),
        ]
    lines += ["", "### What opaque pixels cost", "", *opaque(calls[FULL], calls[RAW])]
    lines += ["", "### What RGB costs", "", *colour(calls[FULL], calls[RGB], limits)]
    if windows:
        lines += ["", "## Windows under Wine", "", *wine(windows)]
    return lines


def opaque(ours: Call, raw: Call) -> list[str]:
    """Why a bare request is faster."""
    draw, bare = ours.stages["draw"], raw.stages["draw"]
    rest = ours.alone - draw + bare
    return [
        "The server's screen has three bytes of colour for each pixel and one of no meaning, which XShmGetImage hands",
        "out as it is. `grab()` promises alpha 255 and has the server write it, by `RenderComposite`, in the same pass",
        f"that copies the pixels: {draw:.0f} µs here, where the bare copy takes {bare:.0f} µs. All of `grab()` takes"
        f" {ours.alone / raw.alone:.2f} times as",
        f"long as the bare request; without that difference it would be {rest / raw.alone:.2f} times, because it also",
        "asks what has changed and hands over an array. A pass of rustcam's own over the pixels would cost more than",
        "that of the server, because it would read and write all of them once more.",
    ]


def colour(bgra: Call, rgb: Call, limits: dict[str, float]) -> list[str]:
    """Why a format that the server does not have costs a pass."""
    least = rgb.alone - rgb.stages["pass"] + limits["convert"]
    return [
        "In BGRA the server writes the pixels into the memory of the returned array, and nobody touches them again.",
        "The server has no pixels of three bytes: RGB and BGR take one more pass, which reads four bytes and writes",
        f"three for each pixel. Here it takes {rgb.stages['pass']:.0f} µs, and `grab()` becomes"
        f" {rgb.alone / bgra.alone:.2f} times as long. `memcpy` of as many",
        f"bytes that the server has just written takes {limits['convert']:.0f} µs; with that instead it would be"
        f" {least / bgra.alone:.2f} times.",
    ]


def wine(result: dict[str, Any]) -> list[str]:
    """From the measurements of the Windows wheel."""
    results = Results(result["rounds"])
    costs = []
    for what, place, bare in (
        ("`grab()`, everything has changed", ("paced", "full", "bgra"), "full"),
        ("`grab()`, a window moves", ("paced", "ordinary", "bgra"), "ordinary"),
        ("`grab(copy=False)`, 1 % has changed", ("little",), "ordinary"),
    ):
        cell = results.cell("rustcam", *place)
        glance, copy = (results.cell("bare", way, bare).net for way in ("glance", "copy"))
        costs.append([what, *(f"{ms:.2f}" for ms in (cell.cpu, cell.lab, cell.net, glance, copy))])
    heads = ["", "CPU ms:", "laboratory ms:", "net ms:"]
    heads += ["acquire, release ms:", "and copy, map, memcpy ms:"]
    calls = []
    for way, what in (("grab", "`grab()`"), ("grab copy=False", "`grab(copy=False)`")):
        ours, device = (
            gpu.middle(result["rounds"], (way, gpu.FULL_HD, "full"), time) for time in ("cpu_ms", "device_ms")
        )
        calls.append([what, f"{ours:.3f}", f"{device:.3f}"])
    return [
        "Processor time per frame, from the [measurements](performance.md#what-a-frame-costs) of the Windows wheel:",
        "that of the process, the laboratory's part of it, and what is left. Beside it stand programs without Python,",
        "net as well: one that only acquires and releases frames, and one that also copies all of the frame to the",
        "processor, as every array of everything must. Whatever the device does runs on the processor here.",
        "",
        *table(heads, costs),
        "",
        "The calling thread alone, in virtual time, where everything has changed; without the laboratory. Calls of the",
        "device copy and map; the rest is rustcam's, the pass over the pixels above all.",
        "",
        *table(["", "rustcam ms:", "in calls of the device ms:"], calls),
    ]
