"""What public bug reports of other capture packages would break here: recording and the command line.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest

import rustcam
from desktops import LIVE, STILL_FOR_REAL
from rustcam import _png
from rustcam.cli import main, progress, video
from rustcam.cli.record import StopSignals

needs_pyav = pytest.mark.linux
if importlib.util.find_spec("av"):
    import av

STILL = ["--backend", "sim", "--sim", "size 64x48; static; clock virtual; pointer still"]
MOVING = ["--backend", "sim", "--sim", LIVE]
NEVER = ["--backend", "sim", "--sim", "size 64x48; pointer still; at 0ms lose access for ever"]
RUSTCAM = [sys.executable, "-m", "rustcam"]


def shell(script: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs `script` with the program as "$@"."""
    command = ["sh", "-c", script, "sh", *RUSTCAM]
    return subprocess.run(command, capture_output=True, text=True, timeout=25, check=False, **options)


def times(file: Path) -> list[float]:
    """When the images of a video are shown."""
    with av.open(str(file)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


# Standard streams taken for granted


@pytest.mark.linux
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "arguments",
    ["shot -o a.png", "record -o a.y4m --seconds 0.2", "record -o a.mkv --seconds 0.2", "list", "bench --seconds 0.1"],
)
def test_closed_streams_are_no_reason_to_fail(tmp_path: Path, closed: str, arguments: str) -> None:
    done = shell(f'"$@" {arguments} --backend sim --sim "size 64x48; refresh 60" {closed}', cwd=tmp_path)
    assert (done.returncode, done.stderr if "2>&-" in closed else "") == (0, "")
    for file in tmp_path.glob("a.*"):
        assert file.stat().st_size > 100
    assert len(list(tmp_path.glob("a.*"))) == ("-o" in arguments)


@pytest.mark.parametrize(
    "arguments", [["shot", "-o", "a.png"], ["record", "-o", "a.y4m", "--seconds", "0.2"], ["list"]]
)
@pytest.mark.parametrize("stream", [None, "closed"])
def test_missing_streams_are_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], stream: Optional[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("stdout", "stderr"):
        closed = io.StringIO()
        closed.close()
        monkeypatch.setattr(sys, name, stream and closed)
    before = (sys.stdout, sys.stderr)
    assert main([*arguments, *STILL]) == 0
    assert (sys.stdout, sys.stderr) == before
    assert [file.stat().st_size > 100 for file in tmp_path.iterdir()] == [True] * ("-o" in arguments)


@pytest.mark.linux
def test_a_picture_or_video_for_a_closed_standard_output_is_an_error_of_one_line() -> None:
    for command in ("shot -o -", "record -o - --seconds 0.1"):
        done = shell(f'"$@" {command} --backend sim --sim "size 64x48" >&-')
        assert done.returncode == 1
        assert re.fullmatch(r"rustcam: there is no standard output .*\n", done.stderr)


@pytest.mark.linux
@pytest.mark.parametrize("command", ["shot -o a.png", "list"])
def test_a_full_standard_output_fails_only_where_the_result_goes_there(tmp_path: Path, command: str) -> None:
    done = shell(f'"$@" {command} --backend sim --sim "size 64x48" > /dev/full', cwd=tmp_path)
    assert done.returncode == (1 if command == "list" else 0)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


# Failing after success


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "cp932"])
def test_a_name_that_cannot_be_printed_is_escaped(tmp_path: Path, encoding: str) -> None:
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for name in ("桌面.png", "Ünïcode ✓.y4m"):
        command = ["shot"] if name.endswith("png") else ["record", "--seconds", "0.1"]
        done = subprocess.run(
            [*RUSTCAM, *command, "-o", str(tmp_path / name), *STILL],
            env=env,
            capture_output=True,
            timeout=25,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).stat().st_size > 100
        printed = (done.stdout + done.stderr).decode(encoding)
        assert name.encode(encoding, "backslashreplace").decode(encoding) in printed


# Exact fractions for formats with 32-bit fields


RATES = [
    ("23.976023976023976", Fraction(24000, 1001)),
    ("59.94005994005994", Fraction(60000, 1001)),
    ("29.97002997002997", Fraction(30000, 1001)),
    ("119.88", Fraction("119.88")),
    ("0.001", Fraction(1, 1000)),
    ("1/4294967295", Fraction(1, 2**31 - 1)),
    ("500.000000001", None),
    ("3.14159265358979323846264338327950288", None),
]


@pytest.mark.parametrize(("text", "nearest"), RATES)
def test_a_rate_becomes_the_nearest_fraction_that_fits(text: str, nearest: Optional[Fraction]) -> None:
    limit = 2**31 - 1
    rate = video.nearest_rate(Fraction(text), limit)
    assert 0 < rate.numerator <= limit
    assert 0 < rate.denominator <= limit
    assert float(rate) == pytest.approx(float(nearest or Fraction(text)), rel=1e-9)


def test_the_nearest_fraction_is_the_nearest_of_all() -> None:
    for limit in (2, 5, 12):
        candidates = {Fraction(n, d) for n in range(1, limit + 1) for d in range(1, limit + 1)}
        for numerator in range(1, 60):
            for denominator in (1, 7, 13, 100):
                wanted = Fraction(numerator, denominator)
                best = min(abs(candidate - wanted) for candidate in candidates)
                got = video.nearest_rate(wanted, limit)
                assert got in candidates
                assert abs(got - wanted) == best, (wanted, limit, got)


@needs_pyav
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
@pytest.mark.parametrize("rate", ["23.976023976023976", "3.14159265358979323846264338327950288", "59.94", "1000/3"])
def test_a_compressed_video_of_any_rate_plays_in_time(tmp_path: Path, name: str, rate: str) -> None:
    file = tmp_path / name
    fps = Fraction(rate)
    assert main(["record", "-o", str(file), "--fps", rate, "--seconds", str(float(30 / fps)), *STILL]) == 0
    # Matroska counts in milliseconds.
    tolerance = 0.0006 if name == "a.mkv" else 0.0001
    shown = times(file)
    assert len(shown) in (30, 31)
    assert shown == pytest.approx([float(slot / fps) for slot in range(len(shown))], abs=tolerance)


@pytest.mark.parametrize("text", [text for text, _ in RATES if text != "1/4294967295"])
def test_y4m_of_any_rate_states_a_fraction_of_32_bits(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.y4m"
    seconds = str(float(2 / Fraction(text)))
    assert main(["record", "-o", str(file), "--fps", text, "--seconds", seconds, *STILL]) == 0
    header = file.read_bytes().split(b"\n")[0].decode()
    match = re.search(r" F(\d+):(\d+) ", header)
    assert match
    stated = Fraction(int(match[1]), int(match[2]))
    assert max(int(match[1]), int(match[2])) < 2**31
    assert stated == video.nearest_rate(Fraction(text), 2**31 - 1)


# Containers readable only after a clean end


@needs_pyav
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.y4m"])
def test_a_full_disk_is_one_line_and_leaves_a_video_that_plays(tmp_path: Path, name: str) -> None:
    script = """
        import resource, sys
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        from rustcam.cli import main
        sys.exit(main())
    """
    program = "\n".join(line.strip() for line in script.splitlines())
    command = [sys.executable, "-c", program, "record", "-o", name, "--fps", "60", "--seconds", "20"]
    busy = ["--backend", "sim", "--sim", "size 640x360; refresh 60; full; clock virtual"]
    done = subprocess.run([*command, *busy], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    summary, error = done.stderr.splitlines()
    assert re.fullmatch(rf"rustcam: .*(large|space).*{name}.*", error)
    assert f"{name}: " in summary
    size = (tmp_path / name).stat().st_size
    assert 100_000 < size <= 2_000_000
    if name != "a.y4m":
        shown = times(tmp_path / name)
        assert len(shown) > 10
        assert shown == pytest.approx([slot / 60 for slot in range(len(shown))], abs=0.0006)


@contextmanager
def recording(tmp_path: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """A recording that has written something."""
    command = [*RUSTCAM, "record", "-o", name, "--fps", "60", *MOVING]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 20
            while not ((tmp_path / name).exists() and (tmp_path / name).stat().st_size > 60_000):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


@needs_pyav
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_a_killed_recording_plays(tmp_path: Path, name: str) -> None:
    with recording(tmp_path, name) as process:
        process.kill()
    shown = times(tmp_path / name)
    assert len(shown) > 10
    assert shown == pytest.approx([slot / 60 for slot in range(len(shown))], abs=0.0006)


@needs_pyav
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.y4m"])
@pytest.mark.parametrize("number", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_every_signal_that_can_be_caught_completes_the_file(tmp_path: Path, name: str, number: str) -> None:
    with recording(tmp_path, name) as process:
        process.send_signal(signal.Signals[number])
        _, error = process.communicate(timeout=20)
    assert process.returncode == 0
    if name != "a.y4m":
        assert f" {len(times(tmp_path / name))} frames: " in error


@pytest.mark.linux
def test_under_nohup_a_recording_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


# A result destroyed before there is a new one; success without a result


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=needs_pyav) for name in ("old.mp4", "old.mkv")), "old.y4m"]
)
def test_a_recording_without_an_image_leaves_an_older_file_alone(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_bytes(b"precious")
    never = "size 64x48; pointer still; clock virtual; at 0ms lose access for ever"
    assert main(["record", "-o", str(file), "--backend", "sim", "--sim", never]) == 1
    assert capsys.readouterr().err.startswith("rustcam: no first image within 5000 ms")
    assert file.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.linux
@pytest.mark.parametrize("limit", [0, 1000])
def test_a_picture_that_cannot_be_written_leaves_an_older_one_alone(tmp_path: Path, limit: int) -> None:
    file = tmp_path / "a.png"
    for before in (None, b"precious"):
        if before:
            file.write_bytes(before)
        done = subprocess.run(
            ["prlimit", f"--fsize={limit}", *RUSTCAM, "shot", "-o", str(file), "--backend", "sim"],
            capture_output=True,
            text=True,
            timeout=25,
            check=False,
        )
        assert done.returncode == 1
        assert re.fullmatch(r"rustcam: .*File too large.*a\.png.*\n", done.stderr)
        assert [f.read_bytes() for f in tmp_path.iterdir()] == ([before] if before else [])


def until_handled(process: int, *numbers: signal.Signals) -> None:
    """Waits until a process has handlers for these signals."""
    deadline = time.monotonic() + 20
    wanted = sum(1 << (number - 1) for number in numbers)
    while True:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
        if int(status.partition("SigCgt:")[2].split()[0], 16) & wanted == wanted:
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.linux
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(("name", "delay"), [("a.y4m", 0), ("a.y4m", 0.3), ("a.mkv", 0.05), ("-", 0.1)])
def test_a_signal_before_the_first_image_is_a_failure_without_a_file(
    tmp_path: Path, number: str, name: str, delay: float
) -> None:
    with subprocess.Popen(
        [*RUSTCAM, "record", "-o", name, *NEVER],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until_handled(process.pid, signal.SIGTERM, signal.SIGHUP)
        time.sleep(delay)
        process.send_signal(signal.Signals[number])
        out, error = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert re.fullmatch(r"rustcam: the recording was ended before the first image .*\n", error)
    assert list(tmp_path.iterdir()) == []


# Text without a look at the terminal or file


class NarrowTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [10, 40, 79])
def test_progress_without_rich_stays_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    terminal = NarrowTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_columns", lambda: columns)
    monkeypatch.setattr(progress, "INTERVAL", 0)
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert main(["record", "-o", str(tmp_path / "a.y4m"), "--seconds", "0.5", *STILL]) == 0
    updates, _, summary = terminal.getvalue().rpartition("\r")
    assert "\n" not in updates
    assert updates.count("\r") >= 10
    assert all(len(update) < columns for update in updates.split("\r"))
    assert summary.endswith(" MB\n")


@pytest.mark.linux
@pytest.mark.parametrize("columns", [20, 40])
def test_progress_with_rich_stays_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    terminal = NarrowTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(progress, "INTERVAL", 0)
    assert main(["record", "-o", str(tmp_path / "a.y4m"), "--seconds", "0.5", *STILL]) == 0
    updates, summary = terminal.getvalue().rstrip("\n").rsplit("\r", 1)
    assert updates.count("\n") <= 1
    assert " frames: " in summary


@pytest.mark.parametrize(
    ("name", "magic"), [("a.jpg", b"\xff\xd8\xff"), ("a.JPEG", b"\xff\xd8\xff"), ("a.bmp", b"BM"), ("a.webp", b"RIFF")]
)
@pytest.mark.linux
def test_a_picture_has_the_format_of_its_name(tmp_path: Path, name: str, magic: bytes) -> None:
    image = pytest.importorskip("PIL.Image")
    assert main(["shot", "-o", str(tmp_path / name), "--backend", "sim", "--sim", STILL_FOR_REAL]) == 0
    assert (tmp_path / name).read_bytes().startswith(magic)
    shown = np.asarray(image.open(tmp_path / name).convert("RGB")).astype(int)
    expected = rustcam.screenshot(backend="sim", sim=STILL_FOR_REAL)
    assert np.abs(shown - expected).mean() < 3


@pytest.mark.parametrize("name", ["a.txt", "a.mp4", "a.png.gz", "a.tar"])
@pytest.mark.linux
def test_a_name_that_is_no_picture_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("PIL.Image")
    assert main(["shot", "-o", str(tmp_path / name), *STILL]) == 2
    assert "is not a picture file name" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_pillow_other_pictures_are_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert main(["shot", "-o", str(tmp_path / "a.jpg"), *STILL]) == 1
    assert "pip install pillow" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@needs_pyav
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov", "a.y4m"])
def test_a_recording_into_a_pipe_with_a_name(tmp_path: Path, name: str) -> None:
    pipe = tmp_path / name
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    assert main(["record", "-o", str(pipe), "--fps", "10", "--seconds", "2", *STILL]) == 0
    reader.join(20)
    copy = tmp_path / f"copy{pipe.suffix}"
    copy.write_bytes(received[0])
    if name == "a.y4m":
        assert received[0].count(b"FRAME\n") == 20
    else:
        assert times(copy) == pytest.approx([slot / 10 for slot in range(20)], abs=0.0006)


# Losses while recording


@pytest.mark.parametrize("loss", ["access", "device"])
def test_a_recording_outlasts_a_loss_of_six_seconds(tmp_path: Path, loss: str) -> None:
    file = tmp_path / "a.y4m"
    script = f"size 64x48; refresh 60; pointer still; clock virtual; at 1s lose {loss} for 6s"
    assert main(["record", "-o", str(file), "--fps", "10", "--seconds", "10", "--backend", "sim", "--sim", script]) == 0
    assert file.read_bytes().count(b"FRAME\n") == 100


@pytest.mark.parametrize("output", ["1", "SIM-2", "sim-2", "simulated-2"])
def test_outputs_are_chosen_by_index_name_or_id(
    tmp_path: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "size 64x48; outputs 2; static; clock virtual; at 0ms pointer 70,10"  # on the second one
    desktop = ["--cursor", "--backend", "sim", "--sim", script]
    first, second = (rustcam.screenshot(index, fmt="rgb", cursor=True, backend="sim", sim=script) for index in (0, 1))
    assert (first != second).any()
    assert main(["shot", "-o", str(tmp_path / "a.png"), "--output", output, *desktop]) == 0
    assert (tmp_path / "a.png").read_bytes() == _png.encode(second, fmt="rgb")
    assert main(["shot", "-o", str(tmp_path / "c.png"), "--output", "HDMI-9", *desktop]) == 2
    assert "SIM-2" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "kept_on"), [([], True), (["--keep-awake"], True), (["--no-keep-awake"], False)])
def test_a_recording_keeps_the_display_on_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: list[str], kept_on: bool
) -> None:
    asked = []

    class Screen(rustcam.Capturer):
        def frames(self, *arguments: Any, keep_awake: bool = False, **options: Any) -> Any:
            asked.append(keep_awake)
            return super().frames(*arguments, keep_awake=keep_awake, **options)

    monkeypatch.setattr("rustcam.cli.options.Capturer", Screen)
    assert main(["record", "-o", str(tmp_path / "a.y4m"), "--seconds", "0.2", *option, *STILL]) == 0
    assert asked == [kept_on]
