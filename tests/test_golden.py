"""The golden images: every kind of pointer shape at every edge and corner of an output, in every rotation.

`make golden` writes them from the oracle of the engine's tests. Here the package must return them on every backend
that plays scripts.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Union

import numpy as np
import pytest

import rustcam
from conftest import must, sim
from desktops import DxgiDesktop, SimDesktop
from test_png import decode

FOLDER = Path(__file__).parent / "golden"
SCRIPTS = dict(line.split(": ", 1) for line in (FOLDER / "scripts.txt").read_text(encoding="ascii").splitlines())
# Desktop Duplication has no premultiplied shapes: its colour shapes have straight alpha.
PREMULTIPLIED = [name for name in SCRIPTS if name.startswith("premultiplied")]
OTHERS = [name for name in SCRIPTS if name not in PREMULTIPLIED]


def assert_golden(capturer: rustcam.Capturer, name: str, copy: bool) -> None:
    sheet = decode((FOLDER / f"{name}.png").read_bytes())
    height, width = sheet.shape[0] // 3, sheet.shape[1] // 3
    for index in range(9):
        frame = must(capturer.grab(fmt="rgb", copy=copy))
        top, left = index // 3 * height, index % 3 * width
        assert np.array_equal(frame, sheet[top : top + height, left : left + width]), index
        del frame
        if capturer.backend == "dxgi":
            # Pointer moves make one frame per refresh interval of real time, while the script's clock is virtual.
            time.sleep(0.03)
    assert capturer.grab(100) is None


def test_there_is_a_golden_image_for_every_script() -> None:
    assert {file.stem for file in FOLDER.glob("*.png")} == set(SCRIPTS)
    assert len(SCRIPTS) == 20


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("name", OTHERS)
def test_every_golden_image_is_returned(scripted: Union[SimDesktop, DxgiDesktop], name: str, copy: bool) -> None:
    with scripted.play(SCRIPTS[name]) as capturer:
        assert_golden(capturer, name, copy)


@pytest.mark.sim
@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("name", PREMULTIPLIED)
def test_every_golden_image_of_premultiplied_shapes_is_returned(name: str, copy: bool) -> None:
    with sim(SCRIPTS[name]) as capturer:
        assert_golden(capturer, name, copy)
