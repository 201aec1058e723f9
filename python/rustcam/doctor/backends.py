"""Tries a backend: takes a screenshot of each of its outputs and of a window."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Optional

from .._errors import CaptureError
from .._rustcam import Capturer, _adapters, _server, list_outputs, list_windows
from .._types import AdapterInfo, OutputInfo, ServerInfo
from .finding import NOTE, OK, PROBLEM, Finding
from .windows import running_program

GRAB_MS = 2000
XWAYLAND_ADVICE = "Log out and choose the X11 session (often called Xorg) on the login screen"
BLACK = 2  # largest value of a channel that still counts as black, because video drivers round


def examine(backend: str, sim: Optional[str] = None) -> Iterator[Finding]:
    try:
        known_server, known_adapters = _server(backend), _adapters(backend)
        outputs = list_outputs(backend, sim=sim)
    except CaptureError as error:
        yield failed(backend, error)
        return
    xwayland = known_server is not None and known_server["xwayland"]
    if known_server is not None:
        yield server(backend, known_server)
    if backend != "wgc":
        # Those of dxgi.
        yield from adapters(backend, known_adapters)
        yield from dynamic_ranges(backend, known_adapters)
    yield Finding(backend, OK, f"{len(outputs)} output{'s' if len(outputs) > 1 else ''}")
    for output in outputs:
        yield described(output)
        yield from pictured(output, sim, xwayland)
    yield from windows(backend, sim, xwayland)


def server(backend: str, known: ServerInfo) -> Finding:
    place = "this machine" if known["local"] else "another machine"
    compositor = "a compositor is running" if known["composited"] else "there is no compositor"
    message = f"an X server of {known['vendor']} on {place}; {compositor}"
    if known["xwayland"]:
        message += "; it is Xwayland, so the Wayland desktop around it is missing in all images"
        return Finding(backend, NOTE, message, XWAYLAND_ADVICE, dict(known))
    return Finding(backend, OK, message, data=dict(known))


def black_on_xwayland(about: str) -> Finding:
    return Finding(
        about,
        PROBLEM,
        "the screenshot is all black, because this X server is Xwayland: the desktop, the windows of all programs and"
        " whatever else the Wayland compositor shows are missing",
        XWAYLAND_ADVICE,
    )


def adapters(backend: str, known: Sequence[AdapterInfo]) -> Iterator[Finding]:
    for adapter in known:
        outputs = f"{len(adapter['outputs'])} output{'s' if len(adapter['outputs']) != 1 else ''}"
        kind = "software" if adapter["software"] else "hardware"
        message = f"adapter {adapter['index']}: {adapter['name']}, {adapter['memory'] >> 20} MB, {outputs}, {kind}"
        yield Finding(backend, OK, message, data=dict(adapter))
    real = [adapter for adapter in known if not adapter["software"]]
    if len(real) > 1:
        yield Finding(
            backend,
            NOTE,
            f"there are {len(real)} graphics adapters; an output can be captured only on the adapter that drives it",
            f"If duplication is refused as unsupported: Settings, System, Display, Graphics, add {running_program()},"
            " and choose the adapter that drives the display (on laptops usually Power saving)",
        )


def dynamic_ranges(backend: str, known: Sequence[AdapterInfo]) -> Iterator[Finding]:
    for adapter in known:
        for index, dynamic_range in enumerate(adapter["outputs"]):
            if dynamic_range == "HDR":
                yield Finding(
                    backend,
                    NOTE,
                    f"output {adapter['index']}.{index} is in HDR mode; images have 8 bits per channel",
                    "If they look pale or overexposed, switch HDR off in the display settings while capturing",
                )


def described(output: OutputInfo) -> Finding:
    rotation = f", rotated by {output['rotation']} degrees" if output["rotation"] else ""
    rate = f" at {output['refresh_hz']:g} Hz" if output["refresh_hz"] else ""
    primary = ", primary" if output["is_primary"] else ""
    message = (
        f"{output['output_name']}: {output['width']}x{output['height']}{rate}{rotation}{primary} on {output['name']}"
    )
    return Finding(place(output), OK, message, data=dict(output))


def pictured(output: OutputInfo, sim: Optional[str], xwayland: bool = False) -> Iterator[Finding]:
    """Takes a screenshot without the pointer, so that a black screen with a pointer still counts as black."""
    start = time.perf_counter()
    output_idx, device_idx = output["output_idx"], output["device_idx"]
    try:
        with Capturer(output_idx, cursor=False, device=device_idx, backend=output["backend"], sim=sim) as screen:
            opened = time.perf_counter()
            image = screen.grab(GRAB_MS)
            grabbed = time.perf_counter()
            fallback = screen.stats.fallback
            protected = screen.frame_info is not None and screen.frame_info.protected
    except CaptureError as error:
        refused, way_out = failed(place(output), error), other_backend(output)
        yield replace(refused, level=NOTE, message=f"{refused.message}; {way_out}") if way_out else refused
        return
    if image is None:
        yield Finding(
            place(output),
            PROBLEM,
            f"no image came within {GRAB_MS / 1000:g} s: the desktop is lost",
            "Answer a prompt, unlock the screen or wake the display, and try again",
        )
        return
    times = {"open_ms": 1000 * (opened - start), "first_grab_ms": 1000 * (grabbed - opened)}
    yield Finding(
        place(output),
        OK,
        "a test screenshot took {first_grab_ms:.1f} ms, opening {open_ms:.1f} ms".format_map(times),
        data=times,
    )
    if is_black(image) and xwayland:
        yield black_on_xwayland(place(output))
    elif is_black(image):
        yield Finding(
            place(output),
            NOTE if _may_be_bare(output) else PROBLEM,
            "the screenshot is all black",
            "If the screen is not black: the display may be asleep or the session locked, a full-screen program may"
            " show protected content, or this is a virtual screen without windows",
        )
    if protected:
        yield Finding(
            place(output), NOTE, "the system blanked protected content in the screenshot", "Close the video player"
        )
    if fallback:
        yield Finding(place(output), NOTE, f"a fallback is in use: {fallback}")


def other_backend(output: OutputInfo) -> str:
    """What captures an output that its own backend refuses, if `backend="auto"` finds something else."""
    if output["backend"] != "dxgi":
        return ""
    try:
        with Capturer(output["output_idx"], cursor=False, device=output["device_idx"]) as screen:
            if screen.grab(GRAB_MS) is None or screen.backend == output["backend"]:
                return ""
            return f'backend="auto" captures this output by {screen.backend} instead: {screen.stats.fallback}'
    except CaptureError:
        return ""


def windows(backend: str, sim: Optional[str], xwayland: bool) -> Iterator[Finding]:
    """Captures the top-most window that is not minimised. No title is reported: it may be personal."""
    try:
        listed = list_windows(backend, sim=sim)
    except ValueError:
        return  # It captures outputs only.
    except CaptureError as error:
        yield without_problem(failed(f"{backend} windows", error))
        return
    count = f"{len(listed)} window{'s' if len(listed) != 1 else ''} can be captured"
    data: dict[str, Any] = {"windows": len(listed), "minimized": sum(window["minimized"] for window in listed)}
    if xwayland:
        count += ", those of X programs only, because this X server is Xwayland"
    shown = next((window for window in listed if not window["minimized"]), None)
    if shown is None:
        yield Finding(f"{backend} windows", OK, count, data=data)
        return
    start = time.perf_counter()
    try:
        with Capturer(window=shown, cursor=False, backend=backend, sim=sim) as screen:
            image = screen.grab(GRAB_MS)
    except (CaptureError, ValueError) as error:
        # A ValueError: the window has been closed meanwhile.
        yield Finding(f"{backend} windows", OK, count, data=data)
        if isinstance(error, CaptureError):
            anonymous = failed(f"{backend} windows", error)
            message = anonymous.message.replace(shown["title"], "...") if shown["title"] else anonymous.message
            yield without_problem(replace(anonymous, message=message))
        return
    took = 1000 * (time.perf_counter() - start)
    if image is None:
        yield Finding(
            f"{backend} windows",
            NOTE,
            f"{count}, but no image of the top-most one came within {GRAB_MS / 1000:g} s",
            "Restore the window, unlock the screen or wake the display, and try again",
            data,
        )
        return
    data["first_grab_ms"] = took
    yield Finding(f"{backend} windows", OK, f"{count}; the top-most one took {took:.1f} ms", data=data)


def is_black(image: Any) -> bool:
    """Whether all colour channels are black, with a tolerance. Alpha does not count."""
    return int(image[:, :, :3].max()) <= BLACK


def _may_be_bare(output: OutputInfo) -> bool:
    # An X server without windows is black.
    return output["backend"] == "x11"


def failed(about: str, error: CaptureError) -> Finding:
    code = None if error.hresult is None else f"0x{error.hresult:08X}"
    message = str(error.args[0]) if error.args else type(error).__name__
    if code:
        message = f"{message} ({code})"
    data = {"exception": type(error).__name__, "hresult": code}
    return Finding(about, PROBLEM, message, error.hint or "", data)


def without_problem(finding: Finding) -> Finding:
    """The same as a note, if it is a problem: not everybody needs what does not work."""
    return replace(finding, level=NOTE) if finding.level == PROBLEM else finding


def place(output: OutputInfo) -> str:
    return f"{output['backend']} {output['device_idx']}.{output['output_idx']}"
