"""The listings of dxcam and bettercam as text. Programs should use `rustcam.list_outputs()`."""

from __future__ import annotations

from typing import Optional

from .._rustcam import _adapters, list_outputs

__all__ = ["device_info", "output_info"]

MB = 1 << 20


def device_info(backend: str = "auto", *, sim: Optional[str] = None) -> str:
    """A line of text per adapter that has outputs: `Device[0]:<Name:... VRAM:...MB Outputs:...>`.

    Raises:
        ValueError: As `list_outputs`.
        CaptureError: As `list_outputs`.
    """
    devices: dict[int, list[str]] = {}
    for output in list_outputs(backend, sim=sim):
        devices.setdefault(output["device_idx"], []).append(output["name"])
    # X servers and simulated desktops report no video memory.
    memory = {adapter["index"]: adapter["memory"] // MB for adapter in (_adapters(backend) if sim is None else [])}
    return "".join(
        f"Device[{device}]:<Name:{names[0]} VRAM:{memory.get(device, 0)}MB Outputs:{len(names)}>\n"
        for device, names in devices.items()
    )


def output_info(backend: str = "auto", *, sim: Optional[str] = None) -> str:
    """A line of text per output: `Device[0] Output[0]: Res:(1920, 1080) Rot:0 Primary:True`.

    Raises:
        ValueError: As `list_outputs`.
        CaptureError: As `list_outputs`.
    """
    return "".join(
        "Device[{device_idx}] Output[{output_idx}]: Res:({width}, {height}) Rot:{rotation} "
        "Primary:{is_primary}\n".format_map(output)
        for output in list_outputs(backend, sim=sim)
    )
