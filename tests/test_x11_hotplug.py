"""Outputs that come and go and modes with clocks, on a real Xorg with the dummy driver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rustcam
import xorg
from conftest import must
from desktops import Painter
from xorg import Xorg

pytestmark = [pytest.mark.x11, pytest.mark.skipif(bool(xorg.missing()), reason=xorg.missing() or "")]

RED, GREEN = [0, 0, 255, 255], [0, 255, 0, 255]  # BGRA


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Xorg]:
    server = Xorg(tmp_path)
    monkeypatch.setenv("DISPLAY", server.display)
    server.xrandr("--output", "DUMMY0", "--mode", "1024x768", "--rate", "60", "--pos", "0x0")
    yield server
    server.stop()


@pytest.fixture
def painter(server: Xorg) -> Iterator[Painter]:
    painter = Painter(server.display)
    painter.point_to(1023, 767)
    yield painter
    painter.close()


@pytest.fixture
def two(server: Xorg, painter: Painter) -> Painter:
    """DUMMY0 at the left is red, DUMMY1 at its right is green."""
    server.plug_in(1, "800x600", "--right-of", "DUMMY0")
    colour(painter)
    return painter


def colour(painter: Painter) -> None:
    painter.fill((0, 0, 1024, 768), 0xFF0000)
    painter.fill((1024, 0, 1824, 768), 0x00FF00)


def test_modes_have_clocks(server: Xorg) -> None:
    (output,) = rustcam.list_outputs()
    assert (output["output_name"], output["id"], output["width"]) == ("DUMMY0", "DUMMY0", 1024)
    assert output["refresh_hz"] == pytest.approx(60, abs=0.1)
    with rustcam.Capturer(cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.refresh_hz == pytest.approx(60, abs=0.1)
        server.xrandr("--output", "DUMMY0", "--mode", "1024x768", "--rate", "75")
        deadline = time.perf_counter() + 10
        while capturer.refresh_hz < 70:
            assert time.perf_counter() < deadline
            capturer.grab(100)
        assert capturer.refresh_hz == pytest.approx(75, abs=0.1)
        assert must(capturer.grab(5000, new_frame_only=False)).shape == (768, 1024, 4)
        server.xrandr("--output", "DUMMY0", "--mode", "800x600", "--rate", "72")
        while capturer.width != 800:
            assert time.perf_counter() < deadline
            capturer.grab(100)
        assert capturer.refresh_hz == pytest.approx(72, abs=0.5)


def test_an_output_is_opened_by_its_id_and_by_its_name(two: Painter) -> None:
    for key in ("id", "output_name"):
        for output in rustcam.list_outputs():
            with rustcam.Capturer(str(output[key]), cursor=False) as capturer:  # type: ignore[literal-required]
                assert (must(capturer.grab()) == (GREEN if output["left"] else RED)).all()


@pytest.mark.parametrize("gone", [0, 1])
def test_an_output_that_goes_is_lost_until_it_is_back(server: Xorg, two: Painter, gone: int) -> None:
    """It comes back elsewhere, with another mode. Meanwhile no pixel of the other output is taken for its own."""
    own = [RED, GREEN][gone]
    with rustcam.Capturer(f"DUMMY{gone}", cursor=False) as capturer:
        assert (must(capturer.grab()) == own).all()
        server.unplug(gone)
        colour(two)
        for timeout_ms in (0, 200, 500):
            with pytest.raises(rustcam.AccessLost, match=f"DUMMY{gone} is gone") as lost:
                capturer.grab(timeout_ms, new_frame_only=False)
            assert lost.value.hint
        assert capturer.stats.lost is not None
        server.plug_in(gone, "640x480", "--pos", f"{[300, 1100][gone]}x100")
        colour(two)
        frame = must(capturer.grab(10_000, new_frame_only=False))
        assert frame.shape == (480, 640, 4)
        assert (frame == own).all()
        assert capturer.stats.recoveries == 1


def test_frames_and_streams_wait_for_an_output_that_is_plugged_in_again(server: Xorg, two: Painter) -> None:
    with rustcam.Capturer("DUMMY1", cursor=False) as capturer, capturer.frames(20) as frames:
        assert (next(frames)[0] == GREEN).all()
        server.unplug(1)
        colour(two)
        server.xrandr("--output", "DUMMY1", "--mode", "800x600", "--right-of", "DUMMY0")
        colour(two)
        for _ in range(20):
            assert (next(frames)[0] == GREEN).all()


def test_all_sixteen_outputs_are_told_apart(server: Xorg, painter: Painter) -> None:
    for number in range(1, 16):
        server.plug_in(number, "640x360", "--pos", f"{1024 + 640 * (number % 3)}x{360 * (number // 3)}")
    outputs = rustcam.list_outputs()
    assert sorted(str(output["id"]) for output in outputs) == sorted(f"DUMMY{number}" for number in range(16))
    assert sum(output["is_primary"] for output in outputs) == 1
    for output in outputs:
        left, top = output["left"], output["top"]
        painter.fill((left, top, left + output["width"], top + output["height"]), 0x010101 * (output["output_idx"] + 1))
    for output in outputs:
        with rustcam.Capturer(output["id"], cursor=False) as capturer:
            assert (must(capturer.grab(fmt="gray")) == output["output_idx"] + 1).all()
