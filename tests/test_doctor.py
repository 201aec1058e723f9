"""`rustcam doctor`: every state that a test can set up is reported, with advice."""

from __future__ import annotations

import json
import platform
import sys
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from desktops import STILL, WIDTH, XServer
from rustcam._types import AdapterInfo
from rustcam.cli import main
from rustcam.doctor import NOTE, OK, PROBLEM, Finding, Report, backends, examine, linux, windows


def messages(findings: Any, level: str) -> list[str]:
    return [finding.message for finding in findings if finding.level == level]


def sim(script: str) -> Report:
    return examine("sim", sim=script)


def test_a_working_desktop_has_no_problems() -> None:
    report = sim(STILL)
    assert report.healthy
    assert messages(report.findings, PROBLEM) == []
    about = {finding.about for finding in report.findings}
    assert {"python", "sim", "sim 0.0"} <= about
    (picture,) = [finding for finding in report.findings if "first_grab_ms" in finding.data]
    assert picture.data["first_grab_ms"] > 0
    assert report.facts["rustcam"] == rustcam.__version__
    assert report.facts["numpy"] == np.__version__


def test_every_output_is_captured() -> None:
    pictures = [finding.about for finding in sim(f"{STILL}; outputs 3").findings if "first_grab_ms" in finding.data]
    assert pictures == ["sim 0.0", "sim 0.1", "sim 0.2"]


def test_rotation_is_reported() -> None:
    assert any("rotated by 90 degrees" in message for message in messages(sim(f"{STILL}; rotation 90").findings, OK))


def test_a_refusal_has_its_code_and_advice() -> None:
    report = sim(f"{STILL}; refuse 0x80070005")
    (problem,) = [finding for finding in report.findings if finding.level == PROBLEM]
    assert not report.healthy
    assert "(0x80070005)" in problem.message
    assert problem.advice
    assert problem.data == {"exception": "DuplicationError", "hresult": "0x80070005"}


def test_a_lost_desktop_is_a_problem() -> None:
    (problem,) = messages(sim(f"{STILL}; at 0ms lose access for ever").findings, PROBLEM)
    assert "no image came" in problem


def test_a_lost_device_is_a_problem() -> None:
    (problem,) = [f for f in sim(f"{STILL}; at 0ms lose device for ever").findings if f.level == PROBLEM]
    assert problem.data["exception"] == "DeviceError"


def test_protected_content_is_a_note() -> None:
    script = "size 64x64; refresh 60; clock virtual; at 0ms protect on; at 0ms present"
    notes = messages(sim(script).findings, NOTE)
    assert any("protected" in note for note in notes)


@pytest.mark.parametrize(("level", "black"), [(0, True), (2, True), (3, False)])
def test_black_is_distinguished_from_dark(level: int, black: bool) -> None:
    image = np.zeros((4, 4, 4), np.uint8)
    image[:, :, 3] = 255
    image[2, 3, 1] = level
    assert backends.is_black(image) is black


def test_unknown_backends_and_wrong_scripts_raise_value_errors() -> None:
    with pytest.raises(ValueError, match="it has"):
        examine("gdi")
    with pytest.raises(ValueError, match="sighs"):
        sim("sighs")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, ["DISPLAY is not set"]),
        ({"DISPLAY": ""}, ["DISPLAY is not set"]),
        ({"DISPLAY": ":0"}, []),
        ({"DISPLAY": "unix:0"}, []),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, ["Wayland"]),
        ({"DISPLAY": ":0", "XDG_SESSION_TYPE": "wayland"}, ["Wayland"]),
        ({"DISPLAY": ":0", "XDG_SESSION_TYPE": "x11"}, []),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["Wayland", "DISPLAY is not set"]),
        ({"DISPLAY": "localhost:10.0"}, ["over the network"]),
        ({"DISPLAY": "10.1.2.3:0"}, ["over the network"]),
    ],
)
def test_linux_sessions_are_examined(environment: dict[str, str], words: list[str]) -> None:
    findings = list(linux.examine(environment))
    assert len(findings) == len(words)
    for finding, word in zip(findings, words):
        assert word in finding.message
        assert finding.advice


def adapter(index: int, name: str, *outputs: Any, software: bool = False) -> AdapterInfo:
    return {"index": index, "name": name, "software": software, "memory": 128 << 20, "outputs": list(outputs)}


LAPTOP = [adapter(0, "Integrated", "SDR"), adapter(1, "Basic", software=True)]
DISCRETE = adapter(2, "Discrete")


def module_file_name(_: Any, text: Any, length: int) -> int:
    text.value = REALLY_RUNS
    return min(len(text.value), length)


REALLY_RUNS = r"C:\Program Files\Python\python.exe"


def test_advice_names_the_program_that_runs_and_not_the_one_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", r"C:\project\.venv\Scripts\python.exe")
    windows_where(monkeypatch, kernel32=Library(GetModuleFileNameW=module_file_name))
    asked: list[str] = []

    def preference(program: str) -> str:
        asked.append(program)
        return "2"

    monkeypatch.setattr(windows, "preference", preference)
    (finding,) = windows.graphics_preference()
    assert asked == [REALLY_RUNS]
    assert REALLY_RUNS in finding.message
    assert REALLY_RUNS in finding.advice
    (note,) = [finding for finding in backends.adapters("dxgi", [*LAPTOP, DISCRETE]) if finding.level == NOTE]
    assert REALLY_RUNS in note.advice
    # Where the system does not tell, Python knows which program it is.
    windows_where(monkeypatch, kernel32=Library(GetModuleFileNameW=lambda *_: 0))
    monkeypatch.setattr(sys, "_base_executable", r"D:\base\python.exe", raising=False)
    assert windows.running_program() == r"D:\base\python.exe"


def test_two_graphics_adapters_come_with_advice() -> None:
    assert messages(backends.adapters("dxgi", LAPTOP), NOTE) == []
    (note,) = [finding for finding in backends.adapters("dxgi", [*LAPTOP, DISCRETE]) if finding.level == NOTE]
    assert "2 graphics adapters" in note.message
    assert "Settings" in note.advice


def test_high_dynamic_range_comes_with_advice() -> None:
    assert list(backends.dynamic_ranges("dxgi", LAPTOP)) == []
    (note,) = backends.dynamic_ranges("dxgi", [adapter(0, "Integrated", "SDR", "HDR")])
    assert "output 0.1" in note.message
    assert note.advice


def test_the_command_prints_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--backend", "sim", "--sim", STILL]) == 0
    out = capsys.readouterr().out
    assert "a test screenshot took" in out
    assert out.endswith("\neverything works\n")
    assert main(["doctor", "--backend", "sim", "--sim", f"{STILL}; refuse 0x887A0004"]) == 1
    out = capsys.readouterr().out
    assert "PROBLEM  sim 0.0" in out
    assert "-> " in out
    assert out.endswith("\n1 problem\n")
    assert max(len(line) for line in out.splitlines()) <= 100


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--backend", "sim", "--sim", STILL]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["healthy"] is True
    assert report["rustcam"] == rustcam.__version__
    assert [set(finding) for finding in report["findings"]] == [{"about", "level", "message", "advice", "data"}] * len(
        report["findings"]
    )


def test_a_finding_is_immutable() -> None:
    with pytest.raises(AttributeError):
        Finding("a", OK, "b").level = NOTE  # type: ignore[misc]


@pytest.mark.linux
def test_without_a_display(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "DISPLAY is not set" in out
    assert "Xvfb" in out
    assert "sim 0.0" in out


@pytest.mark.x11
def test_a_real_screen(painter: Any) -> None:
    painter.fill((0, 0, WIDTH, 200), 0x3366CC)
    report = examine("x11")
    assert report.healthy
    assert messages(report.findings, NOTE) == []
    (server,) = [finding for finding in report.findings if "vendor" in finding.data]
    assert server.data["composited"] is False


@pytest.mark.x11
def test_a_black_screen(painter: Any) -> None:
    painter.fill((0, 0, WIDTH, 400), 0)
    assert "the screenshot is all black" in messages(examine("x11").findings, NOTE)


@pytest.mark.x11
def test_a_frozen_server(server: XServer) -> None:
    server.freeze()
    (problem,) = [finding for finding in examine("x11").findings if finding.level == PROBLEM]
    assert "does not answer" in problem.message
    assert problem.advice


@pytest.mark.x11
def test_a_server_without_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    server = XServer(options=["-extension", "MIT-SHM"])
    try:
        monkeypatch.setenv("DISPLAY", server.display)
        report = examine("x11")
    finally:
        server.stop()
    assert report.healthy
    assert any("MIT-SHM" in note for note in messages(report.findings, NOTE))


class Library:
    """A DLL with the given functions."""

    def __init__(self, **functions: Any) -> None:
        vars(self).update(functions)


class Function:
    """A function of a DLL. Accepts attributes such as `restype`, as those of ctypes do, and ignores them."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)


def windows_where(monkeypatch: pytest.MonkeyPatch, **libraries: Library) -> None:
    monkeypatch.setattr(windows, "_dll", lambda name: libraries.get(name, Library()))


def fill(value: int) -> Callable[..., int]:
    """A function that writes `value` through its last argument, a pointer."""

    def write(*arguments: Any) -> int:
        arguments[-1]._obj.value = value
        return 1

    return write


@pytest.mark.parametrize(("remote", "findings"), [(0, 0), (1, 1)])
def test_remote_sessions(monkeypatch: pytest.MonkeyPatch, remote: int, findings: int) -> None:
    windows_where(monkeypatch, user32=Library(GetSystemMetrics=lambda metric: remote if metric == 0x1000 else 0))
    assert len(messages(windows.remote_session(), NOTE)) == findings


@pytest.mark.parametrize(("number", "problems"), [(0, 1), (1, 0)])
def test_sessions_of_services(monkeypatch: pytest.MonkeyPatch, number: int, problems: int) -> None:
    kernel = Library(GetCurrentProcessId=lambda: 7, ProcessIdToSessionId=fill(number))
    windows_where(monkeypatch, kernel32=kernel)
    assert len(messages(windows.session_of_services(), PROBLEM)) == problems


@pytest.mark.parametrize(
    ("desktop", "words"), [("Default", None), ("Winlogon", "'Winlogon' is shown"), (None, "has no access")]
)
def test_secure_desktop(monkeypatch: pytest.MonkeyPatch, desktop: str | None, words: str | None) -> None:
    def name(handle: int, index: int, text: Any, size: int, needed: Any) -> int:
        text.value = desktop
        return 1

    user = Library(
        OpenInputDesktop=Function(lambda *_: 0x123456789 if desktop else None),
        CloseDesktop=Function(lambda handle: 1),
        GetUserObjectInformationW=Function(name),
    )
    windows_where(monkeypatch, user32=user)
    problems = messages(windows.secure_desktop(), PROBLEM)
    assert len(problems) == (words is not None)
    assert all(words in problem for problem in problems if words)


@pytest.mark.parametrize(("awareness", "findings"), [(0, 1), (1, 1), (2, 0)])
def test_dpi_awareness(monkeypatch: pytest.MonkeyPatch, awareness: int, findings: int) -> None:
    windows_where(monkeypatch, shcore=Library(GetProcessDpiAwareness=fill(awareness)))
    assert len(list(windows.dpi())) == findings


@pytest.mark.parametrize(("release", "problems"), [("6.1.7601", 1), ("6.3.9600", 1), ("10.0.26100", 0), ("?", 0)])
def test_versions_of_windows(monkeypatch: pytest.MonkeyPatch, release: str, problems: int) -> None:
    monkeypatch.setattr(platform, "version", lambda: release)
    assert len(messages(windows.version(), PROBLEM)) == problems


if sys.platform == "win32":

    def test_every_check_runs_on_windows() -> None:
        for finding in windows.examine():
            assert finding.message
            assert finding.level == OK or finding.advice

    def test_no_preference_for_a_program_that_does_not_exist() -> None:
        assert windows.preference(r"C:\no\such\program.exe") is None
