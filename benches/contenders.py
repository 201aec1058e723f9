"""The contenders, and the workloads that the pages in `pages/` name.

`1920x1080 full@60 bgra free` is a workload: the size of the screen, what it shows and how often a second, the pixel
format, and how a contender follows it. `region` behind that is a part of the screen, `cursor` draws the pointer.
Behind that may be how the lab's device behaves, see `lab.py`: `hardware`, or `asynchronous`. `hdr` is a desktop of
half floats, whose highlights cover the number. `wgc` is captured by Windows.Graphics.Capture. `classifier`, `detector`,
`agent` and `encoder` want frames as in models.py, in which there is no number.

The ways: `free` takes frames one after the other, as the examples of the packages do; `paced` sleeps until something
was presented and then takes one frame; `stream` takes those of a stream; `beside` is `free` with a loop in Python in
another thread; `virtual` is `free` in virtual time, where presents come as soon as they are waited for.

The contents: `full` changes everything, `window`, `scroll`, `video` and `ordinary` (a window and a clock) change parts;
all of these draw a number for every present. `little` changes 1 % and `middle` as much as a video, without a number.
Nothing changes on `static`, on `pointer`, which moves it, and on `storm`, which moves it a thousand times a second;
`stormfull` does that over `full`. `display` is the real screen, which GDI sees, whatever the lab shows.
"""

from __future__ import annotations

import ctypes
import os
import queue
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np

from .models import KEYWORDS

PAGES = Path(__file__).resolve().parent / "pages"
FULL_HD, UHD = (1920, 1080), (3840, 2160)
NUMBERED = ("full", "window", "scroll", "video", "ordinary", "stormfull")
PARTS = ("little", "middle")
# In the corner, where the number of the frame is.
REGION = (0, 0, 640, 360)
WORDS = ("region", "cursor", "hardware", "asynchronous", "hdr", "wgc", *KEYWORDS)
NAME = re.compile(r"(\d+)x(\d+) (\w+)@(\d+) (\w+) (\w+)((?: (?:" + "|".join(WORDS) + "))*)")
DEVICES = ("hardware", "asynchronous")
# Of a window that does not change: left, top, width, height.
WINDOW = (200, 150, 800, 600)
TITLE = "rustcam bench"
ON_X11 = {"backend": "x11"} if sys.platform == "linux" else {}


@dataclass(frozen=True)
class Workload:
    name: str
    size: tuple[int, int]
    content: str
    hz: int
    fmt: str
    way: str
    region: Optional[tuple[int, int, int, int]]
    cursor: bool
    device: str = ""  # how the lab's behaves
    hdr: bool = False
    wgc: bool = False
    use: str = ""  # what the frames are for, see models.py

    @property
    def numbered(self) -> bool:
        shown = self.content in NUMBERED and not self.hdr and not self.use
        return shown and self.way not in ("beside", "virtual")


def workload(name: str) -> Workload:
    found = NAME.fullmatch(name)
    assert found, name
    width, height, content, hz, fmt, way, more = found.groups()
    region = REGION if "region" in more else None
    device = next((word for word in more.split() if word in DEVICES), "")
    use = next((word for word in more.split() if word in KEYWORDS), "")
    size, hdr, wgc = (int(width), int(height)), "hdr" in more, "wgc" in more
    return Workload(name, size, content, int(hz), fmt, way, region, "cursor" in more, device, hdr, wgc, use)


@dataclass
class Opened:
    """A contender at work; what `grab` returns is an array, or nothing if nothing is new."""

    grab: Callable[[], Any]
    close: Callable[[], Any] = lambda: None
    fmt: str = "bgra"
    polled: bool = False  # `grab` returns at once, with an image that may be old
    owned: bool = True  # an image stays as it is
    child: Optional[int] = None  # a process that works for it


def made_by_opencv(work: Workload, open_it: Callable[[Workload], Opened]) -> Opened:
    """What the workload wants, from a contender that captures BGRA."""
    opened = open_it(work)
    opened.grab = import_module("benches.by_opencv").by_opencv(work.use, opened.grab)
    return opened


# Each contender in its best documented way of getting arrays that belong to the caller. Modules are imported when they
# are needed, because no process has all of them.


def rustcam(work: Workload, stream: bool = False, **options: Any) -> Opened:
    """This project's, and the published one, whose interface it keeps."""
    backend: dict[str, Any] = {"backend": "wgc"} if work.wgc else ON_X11
    if work.use:
        screen = import_module("rustcam").Capturer(cursor=False, **backend, **KEYWORDS[work.use])
        return Opened(lambda: screen.grab(1000), screen.close)
    screen = import_module("rustcam").Capturer(cursor=work.cursor, **backend)
    if not stream and work.way != "stream":
        return Opened(lambda: screen.grab(1000, work.fmt, work.region, **options), screen.close, work.fmt)
    screen.start(0)

    def newest() -> Any:
        try:
            return screen.get_latest_frame(1000)
        except TimeoutError:
            return None

    return Opened(newest, screen.close)


def borrowing(work: Workload) -> Opened:
    """With `copy=False` where only a part of the screen changes: a read-only array that is updated in place."""
    return rustcam(work, copy=work.content not in PARTS)


def window(work: Workload) -> Opened:
    """Of this process, on the desktop of the workload."""
    shown = import_module("benches.x11").Window(WINDOW) if ON_X11 else import_module("benches.wgc").Window(WINDOW)
    screen = import_module("rustcam").Capturer(window=shown.handle, cursor=False)
    return Opened(lambda: screen.grab(1000, work.fmt), lambda: (screen.close(), shown.close()), work.fmt)


def texture(work: Workload, fact: str) -> Opened:
    """`grab_gpu`; `memory_id` is for a reader that has opened this memory before, `shared_handle` for any other."""
    screen = import_module("rustcam").Capturer(cursor=False)

    def grab() -> Any:
        frame = screen.grab_gpu()
        assert getattr(frame, fact)
        frame.close()
        return frame

    return Opened(grab, screen.close)


# No camera is dropped: the destructors of its parts release what was released before, which may crash.
KEPT: list[Any] = []


def camera(work: Workload, package: str, **options: Any) -> Opened:
    """BGR and RGB by OpenCV: bettercam has no other way, dxcam prefers it to its own kernels."""
    module = import_module(package)
    module.DXFactory._camera_instances.clear()
    screen = module.create(output_idx=0, output_color=work.fmt.upper(), **options)
    KEPT.append(screen)
    if work.way == "stream":
        screen.start(target_fps=0)
        return Opened(screen.get_latest_frame, screen.stop)
    grab = partial(screen.grab, region=work.region)
    if package == "bettercam" and work.fmt == "bgra":
        # Its array is the memory of a texture that is no longer mapped.
        return Opened(lambda: None if (image := grab()) is None else np.array(image), screen.stop)
    return Opened(grab, screen.stop, work.fmt)


def rapidshot(work: Workload) -> Opened:
    """Its way without a graphics device of NVIDIA, with a new array for each frame."""
    screen = import_module("rapidshot").create(output_idx=0, output_color=work.fmt.upper(), pool_output=False)
    KEPT.append(screen)
    return Opened(screen.grab, screen.release, work.fmt)


def camera_of_wgc(work: Workload) -> Opened:
    """dxcam by Windows.Graphics.Capture, told to take every frame, and without the pointer."""
    os.environ.update(DXCAM_WINRT_MIN_UPDATE_INTERVAL_MS="1", DXCAM_WINRT_CURSOR_CAPTURE="0")
    return camera(work, "dxcam", backend="winrt")


def windows_capture(work: Workload) -> Opened:
    """Its frames come in a thread of its own; every one keeps its memory."""
    frames: queue.SimpleQueue[Any] = queue.SimpleQueue()
    options = {"cursor_capture": False, "minimum_update_interval": 1, "monitor_index": 1}
    capture = import_module("windows_capture").WindowsCapture(**options)

    @capture.event  # type: ignore[untyped-decorator]
    def on_frame_arrived(frame: Any, control: Any) -> None:
        frames.put(frame.frame_buffer)

    @capture.event  # type: ignore[untyped-decorator]
    def on_closed() -> None: ...

    def grab() -> Any:
        try:
            return frames.get(timeout=1)
        except queue.Empty:
            return None

    return Opened(grab, capture.start_free_threaded().stop)


def wgc_python(work: Workload) -> Opened:
    """The monitor of a window; a frame is mapped memory, copied as the package does it for single pictures."""
    shown = import_module("benches.wgc").Window(WINDOW)
    capture = import_module("wgc_python").WindowCaptureMonitor(TITLE, shown.CLASS)

    def grab() -> Any:
        if (mapped := capture.get_frame()) is None:
            return None
        start, width, height, pitch = mapped
        memory = (ctypes.c_ubyte * (height * pitch)).from_address(start)
        image = np.ndarray((height, width, 4), np.uint8, memory, strides=(pitch, 4, 1)).copy()
        capture.release_frame()
        return image

    return Opened(grab, lambda: (capture.close(), shown.close()), polled=True)


def mss(work: Workload) -> Opened:
    screen = import_module("mss").MSS()

    def grab() -> Any:
        image = np.asarray(screen.grab(screen.monitors[1]))
        return image if work.fmt == "bgra" else np.ascontiguousarray(image[:, :, 2::-1])

    return Opened(grab, screen.close, work.fmt, polled=True)


def pillow(work: Workload) -> Opened:
    grab = partial(import_module("PIL.ImageGrab").grab, xdisplay=os.environ["DISPLAY"] if ON_X11 else None)
    return Opened(lambda: np.array(grab()), fmt="rgb", polled=True)


def ffmpeg(work: Workload) -> Opened:
    """x11grab in a process of its own, through a pipe, at 60 frames a second."""
    width, height = work.size
    command = [import_module("imageio_ffmpeg").get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", "-f", "x11grab"]
    command += ["-draw_mouse", "0", "-framerate", "60", "-video_size", f"{width}x{height}"]
    command += ["-i", os.environ["DISPLAY"], "-f", "rawvideo", "-pix_fmt", "bgra", "-"]
    process: Any = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)

    def grab() -> Any:
        image = np.empty((height, width, 4), np.uint8)
        room = memoryview(image).cast("B")
        while room:
            count = process.stdout.readinto(room)
            if not count:
                raise OSError("ffmpeg has ended")
            room = room[count:]
        return image

    return Opened(grab, lambda: (process.kill(), process.wait()), child=process.pid)


def raw(work: Workload) -> Opened:
    """XShmGetImage into one segment, which the next call overwrites: no capture can cost less."""
    shm = import_module("benches.raw_shm").RawShm(*work.size)
    return Opened(lambda: (shm.grab(), shm.view())[1], polled=True, owned=False)


# How to open a contender, and the names of the workloads that it can do. The order is that of the tables.
FEW = r"(1920x1080 \w+|\S+ full)@60 "  # not more than sixty frames a second; at 4K a few come, whatever moves there
USE = r".* (" + "|".join(KEYWORDS) + ")"
LIVE = r"(?!.* virtual)\S+ (full|ordinary|little|middle|static|storm)@"
PLAIN = r"(?!.* (hardware|asynchronous|hdr|wgc|" + "|".join(KEYWORDS) + "))" + LIVE
WGC = r".* full@.* wgc"
STILL = r"1920x1080 static@60 "
VIRTUAL = r".* virtual"
MATRIX: dict[str, dict[str, tuple[Callable[[Workload], Opened], str]]] = {
    "x11": {
        "rustcam": (rustcam, ""),
        "rustcam copy=False": (partial(rustcam, copy=False), ""),
        "rustcam stream": (partial(rustcam, stream=True), "(?!.* paced)"),
        "rustcam window": (window, STILL),
        "mss": (mss, ""),
        "pillow": (pillow, FEW),
        "ffmpeg": (ffmpeg, "(?!.* paced)" + FEW),
        "raw": (raw, ""),
    },
    "windows": {
        "rustcam": (borrowing, f"{LIVE}|.*stormfull"),
        "rustcam window": (window, f"{STILL}.* wgc"),
        "windows-capture": (windows_capture, WGC),
        "dxcam winrt": (camera_of_wgc, WGC),
        "wgc-python": (wgc_python, WGC),
        "dxcam": (partial(camera, package="dxcam"), PLAIN),
        "dxcam, OpenCV": (partial(made_by_opencv, open_it=partial(camera, package="dxcam")), USE),
        "rapidshot, OpenCV": (partial(made_by_opencv, open_it=rapidshot), USE),
        "bettercam": (partial(camera, package="bettercam"), PLAIN),
        "rustcam 0.1.2": (rustcam, f"{PLAIN}|.*stormfull"),
        "mss": (mss, ".* display@"),
        "pillow": (pillow, r".* display@\d+ rgb"),
        "grab": (rustcam, VIRTUAL),
        "grab copy=False": (partial(rustcam, copy=False), VIRTUAL),
        "grab_gpu": (partial(texture, fact="memory_id"), VIRTUAL),
        "grab_gpu, shared_handle": (partial(texture, fact="shared_handle"), "64x48" + VIRTUAL),
    },
}
ORDER = list(dict.fromkeys(name for contenders in MATRIX.values() for name in contenders))


def matrix(desktop: str) -> dict[str, list[Workload]]:
    """The workloads of each contender on `x11` or `windows`: those that the slots of the pages name."""
    pages = "".join(path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.md")))
    slots = re.findall(r"\{\{" + desktop + r" [^}]*\}\}", pages)
    names = dict.fromkeys(found[0] for slot in slots for found in NAME.finditer(slot))
    does = {name: pattern for name, (_, pattern) in MATRIX[desktop].items()}
    return {who: [workload(name) for name in names if re.match(pattern, name)] for who, pattern in does.items()}
