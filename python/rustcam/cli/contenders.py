"""The packages that `rustcam bench` can measure, each used as its documentation recommends."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import time
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from .._rustcam import Capturer, __version__
from .options import Screen

if TYPE_CHECKING:
    import numpy.typing as npt

    _Image = npt.NDArray[np.uint8]


# The channels of BGRA that make each pixel format.
CHANNELS = {"bgra": [0, 1, 2, 3], "rgba": [2, 1, 0, 3], "bgr": [0, 1, 2], "rgb": [2, 1, 0]}


class Contender:
    """A package that captures one output."""

    package = ""
    module = ""  # if its name is not that of the package

    def __init__(self, screen: Screen, fmt: str) -> None:
        self.screen, self.fmt = screen, fmt

    def version(self) -> str:
        return importlib.metadata.version(self.package)

    def grab(self, timeout: float) -> Optional[_Image]:
        """The next image; `None` if none came within `timeout` seconds, or at once if the package cannot wait."""
        raise NotImplementedError

    def present_time(self) -> Optional[float]:
        """When the last image was presented, on the clock of `time.perf_counter`, if the package reports it."""
        return None

    def details(self) -> dict[str, Any]:
        return {"backend": None, "missed": None, "fallback": None}

    def close(self) -> None:
        """Releases the output."""


class Rustcam(Contender):
    package = "rustcam"

    def __init__(self, screen: Screen, fmt: str) -> None:
        super().__init__(screen, fmt)
        self._capturer: Capturer = screen.capturer()

    def version(self) -> str:
        return __version__

    def grab(self, timeout: float) -> Optional[_Image]:
        return self._capturer.grab(int(timeout * 1000) + 1, self.fmt)  # type: ignore[arg-type]

    def present_time(self) -> Optional[float]:
        info = self._capturer.frame_info
        return info.present_time if info else None

    def details(self) -> dict[str, Any]:
        stats = self._capturer.stats
        return {"backend": self._capturer.backend, "missed": stats.missed, "fallback": stats.fallback}

    def close(self) -> None:
        self._capturer.close()


class Mss(Contender):
    package = "mss"

    def __init__(self, screen: Screen, fmt: str) -> None:
        super().__init__(screen, fmt)
        module = importlib.import_module("mss")
        self._order = CHANNELS.get(fmt.lower())
        if self._order is None:
            raise ValueError(f"mss cannot return {fmt} images")
        self._mss = (getattr(module, "MSS", None) or module.mss)()
        left, top, right, bottom = _on_the_desktop(screen)
        self._area = {"left": left, "top": top, "width": right - left, "height": bottom - top}

    def grab(self, timeout: float) -> Optional[_Image]:
        image = np.asarray(self._mss.grab(self._area))
        return image if self._order == [0, 1, 2, 3] else np.ascontiguousarray(image[:, :, self._order])

    def close(self) -> None:
        self._mss.close()


class Pillow(Contender):
    package = "pillow"
    module = "PIL"

    def __init__(self, screen: Screen, fmt: str) -> None:
        super().__init__(screen, fmt)
        self._image_grab = importlib.import_module("PIL.ImageGrab")
        order = CHANNELS.get(fmt.lower())
        if order is None:
            raise ValueError(f"Pillow cannot return {fmt} images")
        # Pillow's images are RGBA.
        self._order = [(2, 1, 0, 3)[channel] for channel in order]
        self._area = _on_the_desktop(screen)

    def grab(self, timeout: float) -> Optional[_Image]:
        # Windows: without `all_screens` the first screen only. It has no effect on other systems.
        image = self._image_grab.grab(self._area, all_screens=True)
        pixels = np.asarray(image.convert("RGBA") if len(self._order) == 4 else image.convert("RGB"))
        return np.ascontiguousarray(pixels[:, :, self._order])


class Dxcam(Contender):
    package = "dxcam"

    def __init__(self, screen: Screen, fmt: str) -> None:
        super().__init__(screen, fmt)
        self._camera = importlib.import_module(self.package).create(
            device_idx=screen.device,
            output_idx=screen.output if isinstance(screen.output, int) else screen.info()["output_idx"],
            region=screen.region,
            output_color=fmt.upper(),
        )

    def grab(self, timeout: float) -> Optional[_Image]:
        image: Optional[_Image] = self._camera.grab()
        if image is None:
            # grab() polls. The package's own loops sleep between two polls, too.
            time.sleep(0.001)
        return image

    def close(self) -> None:
        self._camera.release()


class Bettercam(Dxcam):
    package = "bettercam"


CONTENDERS: dict[str, type[Contender]] = {c.package: c for c in (Rustcam, Mss, Pillow, Dxcam, Bettercam)}


def installed() -> list[str]:
    """The contenders that are installed, rustcam first."""
    return [name for name, contender in CONTENDERS.items() if importlib.util.find_spec(contender.module or name)]


def _on_the_desktop(screen: Screen) -> tuple[int, int, int, int]:
    """The rectangle of `screen` in the coordinates of the whole desktop."""
    output = screen.info()
    x, y = output["left"], output["top"]
    left, top, right, bottom = screen.region or (0, 0, output["width"], output["height"])
    return left + x, top + y, right + x, bottom + y
