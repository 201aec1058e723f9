"""Checks the session, the desktop and the graphics settings of a Windows process."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import sys
from collections.abc import Iterator
from typing import Any

from .finding import NOTE, OK, PROBLEM, Finding

SM_REMOTESESSION = 0x1000
DESKTOP_READOBJECTS = 0x0001
UOI_NAME = 2
PER_MONITOR = 2  # PROCESS_DPI_AWARENESS
LONGEST_PATH = 32768  # characters
# Builds of Windows since which Windows.Graphics.Capture can capture windows, and can do without something.
WINDOWS_SINCE = 18362
MISSING_BEFORE = {
    "cursor": (19041, "the pointer is always in the image"),
    "border": (20348, "the system draws a yellow border around what is captured"),
    "interval": (26100, "the system chooses the rate of images"),
}
GPU_PREFERENCES = r"Software\Microsoft\DirectX\UserGpuPreferences"


def examine() -> Iterator[Finding]:
    for check in (version, remote_session, session_of_services, secure_desktop, dpi, graphics_preference):
        yield from check()


def version() -> Iterator[Finding]:
    release = platform.version()
    try:
        major = int(release.split(".")[0])
    except ValueError:
        return
    if major < 10:
        yield Finding("session", PROBLEM, f"Windows {release} is too old", "It needs Windows 10 or later")


def window_capture() -> Iterator[Finding]:
    """What this build of Windows can do when it captures windows."""
    try:
        build = int(platform.version().split(".")[2])
    except (IndexError, ValueError):
        return
    if build < WINDOWS_SINCE:
        message = f"Windows build {build} cannot capture windows; build {WINDOWS_SINCE} (version 1903) and later can"
        yield Finding("wgc", NOTE, message, "Update Windows, or capture the output that the window is on")
        return
    data = {"build": build, **{name: build >= since for name, (since, _) in MISSING_BEFORE.items()}}
    missing = [f"{effect} (until build {since})" for since, effect in MISSING_BEFORE.values() if build < since]
    message = f"Windows build {build} captures windows"
    if missing:
        yield Finding("wgc", NOTE, f"{message}: {'; '.join(missing)}", "Update Windows to be rid of it", data)
    else:
        yield Finding("wgc", OK, message, data=data)


def remote_session() -> Iterator[Finding]:
    if _dll("user32").GetSystemMetrics(SM_REMOTESESSION):
        yield Finding(
            "session",
            NOTE,
            "this is a remote desktop session: its screen exists only while a client is connected and not minimised",
            "Keep the client connected, or use the machine's own session",
        )


def session_of_services() -> Iterator[Finding]:
    kernel = _dll("kernel32")
    number = ctypes.c_uint32(0xFFFF_FFFF)
    if kernel.ProcessIdToSessionId(kernel.GetCurrentProcessId(), ctypes.byref(number)) and number.value == 0:
        # Wine runs all processes in session 0.
        level = NOTE if hasattr(_dll("ntdll"), "wine_get_version") else PROBLEM
        yield Finding(
            "session",
            level,
            "this process runs in session 0, the session of services, which shows no desktop",
            "Start it in the session of a user, for example by a scheduled task that runs while the user is logged on",
        )


def secure_desktop() -> Iterator[Finding]:
    """Whether the user sees the desktop of this process."""
    user = _dll("user32")
    user.OpenInputDesktop.restype = ctypes.c_void_p
    user.CloseDesktop.argtypes = [ctypes.c_void_p]
    desktop = user.OpenInputDesktop(0, False, DESKTOP_READOBJECTS)
    name = desktop_name(user, desktop) if desktop else ""
    if desktop:
        user.CloseDesktop(desktop)
    if name.lower() not in ("default", ""):
        shown = f"the desktop {name!r} is shown"
    elif not desktop:
        shown = "a desktop is shown to which this process has no access"
    else:
        return
    yield Finding(
        "session",
        PROBLEM,
        f"{shown}: a prompt for permission, the lock screen or the logon screen",
        "Answer the prompt or unlock the screen; capturing goes on by itself then",
    )


def desktop_name(user: Any, desktop: int) -> str:
    text = ctypes.create_unicode_buffer(256)
    user.GetUserObjectInformationW.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_void_p,
    ]
    user.GetUserObjectInformationW(desktop, UOI_NAME, text, ctypes.sizeof(text), None)
    return text.value


def dpi() -> Iterator[Finding]:
    awareness = ctypes.c_int(0)
    try:
        _dll("shcore").GetProcessDpiAwareness(None, ctypes.byref(awareness))
    except (OSError, AttributeError):
        return  # before Windows 8.1
    if awareness.value != PER_MONITOR:
        yield Finding(
            "session",
            OK,
            "this process is not DPI-aware. rustcam uses physical pixels all the same; positions from other packages"
            " may be scaled",
        )


def graphics_preference() -> Iterator[Finding]:
    """The adapter that the graphics settings choose for this program; it matters on laptops with two adapters."""
    program = running_program()
    chosen = preference(program)
    if chosen is not None:
        names = {"0": "Windows decides", "1": "power saving", "2": "high performance"}
        yield Finding(
            "session",
            NOTE,
            f"the graphics settings choose the adapter for {program}: {names.get(chosen, chosen)}",
            f"If duplication is refused as unsupported, change it for {program}: Settings, System, Display, Graphics",
            data={"program": program},
        )


def running_program() -> str:
    """The program that this process runs. In a virtual environment `sys.executable` is not it, but starts it."""
    text = ctypes.create_unicode_buffer(LONGEST_PATH)
    with contextlib.suppress(KeyError):  # not Windows
        if _dll("kernel32").GetModuleFileNameW(None, text, LONGEST_PATH):
            return text.value
    base: str = getattr(sys, "_base_executable", None) or sys.executable
    return base


def preference(program: str) -> Any:
    registry: Any = __import__("winreg")
    try:
        with registry.OpenKey(registry.HKEY_CURRENT_USER, GPU_PREFERENCES) as key:
            text = registry.QueryValueEx(key, program)[0]
    except OSError:
        return None
    settings = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    return settings.get("GpuPreference")


def _dll(name: str) -> Any:
    # `vars`: type checkers on Linux do not know `ctypes.WinDLL`.
    return vars(ctypes)["WinDLL"](name)
