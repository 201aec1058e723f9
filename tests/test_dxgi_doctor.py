"""`rustcam doctor` on the lab's Desktop Duplication: what it reports when Windows refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import rustcam
from desktops import STILL
from lab import Lab
from rustcam._rustcam import _adapters
from rustcam.doctor import NOTE, PROBLEM, Finding, examine

pytestmark = pytest.mark.dxgi


@pytest.fixture
def lab(session_lab: Lab) -> Iterator[Lab]:
    yield session_lab
    session_lab.stop()


def findings(about: str, level: str) -> list[Finding]:
    return [f for f in examine("dxgi").findings if f.level == level and f.about.startswith(about)]


def test_a_working_desktop_has_no_problems(lab: Lab) -> None:
    lab.start(STILL)
    assert findings("dxgi", PROBLEM) == []
    assert lab.broken_rules() == {}


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        ("lab wgc off; lab others 4", "0x887A0022", "four processes"),
        ("lab wgc off; refuse 0x887A0004", "0x887A0004", "Graphics"),
        ("refuse 0x80070005", "0x80070005", "unlock"),
        ("refuse 0x887A0028", "0x887A0028", "Reconnect"),
    ],
)
def test_refusals_come_with_their_advice(lab: Lab, statement: str, code: str, words: str) -> None:
    lab.start(f"{STILL}; {statement}")
    (problem,) = findings("dxgi", PROBLEM)
    assert problem.data["hresult"] == code
    assert words in problem.advice


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [("lab others 4", "0x887A0022", "four processes"), ("refuse 0x887A0004", "0x887A0004", "Graphics")],
)
def test_an_output_that_windows_graphics_capture_captures_instead_is_a_note(
    lab: Lab, statement: str, code: str, words: str
) -> None:
    lab.start(f"{STILL}; {statement}")
    assert findings("dxgi", PROBLEM) == []
    (note,) = [finding for finding in findings("dxgi", NOTE) if finding.data.get("hresult") == code]
    with rustcam.Capturer(cursor=False) as screen:
        assert screen.backend == "wgc"
        assert f'backend="auto" captures this output by wgc instead: {screen.stats.fallback}' in note.message
    assert words in note.advice


def test_windows_graphics_capture_is_examined_beside_duplication(lab: Lab) -> None:
    lab.start(STILL)
    report = examine()
    assert [
        finding for finding in report.findings if finding.about.startswith("wgc") and finding.level == PROBLEM
    ] == []
    shown = [finding.about for finding in report.findings if "first_grab_ms" in finding.data]
    assert {"dxgi 0.0", "wgc 0.0"} <= set(shown)
    (windows,) = [finding for finding in report.findings if finding.about == "wgc windows"]
    assert "can be captured" in windows.message
    (build,) = [finding for finding in report.findings if "build" in finding.data]
    assert build.about == "wgc"
    # Those of the adapters are reported once.
    assert len([finding for finding in report.findings if "adapter 0: " in finding.message]) == 1


def test_a_system_without_windows_graphics_capture_has_no_problem(lab: Lab) -> None:
    lab.start(f"{STILL}; lab wgc off")
    report = examine()
    assert [
        finding for finding in report.findings if finding.about.startswith("dxgi") and finding.level == PROBLEM
    ] == []
    notes = [finding for finding in report.findings if finding.about.startswith("wgc") and finding.level == NOTE]
    assert any("Windows.Graphics.Capture needs Windows 10" in note.advice for note in notes)
    assert not any(finding.about.startswith("wgc") and finding.level == PROBLEM for finding in report.findings)
    assert any(finding.about.startswith("wgc") and finding.level == PROBLEM for finding in examine("wgc").findings)


def test_device_info_shows_the_memory_of_the_adapter(lab: Lab) -> None:
    lab.start(STILL)
    memory = _adapters("dxgi")[0]["memory"]
    line = rustcam.device_info("dxgi").splitlines()[0]
    assert f" VRAM:{memory >> 20}MB " in line
    assert "VRAM:0MB" not in line


def test_a_second_adapter(lab: Lab) -> None:
    lab.start(f"{STILL}; lab adapters 2")
    assert any("2 graphics adapters" in note.message for note in findings("dxgi", NOTE))


def test_a_lost_desktop_is_a_problem(lab: Lab) -> None:
    lab.start("size 64x64; refresh 60; static; at 0ms lose access for ever")
    (problem,) = findings("dxgi", PROBLEM)
    assert problem.advice
