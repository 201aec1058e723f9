"""The examples run, and what they write is what the screen showed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rustcam

EXAMPLES = Path(__file__).parent.parent / "examples"

pytestmark = pytest.mark.sim


def run(name: str, *arguments: str, path: str | None = None) -> str:
    command = [sys.executable, str(EXAMPLES / name), *arguments, "--backend", "sim"]
    env = dict(os.environ) if path is None else {**os.environ, "PATH": path}
    result = subprocess.run(command, capture_output=True, text=True, timeout=25, check=False, env=env)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_latest_frame() -> None:
    out = run("latest_frame.py", "--seconds", "2.5", "--think", "0.05")
    sequences = [int(number) for number in re.findall(r"^image +(\d+) ", out, re.MULTILINE)]
    assert len(sequences) >= 3
    assert sequences == sorted(set(sequences))


def test_async_stream() -> None:
    out = run("async_stream.py", "--seconds", "1.2")
    assert out.count("tick\n") >= 2
    assert re.search(r"^[\d.]+ images per second$", out, re.MULTILINE)


@pytest.mark.parametrize("name", ["video.y4m", "video.mp4"])
def test_record_without_ffmpeg(tmp_path: Path, name: str) -> None:
    out = run("record_ffmpeg.py", str(tmp_path / name), "--fps", "30000/1001", "--seconds", "0.5", path="")
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
    # The first images of two desktops differ in the clock that they show.
    assert np.median(np.abs(colours.clip(0, 255) - shown)) < 3


@pytest.mark.linux
def test_record_with_ffmpeg(tmp_path: Path) -> None:
    """An ffmpeg that only keeps what it gets."""
    fake = tmp_path / "ffmpeg"
    fake.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nexec cat > {tmp_path}/pixels\n', encoding="utf-8")
    fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    out = run("record_ffmpeg.py", str(tmp_path / "video.mp4"), "--fps", "25", "--seconds", "0.2", path=path)
    assert "5 frames" in out
    arguments = (tmp_path / "arguments").read_text(encoding="utf-8")
    assert "-pix_fmt rgb24 -video_size 1920x1080 -framerate 25" in arguments
    assert (tmp_path / "pixels").stat().st_size == 5 * 1920 * 1080 * 3
