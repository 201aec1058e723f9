"""Desktop Duplication of the lab's desktop: exact pixels, and no device work while nothing changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rustcam
from conftest import must
from desktops import HEIGHT, MOVING, STILL, WIDTH
from lab import Lab
from rustcam.cli import main
from test_png import decode

pytestmark = pytest.mark.dxgi


def test_auto_chooses_desktop_duplication(lab: Lab) -> None:
    lab.start(STILL)
    with rustcam.Capturer() as capturer:
        assert capturer.backend == "dxgi"


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_shot_saves_every_pixel_exactly(lab: Lab, rotation: int, tmp_path: Path) -> None:
    lab.start(f"{STILL}; rotation {rotation}")
    file = tmp_path / "screen.png"
    assert main(["shot", "-o", str(file), "--backend", "dxgi"]) == 0
    image = decode(file.read_bytes())
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(image, lab.oracle(lab.present(), WIDTH, HEIGHT)[:, :, 2::-1])


@pytest.mark.parametrize("copy", [True, False])
def test_every_frame_is_exact(lab: Lab, copy: bool) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        seen = set()
        for _ in range(30):
            frame = must(capturer.grab(copy=copy))
            number = lab.present()
            assert np.array_equal(frame, lab.oracle(number, WIDTH, HEIGHT))
            seen.add(number)
        assert len(seen) == 30


def test_a_region_maps_only_its_own_bytes(lab: Lab) -> None:
    lab.start(STILL)
    with rustcam.Capturer(cursor=False, region=(100, 50, 260, 140)) as capturer:
        frame = must(capturer.grab())
        assert np.array_equal(frame, lab.oracle(lab.present(), WIDTH, HEIGHT)[50:140, 100:260])
        assert lab.counters()["bytes_mapped"] == 160 * 90 * 4


@pytest.mark.parametrize(("memory", "copies"), [("", True), ("; lab system memory", False)])
def test_stats_tell_what_the_device_did(lab: Lab, memory: str, copies: bool) -> None:
    lab.start(f"{MOVING}{memory}")
    with rustcam.Capturer(cursor=False) as capturer:
        for _ in range(5):
            must(capturer.grab())
        stats = capturer.stats
        assert (stats.device_copies > 0, stats.device_bytes > 0, stats.reads_in_place == 0) == (copies, copies, copies)
        assert (stats.gpu_priority is not None, stats.thread_priority) == (True, None)
        capturer.start(0)
        capturer.get_latest_frame(5000)
        capturer.stop()
        assert capturer.stats.thread_priority is not None


def test_an_output_has_the_device_path_of_its_monitor_as_its_identity(lab: Lab) -> None:
    lab.start(f"{STILL}; outputs 2")
    first, second = rustcam.list_outputs("dxgi")
    assert first["id"] != second["id"]
    assert first["id"].startswith("\\\\?\\DISPLAY#")
    with rustcam.Capturer(second["id"]) as capturer:
        assert capturer.output_idx == 1


@pytest.mark.parametrize("pointer", ["still", "storm 1000"])
def test_a_static_desktop_causes_no_device_work(lab: Lab, pointer: str) -> None:
    lab.start(f"size {WIDTH}x{HEIGHT}; refresh 60; static; pointer {pointer}; clock virtual")
    with rustcam.Capturer(cursor=False) as capturer:
        must(capturer.grab())
        before = lab.counters()
        assert capturer.grab(2000) is None
        after = lab.counters()
    for work in ("copy_resource", "copy_region", "bytes_copied", "maps", "bytes_mapped", "flushes", "textures"):
        assert after[work] == before[work], work


def test_wine_without_the_lab_has_no_duplication(lab: Lab) -> None:
    lab.stop()
    with pytest.raises(rustcam.DuplicationError) as caught:
        rustcam.Capturer()
    assert caught.value.hresult == 0x80004001
    assert caught.value.hint
