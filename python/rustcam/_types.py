"""Names for type annotations."""

from typing import Literal, Optional, TypedDict

__all__ = ["OutputInfo", "PixelFormat"]

PixelFormat = Literal["bgra", "rgba", "bgr", "rgb", "gray", "grey", "BGRA", "RGBA", "BGR", "RGB", "GRAY", "GREY"]
"""Pixel formats of `grab` and `screenshot`, named in memory order. Any mixture of case works at run time."""


class OutputInfo(TypedDict):
    """One output (monitor), as `list_outputs` describes it."""

    device_idx: int
    """Index of the adapter: the `device` argument of `Capturer`."""
    output_idx: int
    """Index of the output on its adapter: the `output` argument of `Capturer`."""
    name: str
    """Name of the adapter."""
    output_name: str
    """Name of the output."""
    width: int
    """Width in pixels, after rotation."""
    height: int
    """Height in pixels, after rotation."""
    rotation: Literal[0, 90, 180, 270]
    """Rotation in degrees clockwise."""
    is_primary: bool
    """True for exactly one output."""
    left: int
    """Left edge on the whole desktop, in pixels; may be negative."""
    top: int
    """Top edge on the whole desktop, in pixels; may be negative."""
    refresh_hz: float
    """Refresh rate in hertz; 0.0 if the system does not tell."""
    backend: str
    """Name of the backend that found the output."""


class AdapterInfo(TypedDict):
    """A graphics adapter, as the report of `rustcam doctor` describes it."""

    index: int
    """The `device_idx` of its outputs."""
    name: str
    """Its name."""
    software: bool
    """Whether it renders on the processor."""
    memory: int
    """Bytes of memory of its own."""
    outputs: list[Optional[Literal["SDR", "HDR"]]]
    """The dynamic range of each output, `None` where the system does not say."""


class ServerInfo(TypedDict):
    """A display server, as the report of `rustcam doctor` describes it."""

    vendor: str
    """Who made it."""
    local: bool
    """Whether it runs on this machine."""
    composited: bool
    """Whether a compositing manager runs."""
