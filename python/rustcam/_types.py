"""Types for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Optional, TypedDict, Union

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ElementType", "Layout", "OutputInfo", "PixelFormat", "Resample", "WindowInfo"]

PixelFormat = Literal[
    "bgra", "rgba", "bgr", "rgb", "gray", "grey", "rgba16f", "nv12", "i420",
    "BGRA", "RGBA", "BGR", "RGB", "GRAY", "GREY", "RGBA16F", "NV12", "I420",
]  # fmt: skip
"""Pixel formats, named in memory order. At run time case is ignored."""

Resample = Literal["area", "bilinear", "nearest"]
"""Ways to scale. At run time case is ignored."""

Layout = Literal["hwc", "chw"]
"""Orders of an image's elements. At run time case is ignored."""

ElementType = Union[Literal["uint8", "float16", "float32"], "np.dtype[Any]", "type[np.generic]"]
"""Types of an image's elements."""


class OutputInfo(TypedDict):
    """One output (monitor), as `list_outputs` describes it."""

    device_idx: int
    """Index of the adapter: the `device` argument of `Capturer`."""
    output_idx: int
    """Index of the output on its adapter: the `output` argument of `Capturer`."""
    name: str
    """Name of the adapter."""
    output_name: str
    """Name of the output. A system may give it to another monitor when the arrangement changes."""
    id: str
    """What tells its monitor from every other one and survives a new arrangement: the monitor's device path, or its
    EDID. The name where the system has no such thing. Also an `output` argument of `Capturer`."""
    width: int
    """Width in pixels, after rotation."""
    height: int
    """Height in pixels, after rotation."""
    rotation: Literal[0, 90, 180, 270]
    """Rotation in degrees clockwise."""
    is_primary: bool
    """True for exactly one output."""
    left: int
    """Left edge in the coordinates of the whole desktop, in pixels; may be negative."""
    top: int
    """Top edge in the coordinates of the whole desktop, in pixels; may be negative."""
    refresh_hz: float
    """Refresh rate in hertz; 0.0 if unknown."""
    hdr: bool
    """Whether it shows a high dynamic range."""
    bits: int
    """Bits per channel on the way to the display."""
    backend: str
    """Name of the backend that captures the output."""


class WindowInfo(TypedDict):
    """One window, as `list_windows` describes it. Also a `window` argument of `Capturer`."""

    handle: int
    """What the system calls it by: an HWND, or the id of an X11 window."""
    title: str
    """Its title, which may be empty."""
    app: str
    """Its program, or its WM class; empty if unknown."""
    pid: Optional[int]
    """The process that it belongs to, `None` if unknown."""
    left: int
    """Left edge of its client area in the coordinates of the whole desktop, in pixels; may be negative."""
    top: int
    """Top edge of its client area in the coordinates of the whole desktop, in pixels; may be negative."""
    width: int
    """Width of its client area in pixels. A minimised window may have none."""
    height: int
    """Height of its client area in pixels. A minimised window may have none."""
    minimized: bool
    """Whether it is minimised. Then it shows nothing."""
    backend: str
    """Name of the backend that captures the window."""


class AdapterInfo(TypedDict):
    """A graphics adapter in the report of `rustcam doctor`."""

    index: int
    """The `device_idx` of its outputs."""
    name: str
    """Name of the adapter."""
    software: bool
    """Whether it renders on the processor."""
    memory: int
    """Bytes of dedicated video memory."""
    outputs: list[Optional[Literal["SDR", "HDR"]]]
    """Dynamic range of each output, `None` if unknown."""


class ServerInfo(TypedDict):
    """A display server in the report of `rustcam doctor`."""

    vendor: str
    """Vendor of the server."""
    local: bool
    """Whether it runs on this machine."""
    composited: bool
    """Whether a compositing manager is running."""
    xwayland: bool
    """Whether it is Xwayland, which shows its windows on a Wayland desktop."""
