"""`rustcam bench`: what it counts, and how it measures other packages."""

from __future__ import annotations

import json
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import must
from desktops import HEIGHT, WIDTH
from rustcam.cli import bench, contenders, main
from rustcam.cli.measuring import Plan, differ, measure, percentiles
from rustcam.cli.memory import resident
from rustcam.cli.options import Screen, Source


def plan(script: str, seconds: float = 0.3, fmt: str = "bgra") -> Plan:
    return Plan(Screen(Source("sim", script), 0, 0, None, False), fmt, seconds)


def test_a_present_without_change_is_a_duplicate() -> None:
    report = measure(
        contenders.Rustcam, plan("size 64x64; refresh 60; static; at 30ms present nothing; at 60ms present full")
    )
    assert (report["frames"], report["unique"], report["duplicated"]) == (2, 1, 1)
    assert report["unique_fps"] == pytest.approx(1 / report["seconds"])


def test_a_plan_round_trips_through_json() -> None:
    whole = plan("size 64x64")
    part = Plan(Screen(Source("x11", None), 1, 0, (1, 2, 3, 4), True), "rgb", 2.5)
    for original in (whole, part):
        assert Plan.from_json(original.to_json()) == original


def test_percentiles() -> None:
    assert percentiles([]) is None
    assert percentiles([number / 1000 for number in range(101)]) == pytest.approx({"p50": 50, "p95": 95, "p99": 99})


@pytest.mark.parametrize("shape", [(4, 6, 4), (3, 5, 3)])
def test_one_differing_pixel_is_detected(shape: tuple[int, int, int]) -> None:
    one = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    other = one.copy()
    assert not differ(one, other)
    other[2, 4, 1] ^= 1
    assert differ(one, other)
    assert differ(one, other[:, :-1])


def test_resident_memory_is_plausible() -> None:
    size = resident()
    assert size is not None
    assert 10_000_000 < size < 10_000_000_000


def test_a_failing_contender_is_reported_in_its_row() -> None:
    report = bench.in_a_process("dxcam", Plan(Screen(Source("x11", None), 0, 0, None, False), "bgra", 0.1))
    assert report["package"] == "dxcam"
    assert "No module" in report["error"]
    assert bench.row(report)[-1] == report["error"]


STAND_IN = '''
"""The interface of {name} on a simulated desktop."""
import rustcam.compat.dxcam as real

def create(device_idx=0, output_idx=None, region=None, output_color="RGB"):
    return real.create(device_idx, output_idx, region, output_color, backend="sim", sim="size 320x200; refresh 60")
'''


# The Windows interpreters of the Wine lanes ignore PYTHONPATH.
@pytest.mark.linux
@pytest.mark.parametrize("name", ["dxcam", "bettercam"])
def test_dxcam_and_bettercam_are_polled(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{name}.py").write_text(STAND_IN.format(name=name), encoding="utf-8")
    info = tmp_path / f"{name}-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.0\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert name in contenders.installed()
    report = bench.in_a_process(name, Plan(Screen(Source("auto", None), 0, 0, (0, 0, 100, 80), False), "bgra", 0.3))
    assert (report["package"], report["version"], report["width"], report["height"]) == (name, "9.0", 100, 80)
    assert report["frames"] > 0
    assert report["latency_ms"] is None


@pytest.mark.x11
def test_all_installed_packages_are_measured(painter: Any, capsys: pytest.CaptureFixture[str]) -> None:
    over = threading.Event()

    def paint() -> None:
        color = 0
        while not over.wait(0.02):
            color += 0x010203
            painter.fill((0, 0, WIDTH, HEIGHT), color & 0xFFFFFF)

    painting = threading.Thread(target=paint)
    painting.start()
    try:
        assert main(["bench", "--peers", "--json", "--seconds", "0.5", "--region", "0,0,100,80"]) == 0
        reports = json.loads(capsys.readouterr().out)
        assert main(["bench", "--peers", "--seconds", str(Fraction(1, 2))]) == 0
        head, *lines = capsys.readouterr().out.splitlines()
    finally:
        over.set()
        painting.join()
    names = contenders.installed()
    assert names[:2] == ["rustcam", "mss"]
    assert [report["package"] for report in reports] == names
    for report in reports:
        assert (report["width"], report["height"]) == (100, 80)
        assert report["unique"] > 0
        assert report["unique"] + report["duplicated"] == report["frames"]
        assert (report["latency_ms"] is not None) == (report["package"] == "rustcam")
    assert reports[0]["latency_ms"]["p50"] >= 0
    assert head.startswith("package")
    assert [line.split()[0] for line in lines] == names


@pytest.mark.parametrize("fmt", ["bgra", "rgba", "bgr", "rgb"])
@pytest.mark.parametrize("name", ["mss", "pillow"])
@pytest.mark.x11
def test_other_packages_return_the_same_pixels(painter: Any, name: str, fmt: str) -> None:
    if name not in contenders.installed():
        pytest.skip(f"{name} is not installed")
    painter.fill((0, 0, WIDTH, HEIGHT), 0x3366CC)
    screen = Screen(Source("x11", None), 0, 0, (3, 4, 30, 20), False)
    images = []
    for make in (contenders.Rustcam, contenders.CONTENDERS[name]):
        contender = make(screen, fmt)
        images.append(must(contender.grab(1.0)))
        contender.close()
    assert images[0].shape == images[1].shape
    # mss returns the fourth channel as the server sends it.
    assert np.array_equal(images[0][:, :, :3], images[1][:, :, :3])


@pytest.mark.parametrize("name", ["mss", "pillow"])
@pytest.mark.x11
def test_an_unsupported_format_is_refused(painter: Any, name: str) -> None:
    if name not in contenders.installed():
        pytest.skip(f"{name} is not installed")
    with pytest.raises(ValueError, match="cannot return gray images"):
        contenders.CONTENDERS[name](Screen(Source("x11", None), 0, 0, None, False), "gray")
