"""Picture files: PNG with numpy alone, other formats with Pillow."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import _png
from .._errors import CaptureError

if TYPE_CHECKING:
    import numpy.typing as npt

    _Image = npt.NDArray[np.uint8]


def encoder(name: str) -> Callable[[_Image], bytes]:
    """What makes the bytes of the picture file `name`, whose ending says which format: PNG if it has none.

    Raises ValueError for an ending that is no picture format, CaptureError if the format needs Pillow.
    """
    suffix = Path(name).suffix.lower()
    if suffix in ("", ".png"):
        return partial(_png.encode, fmt="rgb")
    try:
        from PIL import Image
    except ImportError:
        raise CaptureError(
            f"{suffix} pictures need Pillow, which is not installed",
            hint="Install it (pip install pillow), or save a .png file, which needs no other package",
        ) from None
    fmt = Image.registered_extensions().get(suffix)
    if fmt not in Image.SAVE:
        raise ValueError(f"{name!r} is not a picture file name: it must end with .png, .jpg or another picture format")

    def encode(image: _Image) -> bytes:
        data = io.BytesIO()
        # For JPEG and WebP; 75, the default, smears small text. Other formats ignore it.
        Image.fromarray(image).save(data, fmt, quality=95)
        return data.getvalue()

    return encode


def hdr_encoder(name: str) -> Callable[[npt.NDArray[np.float16]], bytes]:
    """What makes the bytes of the HDR picture file `name` of half floats: a PNG of 16 bits.

    Raises ValueError for an ending of another format.
    """
    # Its table takes longer to make than the other commands take to start.
    from . import pq

    if Path(name).suffix.lower() not in ("", ".png"):
        raise ValueError(f"{name!r} cannot hold an HDR picture: it must end with .png")
    return lambda light: _png.encode_hdr(pq.levels(light))


def save(name: str, data: bytes) -> None:
    """Writes a file whole or not at all: a file of that name stays as it is until the new one is complete."""
    target = Path(os.path.realpath(name))
    if target.exists() and not target.is_file():
        # A device or a pipe.
        target.write_bytes(data)
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            beside.write_bytes(data)
        except PermissionError:
            # A folder without the right to create files may hold one that can be written.
            target.write_bytes(data)
            return
        beside.replace(target)
    except OSError as error:
        error.filename, error.filename2 = name, None
        raise
    finally:
        with suppress(OSError):
            beside.unlink()
