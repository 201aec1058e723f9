"""`rustcam doctor` about windows, and about outputs that Windows.Graphics.Capture captures instead of duplication."""

from __future__ import annotations

import json
import platform
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from desktops import STILL, XServer
from rustcam._types import OutputInfo
from rustcam.doctor import NOTE, OK, PROBLEM, backends, examine, windows


@pytest.mark.parametrize(
    ("release", "level", "words"),
    [
        ("10.0.17763", NOTE, ["cannot capture windows", "18362"]),
        ("10.0.18362", NOTE, ["pointer is always", "19041", "border", "20348", "rate", "26100"]),
        ("10.0.19045", NOTE, ["border", "rate"]),
        ("10.0.22631", NOTE, ["rate"]),
        ("10.0.26100", OK, ["captures windows"]),
    ],
)
def test_a_build_of_windows_is_told_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, release: str, level: str, words: list[str]
) -> None:
    monkeypatch.setattr(platform, "version", lambda: release)
    (finding,) = windows.window_capture()
    assert finding.level == level
    assert bool(finding.advice) is (level == NOTE)
    assert all(word in finding.message for word in words)
    absent = {"pointer", "border", "rate"} - {word for text in words for word in text.split()}
    assert not any(word in finding.message for word in absent)
    assert finding.data.get("build", 17763) == int(release.rpartition(".")[2])


@pytest.mark.parametrize("release", ["10.0", "?", "10.0.new"])
def test_a_build_of_windows_that_is_not_a_number_is_not_judged(monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    monkeypatch.setattr(platform, "version", lambda: release)
    assert list(windows.window_capture()) == []


OUTPUT: OutputInfo = {
    "device_idx": 0,
    "output_idx": 1,
    "name": "Adapter",
    "output_name": r"\\.\DISPLAY2",
    "id": "monitor",
    "width": 64,
    "height": 48,
    "rotation": 0,
    "is_primary": False,
    "left": 0,
    "top": 0,
    "refresh_hz": 60.0,
    "hdr": False,
    "bits": 8,
    "backend": "dxgi",
}
REFUSED = rustcam.DuplicationError("the desktop cannot be duplicated", hresult=0x887A0004, hint="Choose Power saving")


class Refused:
    """A capturer of an output that duplication refuses, and that `backend="auto"` captures as `instead` says."""

    def __init__(self, instead: Any) -> None:
        self._instead = instead

    def __call__(self, output: Any, *, cursor: bool, device: int, backend: str = "auto", sim: Any = None) -> Any:
        assert (output, cursor, device) == (1, False, 0)
        if backend == "dxgi" or isinstance(self._instead, Exception):
            raise REFUSED if backend == "dxgi" else self._instead
        return self

    def __enter__(self) -> Refused:
        return self

    def __exit__(self, *_: object) -> None: ...

    def grab(self, timeout_ms: int) -> Any:
        return self._instead

    backend = "wgc"
    stats: Any = type("Stats", (), {"fallback": "wgc, because duplication is unsupported"})()


def test_an_output_that_another_backend_captures_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "Capturer", Refused(np.zeros((48, 64, 4), np.uint8)))
    (note,) = backends.pictured(OUTPUT, None)
    assert (note.level, note.about, note.advice) == (NOTE, "dxgi 0.1", "Choose Power saving")
    assert "(0x887A0004)" in note.message
    assert "by wgc instead: wgc, because duplication is unsupported" in note.message


@pytest.mark.parametrize("instead", [None, rustcam.DuplicationError("refused, too")])
def test_an_output_that_nothing_captures_is_a_problem(monkeypatch: pytest.MonkeyPatch, instead: Any) -> None:
    monkeypatch.setattr(backends, "Capturer", Refused(instead))
    (problem,) = backends.pictured(OUTPUT, None)
    assert (problem.level, problem.message) == (PROBLEM, "the desktop cannot be duplicated (0x887A0004)")


SECRET = {"handle": 7, "title": "My secret diary", "minimized": False}
HIDDEN = {"handle": 8, "title": "Another secret", "minimized": True}


def raising(error: Exception) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        raise error

    return call


@pytest.mark.parametrize(
    ("listed", "opened", "levels"),
    [
        ([SECRET, HIDDEN], rustcam.AccessLost('the window "My secret diary" was closed'), [OK, NOTE]),
        ([HIDDEN, SECRET], rustcam.DuplicationError("no Composite", hint="Start the server with it"), [OK, NOTE]),
        ([SECRET], ValueError("no window has handle 7; there is My secret diary"), [OK]),
        ([HIDDEN], AssertionError("not opened"), [OK]),
        ([], AssertionError("not opened"), [OK]),
    ],
)
def test_windows_are_counted_but_not_named(
    monkeypatch: pytest.MonkeyPatch, listed: Any, opened: Exception, levels: list[str]
) -> None:
    monkeypatch.setattr(backends, "list_windows", lambda backend, sim: listed)
    monkeypatch.setattr(backends, "Capturer", raising(opened))
    findings = list(backends.windows("x11", None, xwayland=False))
    assert [finding.level for finding in findings] == levels
    assert f"{len(listed)} window" in findings[0].message
    assert findings[0].data["minimized"] == listed.count(HIDDEN)
    assert "secret" not in json.dumps([vars(finding) for finding in findings])


NOTES = 'window "My notes" at 100,50 size 300x150'


@pytest.mark.parametrize(
    ("windows", "words", "grabbed"),
    [
        (NOTES, "1 window can be captured; the top-most one took ", True),
        (f'{NOTES} minimized; window "Other"', "2 windows can be captured; the top-most one took ", True),
        (f"{NOTES} minimized", "1 window can be captured", False),
        ("", "0 windows can be captured", False),
    ],
)
def test_the_top_most_window_is_captured(windows: str, words: str, grabbed: bool) -> None:
    findings = [
        finding for finding in examine("sim", sim=f"{STILL}; {windows}").findings if finding.about == "sim windows"
    ]
    (finding,) = findings
    assert finding.level == OK
    assert finding.message.startswith(words)
    assert ("first_grab_ms" in finding.data) is grabbed


def test_a_window_without_an_image_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = rustcam.list_windows("sim", sim=f"{STILL}; {NOTES}")
    monkeypatch.setattr(backends, "list_windows", lambda backend, sim: listed)
    (finding,) = backends.windows("sim", f"{STILL}; {NOTES} minimized", xwayland=False)
    assert finding.level == NOTE
    assert finding.message == "1 window can be captured, but no image of the top-most one came within 2 s"
    assert "Restore" in finding.advice


def test_a_backend_without_windows_is_no_finding_and_one_that_fails_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "list_windows", raising(ValueError("captures outputs only")))
    assert list(backends.windows("dxgi", None, xwayland=False)) == []
    monkeypatch.setattr(backends, "list_windows", raising(rustcam.DuplicationError("too old", hint="Update it")))
    (note,) = backends.windows("wgc", None, xwayland=False)
    assert (note.level, note.message, note.advice) == (NOTE, "too old", "Update it")


def test_under_xwayland_only_windows_of_x_programs_are_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "list_windows", lambda backend, sim: [])
    (finding,) = backends.windows("x11", None, xwayland=True)
    assert "those of X programs only" in finding.message


@pytest.mark.x11
@pytest.mark.parametrize("extension", ["DPMS", "Composite"])
def test_a_window_is_captured_if_the_server_has_composite(monkeypatch: pytest.MonkeyPatch, extension: str) -> None:
    from test_window_picture import Windows

    server = XServer(options=["-extension", extension])
    monkeypatch.setenv("DISPLAY", server.display)
    windows = Windows(server.display)
    try:
        windows.open(10, 20, np.full((40, 60, 3), 200, np.uint8), "Secret")
        report = examine("x11")
    finally:
        windows.close()
        server.stop()
    assert report.healthy
    found = [finding for finding in report.findings if finding.about == "x11 windows"]
    assert "Secret" not in json.dumps(report.to_json())
    if extension == "Composite":
        (note,) = [finding for finding in found if finding.level == NOTE]
        assert "Composite" in note.message + note.advice
    else:
        (finding,) = found
        assert finding.message.startswith("1 window can be captured; the top-most one took ")
