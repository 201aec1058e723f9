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
        ("lab others 4", "0x887A0022", "four processes"),
        ("refuse 0x887A0004", "0x887A0004", "Graphics"),
        ("refuse 0x80070005", "0x80070005", "unlock"),
        ("refuse 0x887A0028", "0x887A0028", "Reconnect"),
    ],
)
def test_refusals_come_with_their_advice(lab: Lab, statement: str, code: str, words: str) -> None:
    lab.start(f"{STILL}; {statement}")
    (problem,) = findings("dxgi", PROBLEM)
    assert problem.data["hresult"] == code
    assert words in problem.advice


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
