"""The interface of bettercam 1.0, implemented with rustcam: `import rustcam.compat.bettercam as bettercam`.

The differences are those listed in `rustcam.compat.dxcam`. `nvidia_gpu` is accepted and ignored: images are numpy
arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from . import dxcam
from .dxcam import DXCamera as BetterCam
from .listings import device_info, output_info

if TYPE_CHECKING:
    from .._rustcam import _Region

__all__ = ["BetterCam", "create", "device_info", "output_info"]


def create(
    device_idx: int = 0,
    output_idx: Optional[int] = None,
    region: Optional[_Region] = None,
    output_color: str = "RGB",
    nvidia_gpu: bool = False,
    max_buffer_len: int = 64,
    *,
    backend: str = "dxgi",
    sim: Optional[str] = None,
) -> BetterCam:
    """Opens an output, as `rustcam.compat.dxcam.create` does."""
    return dxcam.create(device_idx, output_idx, region, output_color, max_buffer_len, backend=backend, sim=sim)
