"""The examples run, and what they write is what the screen showed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rustcam
from desktops import XServer
from test_window_picture import Windows

EXAMPLES = Path(__file__).parent.parent / "examples"

# They use packages that only `make test` installs.
pytestmark = [pytest.mark.sim, pytest.mark.linux]


def run(name: str, *arguments: str, backend: str = "sim", **environment: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *arguments, "--backend", backend]
    env = {**os.environ, **environment}
    result = subprocess.run(command, capture_output=True, text=True, timeout=25, check=False, env=env)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def example(name: str) -> Any:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_latest_frame() -> None:
    out = run("latest_frame.py", "--seconds", "2.5", "--think", "0.05")
    sequences = [int(number) for number in re.findall(r"^image +(\d+) ", out, re.MULTILINE)]
    assert len(sequences) >= 3
    assert sequences == sorted(set(sequences))


def test_async_stream() -> None:
    out = run("async_stream.py", "--seconds", "1.2")
    assert out.count("tick\n") >= 2
    assert re.search(r"^[\d.]+ images per second$", out, re.MULTILINE)


def test_record_pyav(tmp_path: Path) -> None:
    out = run("record_pyav.py", str(tmp_path / "video.mp4"), "--fps", "30000/1001", "--seconds", "0.5")
    assert re.match(r"15 images: \d+ repeated, \d+ skipped, \d+ late", out)
    import av

    with av.open(str(tmp_path / "video.mp4")) as video:
        frames = list(video.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx([i * 1001 / 30000 for i in range(15)], abs=1e-4)
    assert (frames[0].width, frames[0].height) == (1920, 1080)
    assert (frames[0].colorspace, frames[0].color_range) == (1, 1)
    shown = rustcam.screenshot(backend="sim", cursor=True).astype(float)
    # A median, because the clocks in the first images of two desktops differ.
    assert np.median(np.abs(frames[0].to_ndarray(format="rgb24") - shown)) <= 3


NOTES = 'size 640x400; pointer still; window "My notes" at 60,50 size 321x201 app "notes" pid 7'
CLOSED = f'{NOTES}; at 1s window "My notes" close'


@pytest.mark.parametrize(("script", "count"), [(NOTES, range(15, 16)), (f"{CLOSED}; clock virtual", range(29, 32))])
def test_record_window(tmp_path: Path, script: str, count: range) -> None:
    file = tmp_path / "video.mp4"
    seconds = "0.5" if script == NOTES else "5"
    out = run("record_window.py", "notes", str(file), "--fps", "30", "--seconds", seconds, "--sim", script)
    assert ('the window "My notes" was closed' in out) is (script != NOTES)
    import av

    with av.open(str(file)) as video:
        frames = list(video.decode(video=0))
    assert len(frames) in count
    assert out.endswith(f"{len(frames)} images\n")
    assert (frames[0].width, frames[0].height) == (322, 202)
    shown = rustcam.screenshot(window="notes", cursor=True, backend="sim", sim=script).astype(float)
    assert np.median(np.abs(frames[0].to_ndarray(format="rgb24")[:201, :321] - shown)) <= 3


def test_window_bot() -> None:
    image = rustcam.screenshot(window="notes", backend="sim", sim=NOTES)
    # Where the first pixel's colour is, in an image that may show another present.
    colour = int.from_bytes(image[0, 0].tobytes(), "big")
    out = run("window_bot.py", "notes", f"{colour:06x}", "--seconds", "0.5", "--sim", NOTES)
    clicks = [(int(x), int(y)) for x, y in re.findall(r"^click at (\d+),(\d+)$", out, re.MULTILINE)]
    assert clicks
    assert all(60 <= x < 60 + 321 and 50 <= y < 50 + 201 for x, y in clicks)


@pytest.mark.x11
def test_the_examples_of_windows_on_an_x_server(session_server: XServer, tmp_path: Path) -> None:
    """The window is covered everywhere."""
    shown = np.full((100, 200, 3), 30, np.uint8)
    shown[40:50, 120:140] = (255, 128, 0)
    windows = Windows(session_server.display)
    display = {"backend": "x11", "DISPLAY": session_server.display}
    try:
        windows.open(50, 60, shown, "My notes")
        windows.open(0, 0, np.zeros((300, 300, 3), np.uint8), "Above")
        out = run("window_bot.py", "notes", "ff8000", "--seconds", "0.3", **display)
        run("record_window.py", "notes", str(tmp_path / "video.mp4"), "--seconds", "0.2", **display)
    finally:
        windows.close()
    assert out == "click at 179,104\n"
    import av

    with av.open(str(tmp_path / "video.mp4")) as video:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)]
    assert len(frames) == 6
    assert np.median(np.abs(frames[5] - shown)) <= 3
    assert np.abs(frames[5][44:46, 126:134] - shown[44:46, 126:134]).max() < 40


def test_the_bot_finds_the_middle_of_a_colour() -> None:
    find = example("window_bot").find
    image = np.zeros((40, 60, 3), np.uint8)
    assert find(image, 0xFF8000) is None
    image[10:15, 20:25] = (255, 128, 0)
    assert find(image, 0xFF8000) == (22, 12)
    image[10:15, 20:25] = (255, 128, 1)
    image[10, 20] = (255, 128, 0)
    assert find(image, 0xFF8000) is None


@pytest.mark.parametrize("name", ["video.y4m", "video.mp4"])
def test_record_without_ffmpeg(tmp_path: Path, name: str) -> None:
    out = run("record_ffmpeg.py", str(tmp_path / name), "--fps", "30000/1001", "--seconds", "0.5", PATH="")
    assert "15 frames" in out
    header, _, body = (tmp_path / "video.y4m").read_bytes().partition(b"\n")
    assert header == b"YUV4MPEG2 W1920 H1080 F30000:1001 Ip A1:1 C444"
    size = 1920 * 1080
    assert len(body) == 15 * (6 + 3 * size)
    assert all(body[index * (6 + 3 * size) :].startswith(b"FRAME\n") for index in range(15))

    y, cb, cr = np.frombuffer(body, np.uint8, 3 * size, 6).reshape(3, 1080, 1920).astype(float)
    colours = np.stack(
        [
            1.164 * (y - 16) + 1.596 * (cr - 128),
            1.164 * (y - 16) - 0.813 * (cr - 128) - 0.391 * (cb - 128),
            1.164 * (y - 16) + 2.018 * (cb - 128),
        ],
        axis=2,
    )
    shown = rustcam.screenshot(backend="sim", cursor=True).astype(float)
    # A median, because the clocks in the first images of two desktops differ.
    assert np.median(np.abs(colours.clip(0, 255) - shown)) < 3


def test_record_with_ffmpeg(tmp_path: Path) -> None:
    """With a fake ffmpeg that stores its arguments and its input."""
    fake = tmp_path / "ffmpeg"
    fake.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nexec cat > {tmp_path}/pixels\n', encoding="utf-8")
    fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    out = run("record_ffmpeg.py", str(tmp_path / "video.mp4"), "--fps", "25", "--seconds", "0.2", PATH=path)
    assert "5 frames" in out
    arguments = (tmp_path / "arguments").read_text(encoding="utf-8")
    assert "-pix_fmt rgb24 -video_size 1920x1080 -framerate 25" in arguments
    assert (tmp_path / "pixels").stat().st_size == 5 * 1920 * 1080 * 3


def test_frame_stack() -> None:
    out = run("frame_stack.py", "--count", "9")
    shape, change = re.match(r"stack (\(.+\)), mean change per image ([\d.]+)", out).groups()  # type: ignore[union-attr]
    assert shape == "(4, 84, 84, 1)"
    assert float(change) > 0


def test_opencv_window(tmp_path: Path) -> None:
    file = tmp_path / "edges.png"
    assert run("opencv_window.py", "--frames", "5", "--save", str(file)) == f"written: {file}\n"
    import cv2

    image: Any = cv2.imread(str(file))
    assert image.shape == (1080, 1920, 3)
    assert (image == [0, 255, 0]).all(axis=2).any()


def test_screen_env() -> None:
    out = run("screen_env.py", "--steps", "8")
    reward = re.match(r"observations \(4, 84, 84\), mean reward ([\d.]+)", out)
    assert reward
    assert float(reward[1]) > 0


def test_the_environment_is_what_gymnasium_expects() -> None:
    env = example("screen_env").ScreenEnv(fps=50, backend="sim", sim="size 320x200; refresh 60")
    first, _ = env.reset(seed=3)
    assert env.observation_space.contains(first)
    assert (first == first[0]).all()
    observation, reward, terminated, truncated, info = env.step(0)
    assert env.observation_space.contains(observation)
    assert np.array_equal(observation[:3], first[1:])
    again, _ = env.reset(seed=3)
    assert (again == again[0]).all()
    assert 0 <= reward <= 1
    assert (terminated, truncated) == (False, False)
    assert info["sequence"] > 0
    env.close()


def test_read_text() -> None:
    lines = ["1088,424,1460,448", "1088,520,1460,544"]
    assert run("read_text.py", *lines, "--seconds", "0.5").split("\n")[:2] == [
        "a desktor that is made of text",
        "the quick brown fox jumps over",
    ]


def test_change_detector() -> None:
    out = run("change_detector.py", "--seconds", "1", "--region", "0,0,960,540")
    places = re.findall(r"rectangles, (\d+) pixels: \((\d+), (\d+), (\d+), (\d+)\)$", out, re.MULTILINE)
    assert places
    for area, left, top, right, bottom in (map(int, place) for place in places):
        assert 0 <= left < right <= 960
        assert 0 <= top < bottom <= 540
        assert area > 0


def test_overlap() -> None:
    overlap = example("change_detector").overlap
    assert overlap((0, 0, 10, 10), (5, 6, 20, 20)) == (5, 6, 10, 10)
    assert overlap((0, 0, 5, 5), (5, 0, 9, 9)) is None


@pytest.mark.x11
def test_tk_preview(session_server: XServer) -> None:
    pytest.importorskip("tkinter")
    out = run("tk_preview.py", "--seconds", "1", DISPLAY=session_server.display)
    assert int(re.match(r"(\d+) images shown", out)[1]) > 0  # type: ignore[index]


@pytest.mark.torch
def test_torch_tensor() -> None:
    out = run("torch_tensor.py", "--batches", "2", "--device", "cpu")
    assert out.count("batch (4, 3, 224, 224) -> (4, 3, 28, 28)") == 2
