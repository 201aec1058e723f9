"""The command `rustcam`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rustcam
from desktops import HEIGHT, STILL, WIDTH
from rustcam.cli import main
from test_png import decode
from test_record import Terminal

SIM = ["--backend", "sim", "--sim", STILL]


def test_list_shows_every_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--backend", "sim", "--sim", f"{STILL}; outputs 2"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["device", "output", "name", "size"]
    assert [line.split()[:2] for line in lines] == [["0", "0"], ["0", "1"]]
    assert f"{WIDTH}x{HEIGHT}" in lines[0]
    assert ["(primary)" in line for line in lines] == [True, False]


@pytest.mark.linux
@pytest.mark.parametrize(("width", "drawn"), [("120", True), ("60", False)])
def test_tables_are_drawn_if_the_terminal_is_wide_enough(
    monkeypatch: pytest.MonkeyPatch, width: str, drawn: bool
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", width)
    assert main(["list", *SIM]) == 0
    assert f"{WIDTH}x{HEIGHT}" in terminal.text
    assert ("─" in terminal.text) is drawn


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json", *SIM]) == 0
    assert json.loads(capsys.readouterr().out) == rustcam.list_outputs("sim", sim=STILL)


def test_shot_saves_what_screenshot_returns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.png"
    assert main(["shot", "-o", str(file), *SIM]) == 0
    assert capsys.readouterr().out == f"{file}: {WIDTH}x{HEIGHT}\n"
    assert np.array_equal(decode(file.read_bytes()), rustcam.screenshot(backend="sim", sim=STILL))


def test_shot_of_a_region_with_pointer(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    assert main(["shot", "-o", str(file), "--region", "10,20,110,80", "--cursor", *SIM]) == 0
    expected = rustcam.screenshot(region=(10, 20, 110, 80), cursor=True, backend="sim", sim=STILL)
    assert np.array_equal(decode(file.read_bytes()), expected)


def test_shot_of_another_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = f"{STILL}; outputs 2"
    assert main(["shot", "-o", str(tmp_path / "a.png"), "--output", "1", "--backend", "sim", "--sim", script]) == 0
    assert main(["shot", "-o", str(tmp_path / "a.png"), "--output", "2", "--backend", "sim", "--sim", script]) == 2
    assert "output 1" in capsys.readouterr().err


def test_bench_prints_rate_cpu_time_and_latency(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--seconds", "0.3", "--backend", "sim", "--sim", "size 320x200"]) == 0
    out = capsys.readouterr().out
    for words in ("320x200", "unique", "fps", "CPU time", "median", "p99", "MB"):
        assert words in out


def test_bench_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    script = "size 320x200; refresh 60"
    assert main(["bench", "--seconds", "0.3", "--json", "--backend", "sim", "--sim", script]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["frames"] >= report["unique"] > 0
    assert report["rss_mb"] > 1
    assert report["fps"] == pytest.approx(report["frames"] / report["seconds"])
    assert set(report["latency_ms"]) == {"p50", "p95", "p99"}


def test_bench_of_a_static_desktop_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    script = "size 64x48; static; pointer still"
    assert main(["bench", "--seconds", "0.1", "--backend", "sim", "--sim", script]) == 0
    assert "nothing on the screen changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["shoot"],
        ["list", "extra"],
        ["shot", "--region", "1,2,3"],
        ["shot", "--region", "a,b,c,d"],
        ["shot", "--region", "0,0,1.5,2"],
        ["shot", "--delay", "-1"],
        ["record"],
        ["record", "-o", "a.mp4", "--fps", "0"],
        ["record", "-o", "a.mp4", "--fps", "1/0"],
        ["record", "-o", "a.mp4", "--fps", "fast"],
        ["record", "-o", "a.mp4", "--seconds", "1e999999999"],
        ["bench", "--seconds", "0"],
        ["bench", "--seconds", "nan"],
        ["bench", "--seconds", "inf"],
        ["bench", "--seconds", "soon"],
    ],
)
def test_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: rustcam" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--backend", "gdi"],
        ["list", "--backend", "sim", "--sim", "sighs"],
        ["shot", "--region", "0,0,0,0", *SIM],
        ["shot", "--region", " -1,0,5,5", *SIM],
        ["shot", "--device", "7", *SIM],
        ["record", "-o", "a.gif", *SIM],
        ["record", "-o", "video", *SIM],
        ["record", "-o", "-", "--fps", "10001", *SIM],
        ["bench", "--fmt", "yuv", *SIM],
        ["bench", "--peers", *SIM],
        ["doctor", "--backend", "gdi"],
        ["doctor", "--backend", "sim", "--sim", "sighs"],
    ],
)
def test_arguments_that_the_engine_rejects(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("rustcam: ")
    assert captured.err.count("\n") == 1


@pytest.mark.linux
@pytest.mark.parametrize("command", [["list"], ["shot"], ["bench"], ["record", "-o", "a.y4m"]])
def test_a_missing_display_is_reported_in_one_line(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert main(command) == 1
    error = capsys.readouterr().err
    assert error.startswith("rustcam: ")
    assert "DISPLAY" in error
    assert error.count("\n") == 1


def test_shot_into_a_pipe(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["shot", "-o", "-", *SIM]) == 0
    expected = rustcam.screenshot(backend="sim", sim=STILL)
    assert np.array_equal(decode(capfdbinary.readouterr().out), expected)


def test_shot_waits_for_the_delay(tmp_path: Path) -> None:
    start = time.perf_counter()
    assert main(["shot", "-o", str(tmp_path / "a.png"), "--delay", "0.2", *SIM]) == 0
    assert time.perf_counter() - start >= 0.2


@pytest.mark.linux
def test_a_closed_pipe_causes_no_traceback(python: Any) -> None:
    source = """
import os, sys
from rustcam.cli import main
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
sys.exit(main(["list", "--json", "--backend", "sim", "--sim", "outputs 16"]))
"""
    result = python(source)
    assert (result.returncode, result.stderr) == (1, "")


def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shot", "-o", str(tmp_path / "no" / "a.png"), *SIM]) == 1
    assert "a.png" in capsys.readouterr().err


COMMANDS = ["doctor", "list", "shot", "record", "bench"]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)])
def test_help_and_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    if arguments == ["--version"]:
        assert out == f"rustcam {rustcam.__version__}\n"
    else:
        assert "examples:\n  rustcam " in out
        assert max(len(line) for line in out.splitlines()) <= 120


SCRIPT = pytest.param([str(Path(sys.executable).with_name("rustcam"))], marks=pytest.mark.linux)


@pytest.mark.parametrize("command", [[sys.executable, "-m", "rustcam"], SCRIPT])
def test_the_command_and_the_module_are_the_same(command: list[str]) -> None:
    result = subprocess.run([*command, "list", *SIM], capture_output=True, text=True, timeout=20, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "SIM-1 (primary)" in result.stdout


@pytest.mark.x11
def test_shot_of_a_real_screen(painter: Any, tmp_path: Path) -> None:
    painter.fill((0, 0, WIDTH, HEIGHT), 0x3366CC)
    file = tmp_path / "a.png"
    assert main(["shot", "-o", str(file)]) == 0
    assert (decode(file.read_bytes()) == [0x33, 0x66, 0xCC]).all()


@pytest.mark.parametrize("display", [None, "session"])
@pytest.mark.x11
def test_demo(display: str | None, tmp_path: Path, session_server: Any) -> None:
    env = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    if display:
        env["DISPLAY"] = session_server.display
    file = tmp_path / "build" / "demo.png"
    demo = Path(__file__).parent.parent / "examples" / "demo.py"
    result = subprocess.run(
        [sys.executable, str(demo), str(file)], env=env, capture_output=True, text=True, timeout=25, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert decode(file.read_bytes()).size
    assert ("backend    x11" if display else "backend    sim") in result.stdout
    assert "frames per second" in result.stdout
    assert "ms per frame" in result.stdout
