"""The native part of rustcam. Import its names from `rustcam`.

Lengths and positions are whole pixels, x to the right and y downwards from the top-left corner of the output as the
user sees it, that is after rotation. Rectangles are `(left, top, right, bottom)` and half open: `right` and `bottom`
are the first column and row outside.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import TracebackType
from typing import Final, Literal, SupportsIndex, final

import numpy as np
import numpy.typing as npt
from typing_extensions import Self, TypeAlias, disjoint_base

from ._stream import FrameStream
from ._types import AdapterInfo, OutputInfo, PixelFormat, ServerInfo

__all__ = [
    "Capturer",
    "FrameInfo",
    "FrameIterator",
    "GpuTexture",
    "PointerInfo",
    "PointerShape",
    "Stats",
    "__version__",
    "_adapters",
    "_backends",
    "_cpu_path",
    "_debug_build",
    "_server",
    "list_outputs",
    "screenshot",
]

__version__: Final[str]
_debug_build: Final[bool]
_cpu_path: Final[str]
_backends: Final[list[str]]

_Region: TypeAlias = tuple[SupportsIndex, SupportsIndex, SupportsIndex, SupportsIndex] | list[int]
_Rate: TypeAlias = float | Fraction | Decimal

@disjoint_base
class Capturer:
    """Captures one output, in one of three ways at a time.

    - `grab()`: one image per call, when you want it. `grab_gpu()` is the same for images that stay on the device.
    - `start()`, `get_latest_frame()`, `stop()`: a thread captures on its own, and you take the newest image. `stream()`
      is the same for asyncio.
    - `frames()`: images at a constant rate, for video.

    A capturer keeps its connection to the desktop and the last image, so one that lives long is far cheaper than many
    short ones. It is a context manager; `close()` or dropping it releases everything.

    It belongs to the thread that made it: capturing from another thread raises `RuntimeError`. With `any_thread=True`
    all threads may capture, one after the other. Stopping, closing and dropping are allowed from any thread in both
    cases, and reading properties, too.
    """

    def __new__(
        cls,
        output: SupportsIndex = 0,
        cursor: bool = True,
        region: _Region | None = None,
        device: SupportsIndex = 0,
        *,
        backend: str = "auto",
        any_thread: bool = False,
        sim: str | None = None,
    ) -> Self:
        """Opens an output.

        Args:
            output: Index of the output on its adapter, see `list_outputs`.
            cursor: Draw the pointer into every image. A pointer that moves or changes shape then counts as something
                new, at most once per refresh interval. If false, pointer activity is ignored.
            region: Part of the output that every `grab` returns, `None` for all of it. Must lie inside the output and
                must not be empty.
            device: Index of the adapter.
            backend: `"dxgi"` (Windows), `"x11"` (Linux), `"sim"` (a simulated desktop, everywhere), or `"auto"`: the
                best real one of this platform, never `"sim"`.
            any_thread: Let every thread use the capturer.
            sim: Script of the simulated desktop, `None` for its default. Only with `backend="sim"`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: No such output, device or backend, a region that is empty, reversed, not integer or outside of
                the output, a mistake in the script, or a script for another backend. The message says what exists.
            DuplicationError: The operating system refuses, for example because there is no display.
        """

    def grab(
        self,
        timeout_ms: SupportsIndex = 1000,
        fmt: PixelFormat = "bgra",
        region: _Region | None = None,
        *,
        out: npt.NDArray[np.uint8] | None = None,
        copy: bool = True,
        new_frame_only: bool = True,
    ) -> npt.NDArray[np.uint8] | None:
        """Waits for something new and returns the image of the desktop.

        New means: the desktop was presented since the last returned frame, or, with `cursor=True`, the pointer moved or
        changed its shape. The first call returns the desktop as it is. Waiting, copying and converting run without the
        GIL, and Ctrl-C ends any wait within 50 ms.

        Args:
            timeout_ms: Longest wait in milliseconds, 0 to 2**32 - 1; 0 polls.
            fmt: `"bgra"`, `"rgba"`, `"bgr"`, `"rgb"` or `"gray"` (also `"grey"`), in any case. Alpha is always 255;
                gray is `(77 * R + 150 * G + 29 * B + 128) >> 8`.
            region: Part of the output for this call only, in coordinates of the output (not of the capturer's own
                region). `None` for the capturer's region.
            out: Array to fill and return: `uint8`, writable, exactly the shape of the result, the pixels of a row next
                to each other. Rows may be apart or run upwards, so a slice of a larger array works.
            copy: If false, the result is a read-only array on memory that the capturer keeps. Drop it before the next
                call and the same memory is brought up to date by touching changed pixels only; keep it and it stays
                as it is, and the next frame gets memory of its own.
            new_frame_only: If false and nothing is new, return the current image at once instead of waiting.

        Returns:
            A C-contiguous `uint8` array of shape `(height, width, channels)` with 4, 4, 3, 3 or 1 channels, independent
            of every other; or `out`. `None` if nothing new came in time, also while the desktop is away for a passing
            reason (a mode change, a lock screen): the next call goes on trying.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `timeout_ms` out of range, unknown `fmt`, a region as for the constructor, `out` that does not
                fit (nothing is written then), or `out` together with `copy=False`.
            RuntimeError: The capturer is closed, streams, has an open `frames()` iterator, or belongs to another
                thread.
            AccessLost: The desktop is gone for a reason that does not pass by itself.
            DeviceError: The graphics device is gone.
            CaptureError: Anything else that the system reports; nothing is left of the region after a mode change.
        """

    def grab_gpu(
        self, timeout_ms: SupportsIndex = 1000, *, sync: Literal["none", "keyed"] = "none"
    ) -> GpuTexture | None:
        """Waits for something new and returns the image of the desktop as a texture that stays on the graphics device.

        What is new, and what happens when the desktop is lost, is as for `grab`. The image is that of `grab`, to the
        bit: the capturer's region, upright, with the pointer if `cursor=True`, alpha 255. Only the device works on it;
        no pixel comes to the processor.

        A texture belongs to its frame: nobody writes to it until it is closed. Up to 8 may be held at a time.
        See docs/gpu.md for how Direct3D, CUDA and Vulkan open one.

        Args:
            timeout_ms: Longest wait in milliseconds, 0 to 2**32 - 1; 0 polls.
            sync: How the reader and the capturer keep out of each other's way. `"none"`: the image is complete when
                this returns, and the reader must be done before it closes the texture. `"keyed"`: a keyed mutex; the
                reader acquires key 1 before it reads and releases key 0 when it is done, which its device may do later
                than the texture is closed.

        Returns:
            A texture, or `None` if nothing new came in time.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `timeout_ms` out of range, or unknown `sync`.
            RuntimeError: The capturer is closed, streams, has an open `frames()` iterator, or belongs to another
                thread.
            AccessLost: The desktop is gone for a reason that does not pass by itself.
            DeviceError: The graphics device is gone.
            CaptureError: The backend has no GPU path (`"x11"`, `"sim"`), the system refuses to share, 8 textures are
                held, or anything else that the system reports.
        """

    def start(
        self,
        target_fps: _Rate | None = 60,
        region: _Region | None = None,
        video_mode: bool = False,
        *,
        fmt: PixelFormat = "bgra",
    ) -> None:
        """Starts a thread that captures on its own. `get_latest_frame` takes what it captured.

        There is room for one image. A newer one replaces one that nobody took, so that a slow reader gets the newest
        image and never a backlog, and never slows the capture down.

        Args:
            target_fps: Most frames per second: an int, a float, a `Fraction` or a `Decimal`, up to 10000 and not below
                one per hour. 0 or `None`: every present of the desktop.
            region: Part of the output, in its coordinates; `None` for the capturer's region.
            video_mode: Publish a frame at every tick of `target_fps`, the previous image again if nothing is new.
            fmt: Pixel format, as for `grab`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A rate that is negative, not a number or out of range; `video_mode` without a rate; `fmt` or
                `region` as for `grab`.
            RuntimeError: A stream runs already, a `frames()` iterator is open, the capturer is closed, or belongs to
                another thread.
        """

    def get_latest_frame(self, timeout_ms: SupportsIndex | None = None, *, copy: bool = True) -> npt.NDArray[np.uint8]:
        """Returns the newest image of the stream; waits for one that was not returned before.

        The pixels are not copied: the array takes over the memory that the thread wrote, and gives it back when it
        dies, in whatever thread, also after `stop()` and after the capturer is gone. `frame_info` describes the
        returned image; its presents and dirty rectangles include those of images that were replaced before anyone took
        them. Waiting runs without the GIL, and Ctrl-C ends it within 50 ms.

        Args:
            timeout_ms: Longest wait in milliseconds, 0 to 2**32 - 1; 0 polls, `None` waits without end.
            copy: If false, the array is read-only. It is independent of all others in both cases.

        Returns:
            A C-contiguous `uint8` array of shape `(height, width, channels)`.

        Raises:
            CaptureTimeout: Nothing new came in time. It is a `TimeoutError`, too.
            TypeError: An argument has the wrong type.
            ValueError: `timeout_ms` out of range.
            RuntimeError: There is no stream, it was stopped or the capturer closed meanwhile, or the capturer belongs
                to another thread.
            AccessLost: The thread lost the desktop for a reason that does not pass by itself. As every failure of the
                thread this is raised once, by the next call, and the stream is over then.
            DeviceError: The thread lost the graphics device.
            CaptureError: Anything else that the system reported to the thread.
        """

    def stop(self) -> None:
        """Ends the stream and its thread; does nothing if there is none. Allowed from any thread.

        A `get_latest_frame` that waits in another thread raises `RuntimeError`. Afterwards `grab`, `start` and `frames`
        work again. An open `frames()` iterator is not affected: it has its own `close()`.
        """

    def frames(
        self,
        fps: _Rate,
        fmt: PixelFormat = "bgra",
        region: _Region | None = None,
        timeout_ms: SupportsIndex = 5000,
        *,
        copy: bool = True,
    ) -> FrameIterator:
        """Images at a constant rate, for video: `for image, seconds in capturer.frames(60): ...`.

        Args:
            fps: Frames per second: an int, a float, a `Fraction` or a `Decimal`, up to 10000 and not below one per
                hour. It is taken exactly; `Fraction(60000, 1001)` is the rate of television, 59.94 is a little less.
            fmt: Pixel format, as for `grab`.
            region: Part of the output, in its coordinates; `None` for the capturer's region.
            timeout_ms: How long the first image may take, in milliseconds, 0 to 2**32 - 1.
            copy: If false, images are read-only arrays on memory that the capturer keeps, as for `grab`.

        Returns:
            An iterator without end. The capturer does nothing else until it is closed or dropped.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A rate that is zero, negative, not a number or out of range; the others as for `grab`.
            RuntimeError: A stream runs, another iterator is open, the capturer is closed, or belongs to another thread.
        """

    def stream(
        self,
        target_fps: _Rate | None = 0,
        region: _Region | None = None,
        video_mode: bool = False,
        *,
        fmt: PixelFormat = "bgra",
        copy: bool = True,
    ) -> FrameStream:
        """The newest images for asyncio: `async for image in capturer.stream(): ...`.

        The arguments are those of `start` and `get_latest_frame`. They are looked at when the first image is asked for,
        because the stream starts then; their mistakes are raised there.
        """

    def _when_ready(self, callback: Callable[[], object]) -> None:
        """Calls `callback` once, from any thread, when `get_latest_frame` has something to return or to raise.

        There is one such callback at a time: a new one replaces one that was not called yet.
        """

    def close(self) -> None:
        """Releases everything. May be called often, from any thread, and ends a call that is waiting in another one.

        Properties stay readable; whatever captures raises `RuntimeError("Capturer is closed")` from then on.
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
        """Width of the output in pixels. Follows mode changes."""

    @property
    def height(self) -> int:
        """Height of the output in pixels. Follows mode changes."""

    @property
    def region(self) -> tuple[int, int, int, int]:
        """The persistent region; the whole output if none was given."""

    @property
    def output_idx(self) -> int:
        """Index of the output on its adapter."""

    @property
    def device_idx(self) -> int:
        """Index of the adapter."""

    @property
    def cursor(self) -> bool:
        """Whether the pointer is part of the images."""

    @property
    def format(self) -> Literal["bgra"]:
        """Pixel format of `grab` unless it is told otherwise."""

    @property
    def rotation(self) -> Literal[0, 90, 180, 270]:
        """Rotation of the output in degrees clockwise. Images are upright whatever it is."""

    @property
    def is_capturing(self) -> bool:
        """Whether a stream runs or a `frames()` iterator is open."""

    @property
    def backend(self) -> str:
        """Name of the backend at work: `"dxgi"`, `"x11"` or `"sim"`."""

    @property
    def refresh_hz(self) -> float:
        """Refresh rate of the output in hertz; 0.0 if the system does not tell."""

    @property
    def frame_info(self) -> FrameInfo | None:
        """What is known about the last returned frame; `None` before the first."""

    @property
    def stats(self) -> Stats:
        """Counters since construction, as of now."""

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""

@final
class FrameIterator:
    """Images at a constant rate, from `Capturer.frames`. An iterator and a context manager.

    The clock of the slots is absolute: slot `i` is due exactly `i / fps` seconds after the first, after hours as after
    a second. A slot without news shows the last image again; images that come and go between two slots are skipped.

    `close()`, leaving `with`, or dropping the iterator gives the capturer back.
    """

    def __iter__(self) -> Self:
        """Returns the iterator."""

    def __next__(self) -> tuple[npt.NDArray[np.uint8], float]:
        """Waits for the next slot, without the GIL, and returns its image and its time.

        The time is that of the slot in seconds since the first, exactly `i / fps` rounded to a float. A slot whose time
        has passed is returned at once: all slots come, in order, with their own time. If the desktop is away, the slot
        waits until it is back. An exception leaves the iterator open; the next call asks for the same slot again.

        Raises:
            StopIteration: The iterator is closed.
            CaptureTimeout: The first image did not come in time.
            RuntimeError: The capturer is closed, or belongs to another thread.
            AccessLost: The desktop is gone for a reason that does not pass by itself.
            DeviceError: The graphics device is gone.
            CaptureError: Anything else that the system reports.
        """

    def close(self) -> None:
        """Gives the capturer back, and ends a `next()` that waits. May be called often and from any thread."""

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
        """When slot 0 was, in seconds since the epoch, as `time.time()` counts them; `None` before it."""

    @property
    def late(self) -> int:
        """Slots that were asked for only after their time, because the consumer was busy."""

    @property
    def repeated(self) -> int:
        """Slots that show the same image as the one before, because nothing was new."""

    @property
    def skipped(self) -> int:
        """Presents that no slot shows, because a newer one came before the slot was due."""

@final
class GpuTexture:
    """A frame on the graphics device, which others can open by its handle. A context manager.

    Closing or dropping it closes its handle and gives the texture back to the capturer, which will draw a later frame
    on it. Whoever opened the handle keeps a reference of their own to the memory. It may outlive its capturer.
    All properties but `shared_handle` stay readable afterwards. Allowed from any thread.
    """

    @property
    def width(self) -> int:
        """Width in pixels."""

    @property
    def height(self) -> int:
        """Height in pixels."""

    @property
    def shared_handle(self) -> int:
        """The NT handle to open, valid in this process until `close()`, which closes it.

        Made when it is first asked for: `CaptureError` if the system refuses. Another process needs a duplicate of its
        own (`DuplicateHandle`). `RuntimeError` if this texture is closed.
        """

    @property
    def memory_id(self) -> int:
        """Which memory holds the texture. Equal numbers mean the same memory, which need not be opened again.

        No other memory of this process ever has the number.
        """

    @property
    def luid(self) -> tuple[int, int]:
        """`(low, high)` of the adapter that holds the texture, unsigned and signed. No other adapter can open it."""

    @property
    def format(self) -> Literal["bgra"]:
        """Pixel format: `DXGI_FORMAT_B8G8R8A8_UNORM`."""

    @property
    def size_bytes(self) -> int:
        """Bytes of all pixels, `width * height * 4`. How they lie in the memory of the device is its own affair."""

    @property
    def sync(self) -> Literal["none", "keyed"]:
        """How the reader is kept in order, see `Capturer.grab_gpu`."""

    @property
    def acquire_key(self) -> int | None:
        """The key that a reader acquires, 1; `None` without a keyed mutex."""

    @property
    def release_key(self) -> int | None:
        """The key that a reader releases, 0; `None` without a keyed mutex."""

    @property
    def frame_info(self) -> FrameInfo:
        """What is known about the frame."""

    @property
    def stale(self) -> bool:
        """Whether the graphics device was removed or reset: the image is gone. False after `close()`."""

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""

    def close(self) -> None:
        """Closes the handle and gives the texture back. May be called often."""

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
class FrameInfo:
    """What is known about a frame. Immutable."""

    @property
    def present_time(self) -> float:
        """When the desktop was presented, in seconds on the clock of `time.perf_counter()`.

        X servers send no present times; there it is the moment when the change was noticed.
        """

    @property
    def sequence(self) -> int:
        """Number of presents seen since construction, this one included."""

    @property
    def accumulated(self) -> int:
        """Presents since the previously returned frame: 0 if only the pointer changed, above 1 if some were missed."""

    @property
    def is_new(self) -> bool:
        """Whether image or pointer are newer than in the previously returned frame."""

    @property
    def dirty(self) -> list[tuple[int, int, int, int]]:
        """Rectangles whose content changed since the previously returned frame. They may overlap and may cover more."""

    @property
    def moves(self) -> list[tuple[tuple[int, int], tuple[int, int, int, int]]]:
        """Parts that moved without changing: where the top-left corner was, and the rectangle where the part is now."""

    @property
    def pointer(self) -> PointerInfo:
        """The pointer as of this frame."""

    @property
    def protected(self) -> bool:
        """Whether the system blanked protected content in this image."""

@final
class PointerInfo:
    """Where the pointer is. Immutable."""

    @property
    def x(self) -> int:
        """Left edge of the pointer's image in the output; may lie outside."""

    @property
    def y(self) -> int:
        """Top edge of the pointer's image in the output; may lie outside."""

    @property
    def visible(self) -> bool:
        """Whether there is a pointer to draw on this output.

        False with `cursor=False`, and while the system draws the pointer into the image itself.
        """

    @property
    def shape(self) -> PointerShape | None:
        """What it looks like; `None` if that is not known, or makes no sense. Made anew when it is asked for."""

@final
class PointerShape:
    """What the pointer looks like. Immutable; two shapes are equal if the system describes them alike."""

    def __eq__(self, value: object, /) -> bool:
        """Whether both are the same shape."""

    def __ne__(self, value: object, /) -> bool:
        """Whether they differ."""

    def __hash__(self) -> int:
        """A hash."""

    @property
    def kind(self) -> Literal["monochrome", "color", "premultiplied", "masked_color"]:
        """How the system describes it, and how `image` combines with the desktop under it."""

    @property
    def width(self) -> int:
        """Width in pixels."""

    @property
    def height(self) -> int:
        """Height in pixels."""

    @property
    def hot_spot(self) -> tuple[int, int]:
        """The pixel that points, from the top-left corner of the image."""

    @property
    def image(self) -> npt.NDArray[np.uint8]:
        """A read-only array of shape `(height, width, 4)`: blue, green, red, and a fourth byte that depends on `kind`.

        - `"color"`: straight alpha. The desktop becomes `(colour * alpha + under * (255 - alpha)) / 255`.
        - `"premultiplied"`: the colours are multiplied by alpha already: `colour + under * (255 - alpha) / 255`.
        - `"monochrome"` and `"masked_color"`: where it is 0 the colour replaces the desktop, where it is 255 the
          desktop becomes `under ^ colour`; black leaves it alone then, and white inverts it.

        Quotients are rounded to the nearest integer.
        """

@final
class Stats:
    """Counters of a capturer. Immutable: a snapshot."""

    @property
    def frames(self) -> int:
        """Frames returned."""

    @property
    def timeouts(self) -> int:
        """Calls that returned `None`."""

    @property
    def pointer_wakeups(self) -> int:
        """Wake-ups in which only the pointer had changed. Several may end in one frame."""

    @property
    def missed(self) -> int:
        """Presents that came and went between two returned frames."""

    @property
    def recoveries(self) -> int:
        """How often the desktop was lost and an image of it came again."""

    @property
    def lost(self) -> str | None:
        """Why the desktop is away now, `None` while it is there. Tells whether a `None` of `grab` means this."""

    @property
    def bytes_copied(self) -> int:
        """Bytes of pixels written into images."""

    @property
    def region_clamped(self) -> bool:
        """Whether the persistent region was cut because the output became smaller."""

    @property
    def fallback(self) -> str | None:
        """Why a slower path than the best is used, `None` if the best is."""

def _adapters(backend: str = "auto") -> list[AdapterInfo]:
    """The graphics adapters that a backend knows, those without outputs included. For reports."""

def _server(backend: str = "auto") -> ServerInfo | None:
    """The display server behind a backend, `None` where there is none. For reports."""

def list_outputs(backend: str = "auto", *, sim: str | None = None) -> list[OutputInfo]:
    """Describes all outputs of all adapters.

    Args:
        backend: As for `Capturer`.
        sim: Script of the simulated desktop, as for `Capturer`.

    Raises:
        ValueError: Unknown backend, or a mistake in the script.
        CaptureError: The operating system does not answer, for example because there is no display.
    """

def screenshot(
    output: SupportsIndex = 0,
    region: _Region | None = None,
    fmt: PixelFormat = "rgb",
    *,
    cursor: bool = False,
    device: SupportsIndex = 0,
    backend: str = "auto",
    sim: str | None = None,
) -> npt.NDArray[np.uint8]:
    """Takes one picture: opens a capturer, grabs once and closes it.

    The arguments are those of `Capturer` and `grab`, with RGB and no pointer as defaults.

    Returns:
        A C-contiguous `uint8` array of shape `(height, width, channels)`.

    Raises:
        TypeError: As `Capturer`.
        ValueError: As `Capturer` and `grab`.
        CaptureError: As `Capturer` and `grab`.
    """
