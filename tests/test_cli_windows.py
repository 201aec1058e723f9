"""Windows in the command `rustcam`: listed, pictured, and recorded until they are closed."""

from __future__ import annotations

import json
import re
import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import rustcam
from desktops import STILL, XServer
from rustcam.cli import main, record
from rustcam.cli.options import names, window
from rustcam.cli.outputs import LONGEST_TITLE, one_line
from test_png import decode
from test_record import rgb, y4m

NOTES = 'window "My notes" at 100,50 size 300x150 app "notes" pid 7 frame 4,24'
WINDOWS = f'{STILL}; window "Editor" at 10,20 size 320x200 app "editor" pid 8; {NOTES}'


def sim(script: str) -> list[str]:
    return ["--backend", "sim", "--sim", script]


def test_list_shows_every_window(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--windows", *sim(f'{WINDOWS}; window "Away" size 64x48 minimized')]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["handle", "title", "app", "pid", "size", "position", "state", "backend"]
    listed = rustcam.list_windows("sim", sim=WINDOWS)
    rows = {re.split(" {2,}", line)[1]: re.split(" {2,}", line) for line in lines}
    assert set(rows) == {"Editor", "My notes", "Away"}
    handle = next(str(each["handle"]) for each in listed if each["title"] == "My notes")
    assert rows["My notes"] == [handle, "My notes", "notes", "7", "300x150", "100,50", "sim"]
    assert "minimised" in rows["Away"]


def test_list_of_windows_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--windows", "--json", *sim(WINDOWS)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) == 2
    assert listed == rustcam.list_windows("sim", sim=WINDOWS)


def test_no_windows_are_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--windows", "--json", *sim(STILL)]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["list", "--windows", *sim(STILL)]) == 0
    assert capsys.readouterr().out.startswith("handle  title")


def test_a_title_cannot_control_the_terminal() -> None:
    assert one_line("a\x1b[2Jb\nc\u202ed – é") == "a [2Jb c d – é"
    assert one_line("x" * LONGEST_TITLE) == "x" * LONGEST_TITLE
    assert one_line("x" * (LONGEST_TITLE + 1)) == "x" * (LONGEST_TITLE - 1) + "…"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("4194311", 4194311),
        ("0x400007", 0x400007),
        ("0X40000A", 0x40000A),
        ("/^Notes/", re.compile("^Notes")),
        ("/2048/", re.compile("2048")),
        ("notes", "notes"),
        ("-5", "-5"),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("/", "/"),
        ("//", "//"),
        ("a/b/", "a/b/"),
    ],
)
def test_what_an_argument_means(text: str, meant: object) -> None:
    assert window(text) == meant


@pytest.mark.parametrize(
    "chosen", ["notes", "NOTES", "/^My/", "handle", "0x", pytest.param("My notes", id="the whole title")]
)
def test_shot_of_a_window(tmp_path: Path, capsys: pytest.CaptureFixture[str], chosen: str) -> None:
    listed = next(each for each in rustcam.list_windows("sim", sim=WINDOWS) if each["title"] == "My notes")
    chosen = {"handle": str(listed["handle"]), "0x": hex(listed["handle"])}.get(chosen, chosen)
    file = tmp_path / "a.png"
    assert main(["shot", "--window", chosen, "-o", str(file), *sim(WINDOWS)]) == 0
    assert capsys.readouterr().out == f"{file}: 300x150\n"
    expected = rustcam.screenshot(window=listed, backend="sim", sim=WINDOWS)
    assert np.array_equal(decode(file.read_bytes()), expected)


def test_shot_of_a_whole_window_and_of_a_part(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    assert main(["shot", "--window", "notes", "--window-area", "whole", "-o", str(file), *sim(WINDOWS)]) == 0
    whole = rustcam.screenshot(window="notes", window_area="whole", backend="sim", sim=WINDOWS)
    assert whole.shape > (150, 300, 3)
    assert np.array_equal(decode(file.read_bytes()), whole)
    part = ["--region", "10,20,110,80", "--cursor"]
    assert main(["shot", "--window", "notes", *part, "-o", str(file), *sim(WINDOWS)]) == 0
    expected = rustcam.screenshot(window="notes", region=(10, 20, 110, 80), cursor=True, backend="sim", sim=WINDOWS)
    assert np.array_equal(decode(file.read_bytes()), expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--window", "browser"], 'no window has title "browser"'),
        (["--window", "/^notes/"], "no window has title matching"),
        (["--window", "o"], "2 windows have"),
        (["--window", "999999"], "999999"),
        (["--window", "0"], "handle"),
        (["--window", ""], "empty title"),
        (["--window", "notes", "--output", "1"], "exclude each other"),
        (["--window", "notes", "--region", "0,0,301,1"], "300"),
        (["--window-area", "whole"], "window"),
    ],
)
@pytest.mark.parametrize("command", [["shot"], ["record", "--seconds", "1"]])
def test_windows_that_the_engine_rejects(
    command: list[str], arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ("a.png" if command == ["shot"] else "a.y4m")
    assert main([*command, *arguments, "-o", str(file), *sim(WINDOWS)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rustcam: ")
    assert error.count("\n") == 1
    assert words in error
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shot", "--window", "/(/"], "is not a regular expression"),
        (["shot", "--window-area", "half"], "'client', 'whole'"),
        (["bench", "--window", "notes"], "unrecognized arguments"),
    ],
)
def test_usage_errors(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err.replace("client, whole", "'client', 'whole'")


# A second of virtual time.
LIVING = f'{STILL}; {NOTES} every 6; at 1s window "My notes" close'


@pytest.mark.parametrize("chosen", ["notes", "/notes$/", "handle"])
@pytest.mark.parametrize("later", ["", '; at 1s window "My notes" open', '; at 1500ms window "My notes" open'])
def test_a_recording_ends_when_its_window_is_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], chosen: str, later: str
) -> None:
    """Also if there is another one of that title then: that is not the one that was recorded."""
    script = LIVING + later
    if chosen == "handle":
        chosen = str(rustcam.list_windows("sim", sim=script)[0]["handle"])
    file = tmp_path / "a.y4m"
    assert main(["record", "--window", chosen, "--fps", "20", "-o", str(file), *sim(script)]) == 0
    _, images = y4m(file.read_bytes())
    assert 19 <= len(images) <= 21
    captured = capsys.readouterr()
    assert captured.out == ""
    found = re.fullmatch(rf"{re.escape(str(file))}: 0:0[01]\.\d, (\d+) frames: .* MB; (.+)\n", captured.err)
    assert found
    assert found.groups() == (str(len(images)), 'the window "My notes" was closed')


def test_a_window_that_is_closed_before_its_first_image_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = f'{STILL}; {NOTES} minimized; at 1s window "My notes" close'
    file = tmp_path / "a.y4m"
    assert main(["record", "--window", "notes", "-o", str(file), *sim(script)]) == 1
    assert capsys.readouterr().err.startswith('rustcam: the window "My notes" was closed')
    assert not file.exists()


@pytest.mark.parametrize("size", ["160x100", "400x300", "100x400"])
def test_a_window_of_another_size_is_cut_or_framed_in_black(tmp_path: Path, size: str) -> None:
    file = tmp_path / "a.y4m"
    script = f'{STILL}; {NOTES} static; at 1s window "My notes" resize {size}'
    arguments = ["--window", "notes", "--seconds", "2", "--fps", "10"]
    assert main(["record", *arguments, "-o", str(file), *sim(script)]) == 0
    _, images = y4m(file.read_bytes())
    assert len(images) == 20
    capturer = rustcam.Capturer(window="notes", cursor=False, backend="sim", sim=script)
    with capturer as notes, notes.frames(10, "rgb") as frames:
        last = [image for image, _ in islice(frames, 20)][-1]
    assert f"{last.shape[1]}x{last.shape[0]}" == size
    expected = np.zeros((150, 300, 3))
    height, width = min(150, last.shape[0]), min(300, last.shape[1])
    expected[:height, :width] = last[:height, :width]
    assert np.abs(rgb(images[19]) - expected).max() < 4


def test_a_minimised_window_repeats_its_last_image(tmp_path: Path) -> None:
    file = tmp_path / "a.y4m"
    script = f'{STILL}; {NOTES} every 6; at 500ms window "My notes" minimize; at 1500ms window "My notes" restore'
    arguments = ["--window", "notes", "--seconds", "2", "--fps", "10"]
    assert main(["record", *arguments, "-o", str(file), *sim(script)]) == 0
    _, images = y4m(file.read_bytes())
    assert len(images) == 20
    assert all(np.array_equal(image, images[7]) for image in images[8:14])
    assert not np.array_equal(images[19], images[7])


@pytest.mark.x11
@pytest.mark.parametrize("chosen", ["notes", "handle"])
def test_a_recording_of_a_real_window_ends_with_it(
    session_server: XServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    chosen: str,
) -> None:
    from test_window_picture import Windows

    monkeypatch.setenv("DISPLAY", session_server.display)
    windows = Windows(session_server.display)
    handle = windows.open(50, 60, np.full((100, 200, 3), 90, np.uint8), "My notes")
    file = tmp_path / "a.y4m"
    # The program ends, and its window with it.
    end = threading.Timer(0.7, windows.close)
    end.start()
    window = hex(handle) if chosen == "handle" else chosen
    assert main(["record", "--window", window, "--fps", "20", "-o", str(file)]) == 0
    end.join()
    assert capsys.readouterr().err.endswith('; the window "My notes" was closed\n')
    header, images = y4m(file.read_bytes())
    assert header.startswith("YUV4MPEG2 W200 H100 F20:1")
    assert 5 <= len(images) <= 20
    assert np.abs(rgb(images[-1]) - 90).max() < 4


def test_other_losses_are_failures() -> None:
    assert record.window_closed(rustcam.AccessLost('the window "a\nb" was closed')) == 'the window "a b" was closed'
    for message in ("the window is minimised", "the X server at :5 went away", 'the output "was closed" is gone'):
        assert record.window_closed(rustcam.AccessLost(message)) == ""


def test_a_title_is_compared_as_by_the_engine() -> None:
    assert names("ÄRGER", "mein ärger")
    assert not names("x", "")
    assert names(re.compile("^$"), "")
