"""`rustcam shot --hdr` and `rustcam record --hdr`: the files say BT.2020 and PQ, and hold the light of the desktop."""

from __future__ import annotations

import importlib.util
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from rustcam.cli import main, pq

# `make test` installs PyAV, but not for the Windows interpreters of the Wine lanes.
needs_pyav = pytest.mark.linux
if importlib.util.find_spec("av"):
    import av

Floats = npt.NDArray[np.float64]

SIZE = "size 640x400; refresh 60; static; pointer still"
HDR = f"{SIZE}; color hdr; white 240; max 1000; min 0.05"
# The middles of the nine patches of each row, and of the two rows.
COLUMNS, ROWS = [64 + 64 * i for i in range(9)], (18, 30)

TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
)


def nits(pq_values: Floats) -> Floats:
    """The luminance of PQ values from 0 to 1, by SMPTE ST 2084."""
    root = pq_values ** (1 / 78.84375)
    light: Floats = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return light


def desktop(script: str) -> Floats:
    """The light of the desktop in nits: red, green and blue of BT.709."""
    image = rustcam.screenshot(fmt="rgba16f", backend="sim", sim=script)
    return image[:, :, :3].astype(np.float64) * 80


def chunks(data: bytes) -> dict[bytes, bytes]:
    found, position = {}, 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        name, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        assert struct.unpack_from(">I", data, position + 8 + length) == (zlib.crc32(name + body),)
        found[name] = body
        position += 12 + length
    return found


def test_the_curve_is_that_of_the_standard() -> None:
    light = np.zeros((1, 5, 4), np.float16)
    light[0, :, :3] = np.array([0, 1, 1.25, 12.5, 125])[:, np.newaxis]
    # 80, 100, 1000 and 10000 nits.
    assert pq.encode(light)[0, :, 0] == pytest.approx([0, 0.4858, 0.5081, 0.7518, 1], abs=1e-4)
    odd = np.array([[[np.nan, np.inf, -np.inf, 0]], [[-5, -5, -5, 0]]], np.float16)
    assert np.isfinite(pq.encode(odd)).all()
    assert pq.encode(odd)[1].max() < 1e-6


@pytest.mark.parametrize("script", [HDR, SIZE], ids=["hdr", "sdr"])
def test_a_shot_holds_all_light(tmp_path: Path, script: str) -> None:
    file = tmp_path / "a.png"
    assert main(["shot", "--hdr", "-o", str(file), "--backend", "sim", "--sim", script]) == 0
    parts = chunks(file.read_bytes())
    assert list(parts) == [b"IHDR", b"cICP", b"IDAT", b"IEND"]
    assert parts[b"cICP"] == bytes([9, 16, 0, 1])
    assert struct.unpack(">IIBBBBB", parts[b"IHDR"]) == (640, 400, 16, 2, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(400, 1 + 640 * 6)
    assert (rows[:, 0] == 2).all()
    pixels = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(400, 640, 3, 2)
    levels = pixels[..., 0].astype(np.float64) * 256 + pixels[..., 1]
    light = nits(levels / 65535) @ TO_BT709.T
    # Colours outside BT.2020 do not occur, so negative channels come back.
    assert np.allclose(light, desktop(script), rtol=2e-3, atol=1.5)
    assert (light.max() > 1700) == (script == HDR)


@pytest.mark.parametrize("name", ["a.jpg", "a.y4m"])
def test_a_shot_in_another_format_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shot", "--hdr", "-o", str(tmp_path / name), "--backend", "sim"]) != 0
    assert ".png" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@needs_pyav
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_recording_holds_all_light(tmp_path: Path, container: str) -> None:
    file = tmp_path / f"a.{container}"
    arguments = ["-o", str(file), "--fps", "10", "--seconds", "0.5", "--backend", "sim", "--sim", HDR]
    assert main(["record", "--hdr", *arguments]) == 0
    with av.open(str(file)) as video:
        stream = video.streams.video[0]
        context: Any = stream.codec_context
        assert (context.name, context.pix_fmt, stream.width, stream.height) == ("hevc", "yuv420p10le", 640, 400)
        frames: list[Any] = list(video.decode(stream))
    assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (9, 16, 9, 1)
    assert len(frames) == 5
    kinds = {str(data.type).rpartition(".")[2] for data in frames[0].side_data}
    assert kinds >= {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}, kinds
    expected = desktop(HDR)
    y, cb, cr = (plane(frames[-1], i) for i in range(3))
    for row in ROWS:
        for column in COLUMNS:
            luma = (y[row, column] - 64) / 876
            blue, red = ((c[row // 2, column // 2] - 512) / 896 for c in (cb, cr))
            r, b = luma + red * 1.4746, luma + blue * 1.8814
            g = (luma - 0.2627 * r - 0.0593 * b) / 0.6780
            wide = nits(np.clip(np.array([r, g, b]), 0, 1))
            luminance = wide @ [0.2627, 0.6780, 0.0593]
            wanted = expected[row, column] @ [0.2126, 0.7152, 0.0722]
            assert luminance == pytest.approx(wanted, rel=0.02), (row, column)


def plane(frame: Any, index: int) -> Floats:
    """The samples of a plane of 10 bits."""
    plane = frame.planes[index]
    rows = np.frombuffer(bytes(plane), "<u2").reshape(plane.height, plane.line_size // 2)
    return rows[:, : plane.width].astype(np.float64)


@needs_pyav
def test_hdr_video_needs_a_container_that_can_hold_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (str(tmp_path / "a.y4m"), "-"):
        assert main(["record", "--hdr", "-o", name, "--seconds", "1", "--backend", "sim"]) != 0
        assert ".mp4, .mkv, .mov" in capsys.readouterr().err


@needs_pyav
def test_hdr_video_says_what_to_do_without_its_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(av, "codecs_available", {"libx264"})
    assert main(["record", "--hdr", "-o", str(tmp_path / "a.mp4"), "--seconds", "1", "--backend", "sim"]) != 0
    assert "libx265" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["record", "--hdr", "-o", str(tmp_path / "a.mp4"), "--seconds", "1", "--backend", "sim"]) != 0
    assert "PyAV" in capsys.readouterr().err


@needs_pyav
def test_odd_sizes_are_padded(tmp_path: Path) -> None:
    script = HDR.replace("640x400", "321x201")
    file = tmp_path / "a.mp4"
    assert main(["record", "--hdr", "-o", str(file), "--seconds", "0.1", "--backend", "sim", "--sim", script]) == 0
    with av.open(str(file)) as video:
        frame = next(video.decode(video=0))
        assert (frame.width, frame.height) == (322, 202)
