"""The interface of dxcam 0.3, implemented with rustcam: `import rustcam.compat.dxcam as dxcam`.

Differences:

- The first `grab()` always returns the screen. `grab(new_frame_only=False)` always returns an image.
- `copy=False` and the `..._view` methods return read-only arrays that never change while they are held.
- System errors are `rustcam.CaptureError` and its subclasses instead of `comtypes.COMError`.
- A wrong region, colour or rate is a `ValueError` or `TypeError` from the call that gets it. A region may be any
  sequence of four integers; the camera keeps the numbers, not the object.
- In a forked child the camera raises `RuntimeError`, and `create` makes a new one.
- It also runs on Linux. `backend` also accepts the names of rustcam's backends. dxcam's own names choose the best
  backend of the platform; with `"winrt"` the pointer is drawn.
- `processor_backend` is accepted and ignored. `max_buffer_len` has no effect: only the newest frame is kept.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Union

from .. import _rustcam
from .._errors import CaptureTimeout
from .listings import device_info, output_info

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .._rustcam import _Region

    _Frame = npt.NDArray[np.uint8]
    _Edges = tuple[int, int, int, int]

__all__ = ["DXCamera", "create", "device_info", "output_info"]

COLORS = ("RGB", "RGBA", "BGR", "BGRA", "GRAY")
TICKS_PER_SECOND = 10_000_000
FIRST_MS = 1000  # longest wait for the first image
SLICE_MS = 20  # longest time for which a waiting thread holds the lock of the camera

_log = logging.getLogger(__name__)
_cameras: weakref.WeakValueDictionary[tuple[Any, ...], DXCamera] = weakref.WeakValueDictionary()


def create(
    device_idx: int = 0,
    output_idx: Optional[int] = None,
    region: Optional[_Region] = None,
    output_color: str = "RGB",
    max_buffer_len: int = 8,
    backend: str = "dxgi",
    processor_backend: str = "cv2",
    *,
    sim: Optional[str] = None,
) -> DXCamera:
    """Opens an output, the primary one of the device if `output_idx` is `None`.

    If an output has a camera that was not released, this returns that camera and ignores the other arguments.

    Args:
        device_idx: Index among the adapters that have outputs.
        output_idx: Index among the outputs of that adapter.
        region: `(left, top, right, bottom)` of every image, `None` for all of the output.
        output_color: `"RGB"`, `"RGBA"`, `"BGR"`, `"BGRA"` or `"GRAY"`.
        max_buffer_len: Stored as an attribute, at least 2; has no other effect.
        backend: `"dxgi"`, `"winrt"`, or the name of a backend of rustcam.
        processor_backend: Ignored.
        sim: Script of the simulated desktop, with `backend="sim"` only.

    Raises:
        IndexError: There is no such adapter or output.
        ValueError: Unknown colour or backend, or a region that does not fit.
        CaptureError: The system refuses.
    """
    name = "auto" if backend in ("dxgi", "winrt") else backend
    device, output = _choose(name, sim, device_idx, output_idx)
    # A forked child cannot use the cameras of its parent.
    key = (device, output, backend, sim, os.getpid())
    existing = _cameras.get(key)
    if existing is not None and not existing.is_released:
        _log.warning("device %s output %s has a camera already, which is returned: release() it first", device, output)
        return existing
    if output_color.upper() not in COLORS:
        raise ValueError(f"output_color must be one of {', '.join(COLORS)}, not {output_color!r}")
    capturer = _rustcam.Capturer(output, backend == "winrt", region, device, backend=name, any_thread=True, sim=sim)
    camera = _cameras[key] = DXCamera(capturer, output_color.upper(), max_buffer_len, backend)
    return camera


def _choose(backend: str, sim: Optional[str], device_idx: int, output_idx: Optional[int]) -> tuple[int, int]:
    """rustcam's indices of an output."""
    outputs = _rustcam.list_outputs(backend, sim=sim)
    devices = sorted({output["device_idx"] for output in outputs})
    if not 0 <= device_idx < len(devices):
        raise IndexError(f"there is no device {device_idx}; devices with outputs: {len(devices)}")
    own = [output for output in outputs if output["device_idx"] == devices[device_idx]]
    if output_idx is None:
        # The primary output of the device, or its first one if the primary output is on another device.
        chosen = next((output for output in own if output["is_primary"]), own[0])
    elif 0 <= output_idx < len(own):
        chosen = own[output_idx]
    else:
        raise IndexError(f"device {device_idx} has no output {output_idx}; it has {len(own)}")
    return chosen["device_idx"], chosen["output_idx"]


class DXCamera:
    """Captures one output, from `create`. A context manager; every thread may use it."""

    def __init__(self, capturer: _rustcam.Capturer, output_color: str, max_buffer_len: int, backend: str) -> None:
        self._capturer = capturer
        self._fmt: Any = output_color.lower()
        self._region: Optional[_Edges] = None
        self._process = os.getpid()
        self._starts = 0
        self._grabbed = False
        self._taking = threading.Lock()
        self._latest: Optional[_Frame] = None
        self._latest_time: Optional[float] = None
        self._unseen = False
        self.backend = backend
        self.max_buffer_len = max(2, max_buffer_len)
        self.channel_size = 1 if output_color == "GRAY" else len(output_color)

    @property
    def width(self) -> int:
        """Width of the output."""
        return self._capturer.width

    @property
    def height(self) -> int:
        """Height of the output."""
        return self._capturer.height

    @property
    def rotation_angle(self) -> int:
        """Rotation of the output in degrees. Images are always upright."""
        return self._capturer.rotation

    @property
    def region(self) -> _Edges:
        """The default region of images."""
        return self._capturer.region if self._region is None else self._region

    @property
    def is_capturing(self) -> bool:
        """Whether the capture thread of `start()` is running."""
        return self._capturer.is_capturing

    @property
    def is_released(self) -> bool:
        """Whether `release()` was called."""
        return self._capturer.closed

    @property
    def latest_frame_time(self) -> Optional[float]:
        """Present time of the newest image, in seconds on the clock of `time.perf_counter`; `None` if there is none."""
        self._check_process()
        with self._taking:
            self._unseen |= self._take(0)
            return self._latest_time

    @property
    def latest_frame_ticks(self) -> Optional[int]:
        """`latest_frame_time` in units of 100 nanoseconds."""
        seconds = self.latest_frame_time
        return None if seconds is None else int(seconds * TICKS_PER_SECOND)

    def grab(
        self, region: Optional[_Region] = None, copy: bool = True, new_frame_only: bool = True
    ) -> Optional[_Frame]:
        """The screen if it changed since the last call, else `None`; does not wait.

        While capturing: the newest image, whether or not it was returned before; `None` before the first image.

        Args:
            region: Part of the output for this call only.
            copy: If false, the array is read-only.
            new_frame_only: If false, return the current screen even if it has not changed.

        Raises:
            RuntimeError: The camera was released, or belongs to another process.
            TypeError: A region that is no sequence of numbers.
            ValueError: A region that does not fit or, while capturing, differs from that of `start()`.
            CaptureError: The system reports an error.
        """
        self._check()
        wanted = self._region if region is None else _rustcam._region(region)
        if self.is_capturing:
            if region is not None and wanted != self.region:
                raise ValueError("while capturing, only the region that was given to start() can be grabbed")
            with self._taking:
                self._unseen |= self._take(0)
                latest = self._latest
            return latest if latest is None or not copy else latest.copy()
        wait = 0 if self._grabbed else FIRST_MS
        frame = self._capturer.grab(wait, self._fmt, wanted, copy=copy, new_frame_only=new_frame_only)
        self._grabbed = self._grabbed or frame is not None
        return frame

    def grab_view(self, region: Optional[_Region] = None) -> Optional[_Frame]:
        """`grab(region, copy=False)`"""
        return self.grab(region, copy=False)

    def start(
        self,
        region: Optional[_Region] = None,
        target_fps: int = 60,
        video_mode: bool = False,
        delay: float = 0,
    ) -> None:
        """Starts a capture thread.

        Args:
            region: New default region; `None` keeps the present one.
            target_fps: Largest number of images per second; 0 for every present.
            video_mode: An image at every tick of `target_fps`, the previous one again if nothing changed.
            delay: Seconds to wait first.

        Raises:
            RuntimeError: The camera is capturing already, was released, or belongs to another process.
            TypeError: A region that is no sequence of numbers.
            ValueError: A region or a rate that does not fit.
        """
        self._check()
        wanted = self._region if region is None else _rustcam._region(region)
        if delay:
            time.sleep(delay)
        self._starts += 1
        self._capturer.start(target_fps, wanted, video_mode, fmt=self._fmt)
        self._region = wanted
        with self._taking:
            self._forget()

    def stop(self) -> None:
        """Ends the capture thread. A `get_latest_frame` that waits in another thread returns `None`."""
        if self._process != os.getpid():
            return  # the thread, and any that holds the lock, are in the other process
        self._capturer.stop()
        with self._taking:
            self._forget()

    def get_latest_frame(
        self, copy: bool = True, with_timestamp: bool = False
    ) -> Union[_Frame, tuple[_Frame, float], None]:
        """Waits for an image that it has not returned before; `None` while not capturing.

        Args:
            copy: If false, the array is read-only.
            with_timestamp: Return `(array, seconds)`, where `seconds` is the `latest_frame_time` of the image.

        Raises:
            CaptureError: The thread failed.
            RuntimeError: The camera belongs to another process.
        """
        self._check_process()
        while self.is_capturing or self._unseen:
            with self._taking:
                if not self._unseen and not self._take(SLICE_MS):
                    continue
                self._unseen = False
                frame, seconds = self._latest, self._latest_time
            if frame is None or seconds is None:
                return None
            frame = frame.copy() if copy else frame
            return (frame, seconds) if with_timestamp else frame
        return None

    def get_latest_frame_view(self, with_timestamp: bool = False) -> Union[_Frame, tuple[_Frame, float], None]:
        """`get_latest_frame(copy=False)`"""
        return self.get_latest_frame(False, with_timestamp)

    def _take(self, timeout_ms: int) -> bool:
        """Waits for a new image and stores it as the latest one. False if none came."""
        starts = self._starts
        try:
            self._latest = self._capturer.get_latest_frame(timeout_ms, copy=False)
        except CaptureTimeout:
            return False
        except RuntimeError:
            if self.is_capturing and self._starts == starts:
                raise
            return False  # not started, or stopped during the wait and perhaps started again
        info = self._capturer.frame_info
        self._latest_time = info.present_time if info else None
        return True

    def _forget(self) -> None:
        self._latest, self._latest_time, self._unseen = None, None, False

    def _check_process(self) -> None:
        if self._process != os.getpid():
            raise RuntimeError("this camera belongs to the process that made it: create() another one after a fork")

    def _check(self) -> None:
        self._check_process()
        if self.is_released:
            raise RuntimeError("this camera was released: create() another one")

    def release(self) -> None:
        """Ends the capture and releases the output. Idempotent."""
        self._capturer.close()

    def __enter__(self) -> DXCamera:
        self._check()
        return self

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        state = "released" if self.is_released else "capturing" if self.is_capturing else "idle"
        return f"<{type(self).__name__} {self.width}x{self.height} {self._fmt} {state}>"
