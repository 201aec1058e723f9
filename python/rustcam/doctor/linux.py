"""Checks the session of a Linux process by its environment variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .finding import NOTE, PROBLEM, Finding


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    for check in (wayland, display, forwarded):
        yield from check(environment)


def display(environment: Mapping[str, str]) -> Iterator[Finding]:
    if not environment.get("DISPLAY"):
        yield Finding(
            "session",
            PROBLEM,
            "DISPLAY is not set: this process has no screen",
            "Run it in a terminal of the desktop, or set DISPLAY=:0; in a service or over SSH, also set XAUTHORITY."
            " On a machine without a screen, start a virtual one: Xvfb :99 -screen 0 1920x1080x24 -noreset",
        )


def wayland(environment: Mapping[str, str]) -> Iterator[Finding]:
    if environment.get("WAYLAND_DISPLAY") or environment.get("XDG_SESSION_TYPE") == "wayland":
        yield Finding(
            "session",
            PROBLEM,
            "this is a Wayland session, whose desktop X programs cannot capture: the screen that they see is black",
            "Log out and choose the X11 session (often called Xorg) on the login screen",
        )


def forwarded(environment: Mapping[str, str]) -> Iterator[Finding]:
    name = environment.get("DISPLAY", "")
    protocol, _, host = name.rpartition(":")[0].rpartition("/")
    on_this_machine = name.startswith(("/", "unix:/")) or protocol in ("unix", "local") or host in ("", "unix")
    if not on_this_machine or protocol in ("tcp", "inet", "inet6"):
        yield Finding(
            "session",
            NOTE,
            f"DISPLAY={name} is reached over the network, so every image is sent through a socket",
            "Run the program on the machine that has the screen",
        )
