"""Exact and fast screen capture into NumPy arrays.

    import rustcam

    with rustcam.Capturer() as screen:
        frame = screen.grab(fmt="rgb")      # uint8 array (height, width, 3)

`start()` and `get_latest_frame()` return the newest frame, `frames(60)` returns frames at a constant rate, and
`stream()` is for asyncio. `grab_gpu()` returns a frame that stays on the graphics device (Windows).
`rustcam.screenshot()` takes one screenshot, `rustcam.list_outputs()` lists the outputs and `rustcam.list_windows()`
the windows, which `Capturer(window="Editor")` captures. The reference is `_rustcam.pyi`, which editors show.
"""

from . import _imports
from ._errors import AccessLost, CaptureError, CaptureTimeout, DeviceError, DuplicationError
from ._rustcam import (
    Capturer,
    Color,
    FrameInfo,
    FrameIterator,
    GpuTexture,
    PointerInfo,
    PointerShape,
    Stats,
    __version__,
    _debug_build,
    list_outputs,
    list_windows,
    screenshot,
)
from ._stream import FrameStream
from ._types import OutputInfo, PixelFormat, WindowInfo
from .compat.listings import device_info, output_info

__all__ = [
    "AccessLost",
    "CaptureError",
    "CaptureTimeout",
    "Capturer",
    "Color",
    "DeviceError",
    "DuplicationError",
    "FrameInfo",
    "FrameIterator",
    "FrameStream",
    "GpuTexture",
    "OutputInfo",
    "PixelFormat",
    "PointerInfo",
    "PointerShape",
    "Stats",
    "WindowInfo",
    "__version__",
    "device_info",
    "list_outputs",
    "list_windows",
    "output_info",
    "screenshot",
]

_imports.check_numpy()

if _debug_build:
    import warnings

    warnings.warn(
        "this rustcam was built without optimisation and is many times slower than a release build; "
        "`pip install .` makes a release build",
        RuntimeWarning,
        stacklevel=2,
    )
