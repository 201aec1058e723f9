"""The lab: a DLL that provides this process with Desktop Duplication of a scripted desktop. See docs/lab.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import rustcam

sys.path.append(str(Path(__file__).resolve().parents[1] / "crates" / "dda-lab" / "peers"))

from dll import Dll

VARIABLE = "RUSTCAM_LAB_DLL"

# Counters of wrong calls: a capturer must keep them at 0.
BROKEN_RULES = [
    "acquire_while_owned",
    "release_without_frame",
    "release_twice",
    "release_while_mapped",
    "leaked_refs",
    "read_after_release",
    "read_without_image",
    "duplicate_while_live",
    "formats_without_bgra",
    "shared_twice",
    "key_out_of_order",
    "draw_without_key",
    "opened_before_done",
]

# Behaviour of a reader of a shared texture; see `lab_shared` in docs/lab.md.
POLITE, DYING, HANGING = range(3)


def available() -> bool:
    return bool(os.environ.get(VARIABLE))


class Lab(Dll):
    """The lab, and the script that it runs."""

    def __init__(self) -> None:
        super().__init__(os.environ[VARIABLE])
        self.script = ""

    def start(self, script: str) -> None:
        super().start(script)
        self.script = script

    def stop(self) -> None:
        super().stop()
        self.script = ""

    def alive(self) -> dict[str, int]:
        """The numbers of duplications, devices and textures that still exist."""
        counters = self.counters()
        return {name: counters[name] for name in ("live", "live_devices", "live_textures") if counters[name]}

    def read(self, texture: rustcam.GpuTexture, behaviour: int = POLITE) -> npt.NDArray[Any]:
        """The pixels that another device reads from a shared texture."""
        dtype = np.float16 if texture.format == "rgba16f" else np.uint8
        return self.shared(texture.shared_handle, behaviour, texture.width, texture.height, dtype)

    def broken_rules(self) -> dict[str, int]:
        counters = self.counters()
        return {name: counters[name] for name in BROKEN_RULES if counters[name]}
