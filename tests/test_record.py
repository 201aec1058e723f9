"""`rustcam record`: the files hold the right images at the right times, however the recording ends."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import frame_oracle
import rustcam
from desktops import LIVE, STILL_FOR_REAL
from rustcam.cli import fitting, main, video
from rustcam.cli.progress import clock

# `make test` installs PyAV, but not for the Windows interpreters of the Wine lanes.
needs_pyav = pytest.mark.linux
if importlib.util.find_spec("av"):
    import av

SMALL = ["--backend", "sim", "--sim", "size 320x200; refresh 60"]
STILL = ["--backend", "sim", "--sim", STILL_FOR_REAL]


def y4m(data: bytes) -> tuple[str, list[npt.NDArray[np.uint8]]]:
    """The header of a Y4M file, and its images as planes (3, height, width)."""
    header, _, body = data.partition(b"\n")
    text = header.decode("ascii")
    width, height = (int(number) for number in re.findall(r"[WH](\d+)", text))
    size = len(b"FRAME\n") + 3 * width * height
    assert len(body) % size == 0
    frames = [body[start : start + size] for start in range(0, len(body), size)]
    assert all(frame.startswith(b"FRAME\n") for frame in frames)
    return text, [np.frombuffer(frame, np.uint8, offset=6).reshape(3, height, width) for frame in frames]


def rgb(planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The conversion of a player: ITU-R BT.601 with limited range."""
    y, cb, cr = planes.astype(float) - np.array([16, 128, 128]).reshape(3, 1, 1)
    red = 1.16438 * y + 1.59603 * cr
    green = 1.16438 * y - 0.39176 * cb - 0.81297 * cr
    blue = 1.16438 * y + 2.01723 * cb
    return np.stack([red, green, blue], axis=2).clip(0, 255)


def test_y4m_stores_every_colour_correctly(tmp_path: Path) -> None:
    levels = np.linspace(0, 255, 12).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(36, 48, 3)
    file = video.Y4M(str(tmp_path / "a.y4m"), 48, 36, Fraction(25))
    file.write(colours)
    file.close()
    header, (planes,) = y4m((tmp_path / "a.y4m").read_bytes())
    assert header == "YUV4MPEG2 W48 H36 F25:1 Ip A1:1 C444"
    assert np.abs(rgb(planes) - colours).max() < 4


def test_recording_to_y4m(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.y4m"
    assert main(["record", "-o", str(file), "--fps", "30000/1001", "--seconds", "0.5", *STILL]) == 0
    header, images = y4m(file.read_bytes())
    assert "F30000:1001" in header
    assert len(images) == 15
    expected = rustcam.screenshot(backend="sim", sim=STILL_FOR_REAL)
    assert np.abs(rgb(images[0]) - expected).max() < 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(
        re.escape(str(file)) + r": 0:00\.5, 15 frames: 14 repeated, 0 skipped, \d+ late; 10\.4 MB\n", captured.err
    )


def test_recording_a_region_into_a_pipe() -> None:
    command = [sys.executable, "-m", "rustcam", "record", "-o", "-", "--region", "11,7,44,32", "--fps", "50"]
    done = subprocess.run([*command, "--seconds", "0.1", *STILL], capture_output=True, timeout=25, check=True)
    _, images = y4m(done.stdout)
    assert len(images) == 5
    expected = rustcam.screenshot(region=(11, 7, 44, 32), backend="sim", sim=STILL_FOR_REAL)
    assert np.abs(rgb(images[4]) - expected).max() < 4


@pytest.mark.parametrize("size", ["160x100", "400x300", "100x400"])
def test_a_screen_of_another_size_is_cut_or_framed_in_black(tmp_path: Path, size: str) -> None:
    file = tmp_path / "a.y4m"
    script = f"size 320x200; refresh 60; static; at 1s mode {size}@60; clock virtual"
    assert main(["record", "-o", str(file), "--seconds", "2", "--fps", "10", "--backend", "sim", "--sim", script]) == 0
    _, images = y4m(file.read_bytes())
    assert len(images) == 20
    with rustcam.Capturer(cursor=False, backend="sim", sim=script) as screen, screen.frames(10, "rgb") as frames:
        last = [image for image, _ in islice(frames, 20)][-1]
    assert f"{last.shape[1]}x{last.shape[0]}" == size
    expected = np.zeros((200, 320, 3))
    height, width = min(200, last.shape[0]), min(320, last.shape[1])
    expected[:height, :width] = last[:height, :width]
    assert np.abs(rgb(images[19]) - expected).max() < 4


@pytest.mark.parametrize("fmt", ["rgb", "bgra", "rgba16f", "nv12", "i420"])
@pytest.mark.parametrize("size", [(40, 30), (24, 20), (60, 20), (24, 50), (60, 50)])
def test_an_image_of_another_size_is_cut_or_framed_in_black(fmt: Any, size: tuple[int, int]) -> None:
    def image(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        return frame_oracle.frame(np.ascontiguousarray(pixels), fmt)

    width, height = size
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[:, :, 3] = 255
    assert fitting.size(image(pixels), fmt) == size
    whole = np.zeros((30, 40, 4), np.uint8)
    whole[: min(30, height), : min(40, width)] = pixels[:30, :40]
    fitted, expected = fitting.fitted(image(pixels), fmt, 40, 30), image(whole)
    if expected.shape[-1] == 4:
        # What is opaque does not matter in a video.
        fitted, expected = fitted[:, :, :3], expected[:, :, :3]
    assert fitted.dtype == expected.dtype
    assert np.array_equal(fitted, expected)


def recording(file: Path, *arguments: str) -> subprocess.Popen[str]:
    """Starts an endless recording and returns when the file has content."""
    command = [sys.executable, "-m", "rustcam", "record", "-o", str(file), *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not (file.exists() and file.stat().st_size):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_complete_the_file(tmp_path: Path, number: signal.Signals) -> None:
    process = recording(tmp_path / "a.y4m", *SMALL)
    process.send_signal(number)
    _, error = process.communicate(timeout=20)
    _, images = y4m((tmp_path / "a.y4m").read_bytes())
    assert process.returncode == 0
    assert f" {len(images)} frames: " in error


@pytest.mark.linux
def test_ctrl_c_does_not_wait_for_the_next_image(tmp_path: Path) -> None:
    process = recording(tmp_path / "a.y4m", "--fps", "1/600", *SMALL)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert time.monotonic() - start < 10


@needs_pyav
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_compressed_video_has_the_right_times_and_colours(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    fps = Fraction(30000, 1001)
    assert main(["record", "-o", str(file), "--fps", str(fps), "--seconds", "0.5", *STILL]) == 0
    with av.open(str(file)) as container:
        (stream,) = container.streams
        assert isinstance(stream, av.VideoStream)
        assert (stream.codec_context.width, stream.codec_context.height) == (640, 360)
        frames = list(container.decode(stream))
    times = [frame.time for frame in frames]
    assert len(frames) == 15
    # Matroska counts in milliseconds.
    assert times == pytest.approx([float(i / fps) for i in range(15)], abs=0.0006)
    assert stream.average_rate == pytest.approx(fps, rel=0.03)
    expected = rustcam.screenshot(backend="sim", sim=STILL_FOR_REAL)
    shown = frames[7].to_ndarray(format="rgb24").astype(float)
    # Compression changes edges, but not areas of one colour.
    assert np.median(np.abs(shown - expected)) <= 2
    assert np.abs(shown.mean((0, 1)) - expected.mean((0, 1))).max() < 3


@needs_pyav
@pytest.mark.parametrize(("encoder", "fmt"), [("libx264", "nv12"), ("mpeg4", "i420")])
@pytest.mark.parametrize("size", ["640x360", "320x200", "801x601"])
def test_the_engine_writes_what_the_encoder_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str, fmt: str, size: str
) -> None:
    """Also when the screen has another size after a while."""
    monkeypatch.setattr(video, "ENCODERS", {encoder: video.ENCODERS[encoder]})
    assert video.Encoded.fmt(640, 360) == fmt
    assert video.Encoded.fmt(641, 360) == video.Encoded.fmt(640, 361) == "bgra"
    written = []
    monkeypatch.setattr(
        video.Encoded,
        "write",
        lambda self, image, write=video.Encoded.write: written.append(image) or write(self, image),
    )
    file = tmp_path / "a.mkv"
    script = f"size 640x360; refresh 60; static; at 1s mode {size}@60; clock virtual"
    assert main(["record", "-o", str(file), "--fps", "10", "--seconds", "2", "--backend", "sim", "--sim", script]) == 0
    assert {(image.shape, image.dtype) for image in written} == {((540, 640), np.dtype(np.uint8))}
    with av.open(str(file)) as container:
        (stream,) = container.streams
        context: Any = stream.codec_context
        frames: list[Any] = list(container.decode(stream))
    assert len(frames) == 20
    assert (context.name.replace("h264", "libx264"), context.width, context.height) == (encoder, 640, 360)
    # BT.709 in the limited range, which players have to know.
    assert context.color_range == frames[0].color_range == 1
    assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1) or encoder == "mpeg4"
    with rustcam.Capturer(cursor=False, backend="sim", sim=script) as screen, screen.frames(10, "rgb") as images:
        last = [image for image, _ in islice(images, 20)][-1]
    expected = np.zeros((360, 640, 3))
    height, width = min(360, last.shape[0] & ~1), min(640, last.shape[1] & ~1)
    expected[:height, :width] = last[:height, :width]
    shown = frames[-1].to_ndarray(format="rgb24").astype(float)
    assert np.median(np.abs(shown - expected)) <= 2
    assert np.abs(shown.mean((0, 1)) - expected.mean((0, 1))).max() < 3


@needs_pyav
def test_compressed_video_of_odd_size_is_padded(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    assert main(["record", "-o", str(file), "--region", "0,0,101,51", "--seconds", "0.2", *STILL]) == 0
    with av.open(str(file)) as container:
        frames = list(container.decode(video=0))
    assert [(frame.width, frame.height) for frame in frames] == [(102, 52)] * 6


@needs_pyav
@pytest.mark.x11
def test_recording_of_a_real_screen(painter: Any, tmp_path: Path) -> None:
    painter.fill((0, 0, 640, 360), 0x3366CC)
    file = tmp_path / "a.mp4"
    assert main(["record", "-o", str(file), "--fps", "25", "--seconds", "0.4"]) == 0
    with av.open(str(file)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 10
    assert np.abs(frames[9].astype(int) - [0x33, 0x66, 0xCC]).max() <= 4


@needs_pyav
def test_ctrl_c_completes_a_compressed_file(tmp_path: Path) -> None:
    file = tmp_path / "a.mkv"
    process = recording(file, "--backend", "sim", "--sim", LIVE)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 0
    with av.open(str(file)) as container:
        assert f" {len(list(container.decode(video=0)))} frames: " in error


def test_without_pyav_the_error_gives_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["record", "-o", str(tmp_path / "a.mp4"), *STILL]) == 1
    error = capsys.readouterr().err
    assert "pip install av" in error
    assert ".y4m" in error
    assert not (tmp_path / "a.mp4").exists()


def test_a_missing_folder_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "-o", str(tmp_path / "no" / "a.y4m"), *STILL]) == 1
    assert "a.y4m" in capsys.readouterr().err


@needs_pyav
def test_a_missing_folder_is_reported_with_pyav(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "-o", str(tmp_path / "no" / "a.mp4"), *STILL]) == 1
    assert "a.mp4" in capsys.readouterr().err


class Terminal:
    """A text stream that claims to be a terminal."""

    def __init__(self) -> None:
        self.text = ""
        self.encoding = "utf-8"

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("rich", [pytest.param(True, marks=pytest.mark.linux), False])
def test_progress_is_shown_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rich: bool) -> None:
    if rich:
        monkeypatch.setenv("COLUMNS", "120")
    else:
        monkeypatch.setitem(sys.modules, "rich.progress", None)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["record", "-o", str(tmp_path / "a.y4m"), "--seconds", "0.5", *SMALL]) == 0
    assert re.search(r"0:00\.\d, \d+ frames: \d+ repeated, \d+ skipped, \d+ late; [\d.]+ MB", terminal.text)
    assert terminal.text.endswith(" MB\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(Fraction(0), "0:00.0"), (Fraction(599, 10), "0:59.9"), (Fraction(60), "1:00.0"), (Fraction(3723), "1:02:03.0")],
)
def test_clock(seconds: Fraction, text: str) -> None:
    assert clock(seconds) == text
