"""The native part of rustcam. Import its names from `rustcam`.

Lengths and positions are whole pixels, x to the right and y downwards from the top-left corner of the output as the
user sees it, that is after rotation, or of the captured part of the window. Rectangles are
`(left, top, right, bottom)` and half open: `right` and `bottom` are the first column and row outside.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from re import Pattern
from types import TracebackType
from typing import Any, Final, Literal, SupportsIndex, final

import numpy as np
import numpy.typing as npt
from typing_extensions import Self, TypeAlias, disjoint_base

from ._stream import FrameStream
from ._types import (
    AdapterInfo,
    ElementType,
    Layout,
    OutputInfo,
    PixelFormat,
    Resample,
    ServerInfo,
    WindowInfo,
)

__all__ = [
    "Capturer",
    "Color",
    "FrameInfo",
    "FrameIterator",
    "GpuTexture",
    "OwnedStream",
    "PointerInfo",
    "PointerShape",
    "Stats",
    "__version__",
    "_adapters",
    "_backends",
    "_color",
    "_cpu_path",
    "_debug_build",
    "_end_streams",
    "_exceptions",
    "_frame_info",
    "_pointer_info",
    "_pointer_shape",
    "_region",
    "_server",
    "_stats",
    "list_outputs",
    "list_windows",
    "screenshot",
]

__version__: Final[str]
_debug_build: Final[bool]
_cpu_path: Final[str]
_backends: Final[list[str]]
# The exception classes by name, see `rustcam._errors`.
_exceptions: Final[dict[str, type[Exception]]]

_Region: TypeAlias = Sequence[SupportsIndex] | npt.NDArray[np.integer]
_Size: TypeAlias = tuple[SupportsIndex, SupportsIndex] | Sequence[SupportsIndex] | npt.NDArray[np.integer]
_Rate: TypeAlias = float | Fraction | Decimal
_Window: TypeAlias = SupportsIndex | str | Pattern[str] | WindowInfo
# Arguments of the functions that make pickled values again.
_Edges: TypeAlias = tuple[int, int, int, int]
_Shape: TypeAlias = tuple[str, int, int, int, tuple[int, int], bytes]
_SourceCounters: TypeAlias = tuple[int, int, int, bool | None, bool | None]
_Counters: TypeAlias = tuple[int, int, str | None, int, bool, int, str | None, _SourceCounters]

@disjoint_base
class Capturer:
    """Captures one output or one window, in one of three ways at a time.

    - `grab()` returns one image per call. `grab_gpu()` does the same for images that stay on the graphics device.
    - `start()` starts a capture thread, `get_latest_frame()` returns its newest image, `stop()` ends it. `stream()` is
      the same for asyncio.
    - `frames()` returns images at a constant rate, for video.

    A capturer keeps its connection to the desktop and the last image, so one long-lived capturer is much cheaper than
    many short-lived ones. It is a context manager; `close()` or dropping it releases everything.

    It belongs to the thread that made it: capturing from another thread raises `RuntimeError`. With `any_thread=True`
    every thread may capture; the calls are serialised. `stop()`, `close()`, dropping and reading properties are allowed
    from any thread in both cases.

    Ctrl-C ends a wait within 50 ms. It takes longer

    - while opening: at most 5 s if an X server does not answer;
    - during one attempt to regain a lost desktop, and in `stop()` and `close()`: at most 0.5 s;
    - if the signal arrives just as a wait for the X server or for the capture thread begins: at most 0.25 s;
    - in `next()` of an iterator while another thread waits in its `next()`: until that call ends.
    """

    def __new__(
        cls,
        output: SupportsIndex | str = 0,
        cursor: bool = True,
        region: _Region | None = None,
        device: SupportsIndex = 0,
        *,
        window: _Window | None = None,
        window_area: Literal["client", "whole"] = "client",
        fmt: PixelFormat = "bgra",
        size: _Size | None = None,
        resample: Resample = "area",
        layout: Layout = "hwc",
        dtype: ElementType = "uint8",
        regions: Sequence[_Region] | None = None,
        stack: SupportsIndex | None = None,
        open_timeout_ms: SupportsIndex = 1000,
        backend: str = "auto",
        any_thread: bool = False,
        threads: SupportsIndex | None = None,
        hdr: Literal["map", "clip"] = "map",
        sim: str | None = None,
    ) -> Self:
        """Opens an output, or a window.

        Args:
            output: Index of the output on its adapter, or its name or id on whichever adapter it is, in any case; see
                `list_outputs`. The monitor that was opened stays the one that is captured: if it goes away, no other
                one is captured in its place, whatever index or name that has.
            cursor: Draw the pointer into every image. Then a pointer that moves or changes shape counts as a change, at
                most once per refresh interval. If false, pointer activity is ignored. A pointer that a program has
                hidden on an X server is drawn, too: the server does not tell that it is hidden.
            region: Part of the output that every `grab` returns, `None` for all of it: four integers in a tuple, a
                list, an array or another sequence, in coordinates of the output. Must lie inside the output and must
                not be empty.
            device: Index of the adapter; does not matter if `output` is a name or an id.
            window: The window to capture instead of an output, also while others cover it: a handle (an HWND, the id of
                an X11 window), a part of its title in any case, a compiled regular expression that is searched in its
                title, or a dict from `list_windows`. Coordinates are then those of the window; where these pages speak
                of the output, they mean the captured part of the window. A new size is followed like a mode change.
                While the window is minimised there are no frames and no error, and `stats.lost` says so. A closed
                window is an `AccessLost`, at once and from every later call; a window that was chosen by title or
                expression is looked for again until the deadline, and streams wait for it. The expression may be
                searched by any thread; if it raises, the window does not match.
            window_area: `"client"`: what the program draws; `"whole"`: title bar and frame, too. Only with `window`.
            fmt: Pixel format of the images, unless a call has its own: `"bgra"`, `"rgba"`, `"bgr"`, `"rgb"`, `"gray"`
                (also `"grey"`), `"rgba16f"`, as `grab` describes them, or for encoders `"nv12"` or `"i420"`, in any
                case: BT.709 in the limited range, `uint8` of shape `(height * 3 // 2, width)`, chroma being the mean of
                2x2 pixels; width and height must be even. If they become odd during a stream or an iteration, the last
                column or row is left out.
            size: `(width, height)` to which the region is scaled, each 1 to 65535; after crop, rotation and pointer.
                `None`: the size of the region.
            resample: How. `"area"`: along an axis that shrinks the mean of the covered pixels, along one that grows as
                `"bilinear"`; `"bilinear"`: between the two nearest centres; `"nearest"`: pixel
                `floor((i + 0.5) * n / m)` for pixel `i` of `m` from `n`. Levels are those of the exact result, rounded
                once, half up.
            layout: `"hwc"`: arrays of shape `(height, width, channels)`; `"chw"`: `(channels, height, width)`.
            dtype: `"uint8"`, or `"float32"` or `"float16"`, whose values are level / 255; or a numpy type of that name.
                Images of `"rgba16f"` are `float16` or `float32`, never `uint8`.
            regions: Several regions, each as `region`, 1 to 1024 of them: each image then shows all of them as they
                were at the same moment, each scaled to `size`, in an array of shape `(n, ...)`. Needs `size`, and
                excludes `region`.
            stack: Each call returns the last so many images, 1 to 1024, in an array of shape `(stack, ...)`, or
                `(stack, n, ...)` with `regions`: the newest last, the first one repeated until there are so many. What
                was not returned is not in it. `start`, `frames` and `stream` begin a new stack, and so does an image of
                another shape.
            open_timeout_ms: How long to wait while the system refuses for a passing reason (a prompt, a mode change, a
                session switch), in milliseconds, 0 to 2**32 - 1. A refusal for good is raised at once.
            backend: `"dxgi"` (Windows, outputs only), `"wgc"` (Windows), `"x11"` (Linux), `"sim"` (a simulated desktop,
                on every platform), or `"auto"`: the best backend of this platform, never `"sim"`. On Windows `"auto"`
                is `"wgc"` for a window, and for an output that `"dxgi"` can never capture.
            any_thread: Allow capture calls from every thread.
            threads: The most threads that convert a large frame, 1 to 64, the calling one included. `None`: as many as
                there are cores, but no more than 4. They sleep between frames, and all capturers share them; frames
                under half a million pixels need no more than one. More threads deliver a frame sooner; together they
                take up to a tenth more processor time than one.
            hdr: How 8-bit images of an HDR desktop show what is brighter than SDR white; everything up to it keeps its
                exact value. `"map"`: the hue stays, and fades to white towards the display's maximum. `"clip"`: every
                channel is cut. Case is ignored. It changes nothing on an SDR desktop, and in images of half floats.
            sim: Script of the simulated desktop, `None` for the default desktop. Only with `backend="sim"`.

        Raises:
            TypeError: An argument has the wrong type.
            ImportError: numpy cannot be imported.
            ValueError: No such output, device or backend, or a name that several outputs have (the message lists those
                that exist); a region that is empty, reversed, not integer or outside the output (the message says where
                the output lies); `open_timeout_ms`, `size`, `stack` or the number of `regions` out of range; unknown
                `fmt`, `resample`, `layout`, `dtype` or `hdr`; keywords that exclude each other (`regions` without
                `size` or with `region`, `"nv12"` or `"i420"` with another layout or type, or with an odd size); a
                mistake in the script; a script for another backend.
            DuplicationError: The operating system refuses, for example because there is no display, or refused for
                `open_timeout_ms`.
        """

    def grab(
        self,
        timeout_ms: SupportsIndex = 1000,
        fmt: PixelFormat | None = None,
        region: _Region | None = None,
        *,
        out: npt.NDArray[Any] | None = None,
        copy: bool = True,
        new_frame_only: bool = True,
    ) -> npt.NDArray[Any] | None:
        """Waits for a new frame and returns it.

        A frame is new if the desktop was presented since the last returned frame or, with `cursor=True`, the pointer
        moved or changed its shape. The first call returns the current desktop. Waiting, copying and converting run
        without the GIL.

        Args:
            timeout_ms: Longest wait in milliseconds, 0 to 2**32 - 1; 0 polls.
            fmt: Pixel format for this call only, `None` for the capturer's, in any case. Alpha is always opaque.
                `"rgba16f"` is `float16`: linear scRGB, where 1.0 is 80 nits, the white of an SDR desktop; of an HDR
                desktop nothing is lost, and values above SDR white and below 0 occur. Gray is
                `(77 * R + 150 * G + 29 * B + 128) >> 8`, in an array of shape `(height, width, 1)`; Pillow and other
                packages that want two dimensions take `frame[..., 0]`.
            region: Part of the output for this call only, in coordinates of the output (not relative to the capturer's
                region). `None` for the capturer's region or regions.
            out: Array to fill and return: writable, exactly the shape and type of the result, C-contiguous. Of images
                that are neither scaled, nor stacked, nor arranged or typed otherwise, only the pixels of each row must
                be contiguous: the row stride is free and may be negative, so a slice of a larger array works. The call
                needs exclusive access: until it returns, no other thread may read, write or resize the array.
            copy: If false, the result is a read-only array on memory that the capturer reuses. If you drop it before
                the next call, only the changed pixels are written to that memory; if you keep it, it stays unchanged
                and the next frame gets other memory.
            new_frame_only: If false and there is no new frame, return the current image at once instead of waiting.

        Returns:
            A C-contiguous array of `frame_shape` and `frame_dtype`, by default `(height, width, 4)` and `uint8`,
            independent of all other arrays; or `out`. `None` if no new frame came within `timeout_ms`, also while the
            desktop is lost for a transient reason (a mode change, a lock screen); the next call continues the recovery.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `timeout_ms` out of range, unknown `fmt` or one that does not go with the capturer's layout,
                type or size, a region as for the constructor, `out` that does not fit (nothing is written then), `out`
                together with `copy=False`, `region` together with `regions`, or a `fmt` or `region` that changes what a
                stack holds.
            RuntimeError: The capturer is closed, is streaming, has an open `frames()` iterator, or belongs to another
                thread or process.
            MemoryError: There is no memory for the image. The capturer works as before.
            AccessLost: The desktop was lost for a lasting reason.
            DeviceError: The graphics device was lost.
            CaptureError: The system reports another error, or a mode change leaves nothing of the region.
        """

    def grab_gpu(
        self,
        timeout_ms: SupportsIndex = 1000,
        *,
        sync: Literal["none", "keyed"] = "none",
        fmt: Literal["bgra", "rgba16f"] = "bgra",
        size: _Size | None = None,
        resample: Resample | None = None,
    ) -> GpuTexture | None:
        """Waits for a new frame and returns it as a texture that stays on the graphics device.

        New frames and lost desktops are handled as by `grab`, and the image equals that of `grab`: the capturer's
        region, upright, with the pointer if `cursor=True`, opaque. Everything is done on the device; no pixel is copied
        to system memory. docs/gpu.md says what is equal to the bit.

        A texture keeps its frame until it is closed. Up to 8 textures may be open at a time. docs/gpu.md shows how
        Direct3D, CUDA and Vulkan open one.

        Args:
            timeout_ms: Longest wait in milliseconds, 0 to 2**32 - 1; 0 polls.
            sync: How the capturer and the reader synchronise. `"none"`: the image is complete when this call returns,
                and the reader must have finished before the texture is closed. `"keyed"`: a keyed mutex; the reader
                acquires key 1, reads, and releases key 0. Its device may do so after the texture was closed.
            fmt: `"bgra"`, 8 bits, or `"rgba16f"`: half floats of linear scRGB, 1.0 is 80 nits.
            size: `(width, height)` of the texture: the image, with the pointer, is scaled to that, within one level of
                the frames that `grab` returns in this size. At most 8192 a side. By default the region is shown pixel
                by pixel, also if the capturer has a `size` for its frames.
            resample: `"area"`, `"bilinear"` or `"nearest"`; that of the capturer by default.

        Returns:
            A texture, or `None` if no new frame came within `timeout_ms`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `timeout_ms` or `size` out of range, unknown `sync` or `resample`, or another `fmt`.
            RuntimeError: The capturer is closed, is streaming, has an open `frames()` iterator, or belongs to another
                thread.
            AccessLost: The desktop was lost for a lasting reason.
            DeviceError: The graphics device was lost.
            CaptureError: The backend has no GPU path (`"x11"`, `"sim"`), the system refuses to share, 8 textures are
                open, a side of `size` is above 8192, the device cannot scale, or the system reports another error.
        """

    def start(
        self,
        target_fps: _Rate | None = 60,
        region: _Region | None = None,
        video_mode: bool = False,
        *,
        fmt: PixelFormat | None = None,
        patience_s: float | None = 30,
    ) -> None:
        """Starts a stream: a thread that captures into a mailbox for one image. `get_latest_frame` takes the image.

        A newer image replaces one that was not taken. So a slow reader gets the newest image and never a backlog, and
        it does not slow the capture down.

        Args:
            target_fps: Largest number of frames per second: an int, a float, a `Fraction` or a `Decimal`, up to 10000
                and not below one per hour. 0 or `None`: every present of the desktop.
            region: Part of the output, in its coordinates; `None` for the capturer's region.
            video_mode: Publish a frame at every tick of `target_fps`, the previous image again if there is no new one.
            fmt: Pixel format; `None` for the capturer's.
            patience_s: How many seconds the thread tries to regain a desktop that was lost for a lasting reason (an
                unplugged monitor, a removed device) before it gives up; `None` for ever. A transient loss is always
                waited out.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A rate that is negative, not a number or out of range; `video_mode` without a rate; `patience_s`
                below 0 or not a number; `fmt` or `region` as for `grab`.
            RuntimeError: A stream is running, a `frames()` iterator is open, the capturer is closed, or it belongs to
                another thread or process.
            CaptureError: The system has no thread for the stream. The capturer works as before.
        """

    def get_latest_frame(self, timeout_ms: SupportsIndex | None = None, *, copy: bool = True) -> npt.NDArray[Any]:
        """Returns the newest image of the stream; waits for one that was not returned before.

        The pixels are not copied: the array owns the memory that the thread wrote. When the array is freed, in any
        thread, the memory returns to the capturer; the array stays valid after `stop()` and without its capturer.
        `frame_info` describes the returned image; its presents and dirty rectangles include those of images that were
        replaced before they were taken. Waiting runs without the GIL.

        Args:
            timeout_ms: Longest wait in milliseconds, 0 to 2**32 - 1; 0 polls, `None` waits without limit.
            copy: If false, the array is read-only. It is independent of all other arrays in both cases.

        Returns:
            A C-contiguous array of `frame_shape` and `frame_dtype`, or as `start` was told.

        Raises:
            CaptureTimeout: No new image came within `timeout_ms`. It is also a `TimeoutError`.
            TypeError: An argument has the wrong type.
            ValueError: `timeout_ms` out of range.
            RuntimeError: There is no stream, the stream was stopped or the capturer closed during the call, or the
                capturer belongs to another thread.
            MemoryError: The thread found no memory for an image.
            AccessLost: The thread lost the desktop for a lasting reason and did not regain it within `patience_s`.
                Every failure of the thread ends the stream and is raised once, by the next call.
            DeviceError: The thread lost the graphics device.
            CaptureError: The system reported another error to the thread.
        """

    def stop(self) -> None:
        """Ends the stream and its thread; does nothing if there is none. Allowed from any thread.

        A `get_latest_frame` that waits in another thread raises `RuntimeError`. Afterwards `grab`, `start` and `frames`
        may be called again. An open `frames()` iterator is not affected: it has its own `close()`.
        """

    def frames(
        self,
        fps: _Rate,
        fmt: PixelFormat | None = None,
        region: _Region | None = None,
        timeout_ms: SupportsIndex = 5000,
        *,
        copy: bool = True,
        patience_s: float | None = 30,
        keep_awake: bool = False,
    ) -> FrameIterator:
        """Images at a constant rate, for video: `for image, seconds in capturer.frames(60): ...`.

        Args:
            fps: Frames per second: an int, a float, a `Fraction` or a `Decimal`, up to 10000 and not below one per
                hour. The value is exact: the NTSC rate is `Fraction(60000, 1001)`, and 59.94 is slightly less.
            fmt: Pixel format; `None` for the capturer's.
            region: Part of the output, in its coordinates; `None` for the capturer's region.
            timeout_ms: Longest wait for the first image in milliseconds, 0 to 2**32 - 1.
            copy: If false, images are read-only arrays on memory that the capturer reuses, as for `grab`.
            patience_s: How many seconds a slot waits for a desktop that was lost for a lasting reason, as for `start`.
            keep_awake: If true, the display is not switched off, and the screen saver does not start, until the
                iterator is closed. Nothing happens where the system cannot do that.

        Returns:
            An endless iterator. Until it is closed or dropped, all other ways to capture raise `RuntimeError`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A rate that is zero, negative, not a number or out of range; the others as for `grab` and
                `start`.
            RuntimeError: A stream is running, another iterator is open, the capturer is closed, or it belongs to
                another thread.
        """

    def stream(
        self,
        target_fps: _Rate | None = 0,
        region: _Region | None = None,
        video_mode: bool = False,
        *,
        fmt: PixelFormat | None = None,
        copy: bool = True,
        patience_s: float | None = 30,
    ) -> FrameStream:
        """The newest images for asyncio: `async for image in capturer.stream(): ...`.

        The arguments are those of `start` and `get_latest_frame`. The stream starts with the first `__anext__`, which
        also checks the arguments and raises their errors. It ends with the loop, unless a variable holds it: then
        `await stream.aclose()`, the end of `async with stream`, or `stop()` ends it.
        """

    def _start_owned(
        self,
        target_fps: _Rate | None = 0,
        region: _Region | None = None,
        video_mode: bool = False,
        *,
        fmt: PixelFormat | None = None,
        patience_s: float | None = 30,
    ) -> OwnedStream:
        """`start()` for a `FrameStream`: the stream runs at most as long as the returned object lives."""

    def _when_ready(self, callback: Callable[[], object]) -> None:
        """Calls `callback` once, from any thread, when `get_latest_frame` can return or raise without waiting.

        There is at most one callback: a new one replaces one that was not called yet.
        """

    def close(self) -> None:
        """Releases everything and ends a call that waits in another thread. Idempotent, allowed from any thread.

        Properties stay readable; every later capture call raises `RuntimeError("Capturer is closed")`.
        """

    def __enter__(self) -> Self:
        """Returns the capturer; `RuntimeError` if it is closed."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
        /,
    ) -> None:
        """Closes the capturer."""

    @property
    def width(self) -> int:
        """Width of the output in pixels. Follows mode changes and a window's size."""

    @property
    def height(self) -> int:
        """Height of the output in pixels. Follows mode changes and a window's size."""

    @property
    def region(self) -> tuple[int, int, int, int]:
        """The persistent region, by default the whole output or window."""

    @property
    def output_idx(self) -> int:
        """Index of the output on its adapter; 0 of a window."""

    @property
    def device_idx(self) -> int:
        """Index of the adapter; 0 of a window."""

    @property
    def cursor(self) -> bool:
        """Whether images include the pointer."""

    @property
    def format(self) -> str:
        """Pixel format of images, unless a call has its own."""

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of the arrays that calls without `fmt` and `region` return. Without `size` it follows mode changes."""

    @property
    def frame_dtype(self) -> np.dtype[Any]:
        """Type of their elements."""

    @property
    def color(self) -> Color:
        """Colour of the output, as of the last call. It changes with the mode, and SDR white also without one."""

    @property
    def rotation(self) -> Literal[0, 90, 180, 270]:
        """Rotation of the output in degrees clockwise. Images are always upright."""

    @property
    def is_capturing(self) -> bool:
        """Whether a stream is running or a `frames()` iterator is open."""

    @property
    def backend(self) -> str:
        """Name of the backend in use: `"dxgi"`, `"wgc"`, `"x11"` or `"sim"`."""

    @property
    def refresh_hz(self) -> float:
        """Refresh rate of the output in hertz; 0.0 if unknown."""

    @property
    def frame_info(self) -> FrameInfo | None:
        """Metadata of the last returned frame; `None` before the first."""

    @property
    def stats(self) -> Stats:
        """A snapshot of the counters since construction."""

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""

@final
class FrameIterator:
    """Images at a constant rate, from `Capturer.frames`. An iterator and a context manager.

    The clock is absolute: slot `i` is due exactly `i / fps` seconds after slot 0, so it does not drift. A slot without
    a new frame repeats the last image; of several frames between two slots only the newest is used.

    `close()`, the end of `with` and dropping the iterator make the capturer available again.
    """

    def __iter__(self) -> Self:
        """Returns the iterator."""

    def __next__(self) -> tuple[npt.NDArray[Any], float]:
        """Waits for the next slot, without the GIL, and returns its image and its time.

        The time is in seconds since slot 0: exactly `i / fps`, rounded to a float. A slot that is overdue is returned
        at once; no slot is dropped, and each keeps its own time. While the desktop is lost, the call waits until it is
        back. After an exception the iterator is still open, and the next call is for the same slot.

        Raises:
            StopIteration: The iterator is closed.
            CaptureTimeout: The first image did not come within `timeout_ms`.
            RuntimeError: The capturer is closed, or belongs to another thread.
            AccessLost: The desktop was lost for a lasting reason.
            DeviceError: The graphics device was lost.
            CaptureError: The system reports another error.
        """

    def close(self) -> None:
        """Ends the iteration, also of a `next()` that waits. Idempotent, allowed from any thread."""

    def __enter__(self) -> Self:
        """Returns the iterator."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
        /,
    ) -> None:
        """Closes the iterator."""

    @property
    def start_time(self) -> float | None:
        """Time of slot 0 in seconds since the epoch, as in `time.time()`; `None` before slot 0."""

    @property
    def late(self) -> int:
        """Slots that were requested after they were due, because the consumer was busy."""

    @property
    def repeated(self) -> int:
        """Slots that repeat the previous image, because there was no new frame."""

    @property
    def skipped(self) -> int:
        """Presents that are in no slot, because a newer one came before the slot was due."""

@final
class GpuTexture:
    """A frame on the graphics device, shared by an NT handle. A context manager; every thread may use it.

    Closing or dropping the object closes the handle and returns the texture to the capturer, which draws a later frame
    into it. A reader that has opened the handle holds its own reference to the memory. The object may outlive its
    capturer. After `close()` all properties except `shared_handle` stay readable.
    """

    @property
    def width(self) -> int:
        """Width in pixels."""

    @property
    def height(self) -> int:
        """Height in pixels."""

    @property
    def shared_handle(self) -> int:
        """The NT handle of the texture, valid in this process until `close()`, which closes it.

        It is created on first access: `CaptureError` if the system refuses, `RuntimeError` after `close()`. Another
        process needs its own duplicate (`DuplicateHandle`).
        """

    @property
    def memory_id(self) -> int:
        """Identifies the memory of the texture. Equal numbers mean the same memory: an earlier import can be reused.

        A number is never reused for other memory in this process.
        """

    @property
    def luid(self) -> tuple[int, int]:
        """`(low, high)` of the adapter that holds the texture, unsigned and signed. No other adapter can open it."""

    @property
    def format(self) -> Literal["bgra", "rgba16f"]:
        """Pixel format: `DXGI_FORMAT_B8G8R8A8_UNORM` or `DXGI_FORMAT_R16G16B16A16_FLOAT`."""

    @property
    def size_bytes(self) -> int:
        """Bytes of all pixels: `width * height` times 4, or 8 for `"rgba16f"`. The driver decides on their layout."""

    @property
    def sync(self) -> Literal["none", "keyed"]:
        """How capturer and reader synchronise, see `Capturer.grab_gpu`."""

    @property
    def acquire_key(self) -> int | None:
        """The key that the reader acquires, 1; `None` without a keyed mutex."""

    @property
    def release_key(self) -> int | None:
        """The key that the reader releases, 0; `None` without a keyed mutex."""

    @property
    def frame_info(self) -> FrameInfo:
        """Metadata of the frame."""

    @property
    def stale(self) -> bool:
        """Whether the graphics device was removed or reset, which destroys the image. False after `close()`."""

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""

    def close(self) -> None:
        """Closes the handle and returns the texture to the capturer. Idempotent."""

    def __enter__(self) -> Self:
        """Returns the texture; `RuntimeError` if it is closed."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
        /,
    ) -> None:
        """Closes the texture."""

@final
class OwnedStream:
    """The stream of a `FrameStream`. Dropping it ends the stream."""

    def stop(self) -> None:
        """Ends the stream; does nothing if it has ended, also if the capturer runs another one."""

@final
class FrameInfo:
    """Metadata of a frame. An immutable value that can be compared, hashed, copied and pickled."""

    def __eq__(self, value: object, /) -> bool:
        """Whether all fields are equal."""

    def __ne__(self, value: object, /) -> bool:
        """Whether a field differs."""

    def __hash__(self) -> int:
        """A hash, equal for equal values."""

    @property
    def present_time(self) -> float:
        """When the desktop was presented, in seconds on the clock of `time.perf_counter()`.

        X servers report no present times; there it is the time when the change was detected.
        """

    @property
    def sequence(self) -> int:
        """Number of presents since construction, including this one."""

    @property
    def accumulated(self) -> int:
        """Presents since the previously returned frame: 0 if only the pointer changed, above 1 if some were missed."""

    @property
    def is_new(self) -> bool:
        """Whether image or pointer changed since the previously returned frame."""

    @property
    def dirty(self) -> list[tuple[int, int, int, int]]:
        """Rectangles that cover what changed since the previously returned frame. They may overlap and be too large."""

    @property
    def moves(self) -> list[tuple[tuple[int, int], tuple[int, int, int, int]]]:
        """Parts that moved unchanged: the old position of the top-left corner, and the new rectangle."""

    @property
    def pointer(self) -> PointerInfo:
        """The pointer at the time of this frame."""

    @property
    def protected(self) -> bool:
        """Whether the system blanked protected content in this image."""

@final
class Color:
    """The colour of an output, from `Capturer.color`. Immutable; it can be pickled."""

    def __eq__(self, value: object, /) -> bool:
        """Whether all fields are equal."""

    def __ne__(self, value: object, /) -> bool:
        """Whether a field differs."""

    def __hash__(self) -> int:
        """A hash, equal for equal values."""

    @property
    def hdr(self) -> bool:
        """Whether the output shows a high dynamic range."""

    @property
    def space(self) -> Literal["srgb", "scrgb", "hdr10"]:
        """Colour space of the desktop: `"srgb"`, linear `"scrgb"`, or `"hdr10"` (BT.2020 with the PQ curve)."""

    @property
    def bits(self) -> int:
        """Bits per channel on the way to the display."""

    @property
    def sdr_white_nits(self) -> float:
        """Luminance of SDR white. 80 on an SDR desktop; 200 on an HDR desktop whose system does not report it, which
        `stats.fallback` says then."""

    @property
    def max_nits(self) -> float:
        """The brightest that the display shows, 0.0 if unknown."""

    @property
    def min_nits(self) -> float:
        """The darkest that the display shows, 0.0 if unknown."""

@final
class PointerInfo:
    """Position, visibility and shape of the pointer. An immutable value like `FrameInfo`."""

    def __eq__(self, value: object, /) -> bool:
        """Whether all fields are equal."""

    def __ne__(self, value: object, /) -> bool:
        """Whether a field differs."""

    def __hash__(self) -> int:
        """A hash, equal for equal values."""

    @property
    def x(self) -> int:
        """Left edge of the pointer's image, relative to the output; may lie outside it."""

    @property
    def y(self) -> int:
        """Top edge of the pointer's image, relative to the output; may lie outside it."""

    @property
    def visible(self) -> bool:
        """Whether the pointer is on this output and has to be drawn.

        False with `cursor=False`, and while the system itself draws the pointer into the image.
        """

    @property
    def shape(self) -> PointerShape | None:
        """The shape; `None` if it is unknown or malformed. Each access creates a new object."""

@final
class PointerShape:
    """Shape of the pointer. An immutable value like `FrameInfo`; shapes are equal if the system reports the same."""

    def __eq__(self, value: object, /) -> bool:
        """Whether both shapes are equal."""

    def __ne__(self, value: object, /) -> bool:
        """Whether the shapes differ."""

    def __hash__(self) -> int:
        """A hash, equal for equal shapes."""

    @property
    def kind(self) -> Literal["monochrome", "color", "premultiplied", "masked_color"]:
        """The system's kind of shape, which decides how `image` is combined with the desktop."""

    @property
    def width(self) -> int:
        """Width in pixels."""

    @property
    def height(self) -> int:
        """Height in pixels."""

    @property
    def hot_spot(self) -> tuple[int, int]:
        """Position of the hot spot, from the top-left corner of the image."""

    @property
    def image(self) -> npt.NDArray[np.uint8]:
        """A read-only array of shape `(height, width, 4)`: blue, green, red, and a fourth byte that depends on `kind`.

        | `kind` | fourth byte | pixel of the result, `under` being that of the desktop |
        |---|---|---|
        | `"color"` | alpha | `(colour * alpha + under * (255 - alpha)) / 255` |
        | `"premultiplied"` | alpha, the colour is multiplied by it | `colour + under * (255 - alpha) / 255` |
        | `"monochrome"`, `"masked_color"` | 0 | `colour` |
        | | 255 | `under ^ colour`: black keeps the desktop, white inverts it |

        Quotients are rounded to the nearest integer.
        """

@final
class Stats:
    """Counters of a capturer: a snapshot, an immutable value like `FrameInfo`."""

    def __eq__(self, value: object, /) -> bool:
        """Whether all fields are equal."""

    def __ne__(self, value: object, /) -> bool:
        """Whether a field differs."""

    def __hash__(self) -> int:
        """A hash, equal for equal values."""

    @property
    def frames(self) -> int:
        """Frames returned."""

    @property
    def timeouts(self) -> int:
        """Calls that returned `None`."""

    @property
    def pointer_wakeups(self) -> int:
        """Wake-ups in which only the pointer had changed. Several may be merged into one frame."""

    @property
    def missed(self) -> int:
        """Presents between two returned frames that are in neither."""

    @property
    def recoveries(self) -> int:
        """How often the desktop was lost and a frame of it was captured again."""

    @property
    def lost(self) -> str | None:
        """Why the desktop is lost at present, `None` if it is not. Explains a `None` from `grab`."""

    @property
    def bytes_copied(self) -> int:
        """Bytes of pixels written into images."""

    @property
    def region_clamped(self) -> bool:
        """Whether the persistent region was clamped because the output became smaller."""

    @property
    def threads(self) -> int:
        """How many threads convert a large frame: 1 also if the system refused to start more."""

    @property
    def device_copies(self) -> int:
        """Copies that the graphics device was told to make, for all capturers of the output. 0 without a device."""

    @property
    def device_bytes(self) -> int:
        """Bytes of these copies."""

    @property
    def reads_in_place(self) -> int:
        """Images read from the desktop itself, where it is in system memory: virtual machines, remote sessions."""

    @property
    def gpu_priority(self) -> bool | None:
        """Whether the graphics device prefers the capture to other programs, `None` without a device."""

    @property
    def thread_priority(self) -> bool | None:
        """Whether the thread of the last `start` had the system's priority for captures, `None` where there is none."""

    @property
    def fallback(self) -> str | None:
        """Why a slower path is in use, `None` if the fastest is."""

def _end_streams() -> None:
    """Ends the threads of all streams. `atexit` calls it."""

def _region(region: _Region, /) -> _Edges:
    """The four integers of a region; `TypeError` or `ValueError` for anything else. Where it lies is not checked."""

def _frame_info(
    present_time: int,
    sequence: int,
    accumulated: int,
    is_new: bool,
    dirty: list[_Edges],
    moves: list[tuple[tuple[int, int], _Edges]],
    pointer: tuple[tuple[int, int], bool, _Shape | None],
    protected: bool,
    /,
) -> FrameInfo:
    """Makes a pickled value again."""

def _pointer_info(position: tuple[int, int], visible: bool, shape: _Shape | None, /) -> PointerInfo:
    """Makes a pickled value again."""

def _pointer_shape(
    kind: str, width: int, height: int, pitch: int, hot_spot: tuple[int, int], data: bytes, /
) -> PointerShape:
    """Makes a pickled value again."""

def _color(hdr: bool, space: str, bits: int, sdr_white_nits: float, max_nits: float, min_nits: float, /) -> Color:
    """Makes a pickled value again."""

def _stats(frames: int, timeouts: int, missed: int, session: _Counters, /) -> Stats:
    """Makes a pickled value again."""

def _adapters(backend: str = "auto") -> list[AdapterInfo]:
    """The graphics adapters of a backend, including those without outputs."""

def _server(backend: str = "auto") -> ServerInfo | None:
    """The display server of a backend, `None` if it has none."""

def list_outputs(backend: str = "auto", *, sim: str | None = None) -> list[OutputInfo]:
    """Describes all outputs of all adapters.

    `output_name` and `id` are also what the argument `output` of `Capturer` and `screenshot` takes. Names and indices
    may belong to another monitor after a new arrangement; an id stays with its monitor.

    Args:
        backend: As for `Capturer`.
        sim: Script of the simulated desktop, as for `Capturer`.

    Raises:
        ValueError: Unknown backend, or a mistake in the script.
        CaptureError: The operating system refuses, for example because there is no display.
    """

def list_windows(backend: str = "auto", *, sim: str | None = None) -> list[WindowInfo]:
    """Describes all windows that can be captured, top-most first.

    Each dict is also what the argument `window` of `Capturer` and `screenshot` takes.

    Args:
        backend: As for `Capturer`.
        sim: Script of the simulated desktop, as for `Capturer`. Its windows are described as they are at the beginning.

    Raises:
        ValueError: Unknown backend, one that captures outputs only, or a mistake in the script.
        CaptureError: The operating system refuses, for example because there is no display.
    """

def screenshot(
    output: SupportsIndex | str = 0,
    region: _Region | None = None,
    fmt: PixelFormat = "rgb",
    *,
    cursor: bool = False,
    device: SupportsIndex = 0,
    window: _Window | None = None,
    window_area: Literal["client", "whole"] = "client",
    size: _Size | None = None,
    resample: Resample = "area",
    layout: Layout = "hwc",
    dtype: ElementType = "uint8",
    regions: Sequence[_Region] | None = None,
    stack: SupportsIndex | None = None,
    backend: str = "auto",
    hdr: Literal["map", "clip"] = "map",
    sim: str | None = None,
) -> npt.NDArray[Any]:
    """Takes one screenshot: opens a capturer, grabs once and closes it.

    The arguments are those of `Capturer` and `grab`, with RGB and no pointer as defaults. It waits up to 5 seconds for
    a desktop that is refused or lost for a passing reason.

    Returns:
        A C-contiguous array, by default of shape `(height, width, 3)` and `uint8`.

    Raises:
        TypeError: As `Capturer`.
        ValueError: As `Capturer` and `grab`.
        CaptureError: As `Capturer` and `grab`.
    """
