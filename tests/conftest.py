"""Fixtures: an X server for the whole session, a fresh one for a test that damages it, and the desktop under test."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from typing import Any, Callable, TypeVar, Union

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from desktops import DxgiDesktop, Painter, SimDesktop, X11Desktop, XServer, missing_x_tools
from lab import Lab, available

Desktop = Union[SimDesktop, X11Desktop, DxgiDesktop]

_Channel = TypeVar("_Channel", bound=np.generic)

# Modules that cannot be imported on this platform: those of the lab, and those of an X server.
collect_ignore_glob = [] if available() else ["test_dxgi*.py", "test_gpu.py"]
collect_ignore_glob += [] if sys.platform == "linux" else ["test_x11*.py"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--share", metavar="K/N", help="run only the K-th of N shares of the tests, counted from 1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--share"):
        return
    share, shares = map(int, config.getoption("--share").split("/"))
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        # By name, so that a test stays in its share when others come or go.
        is_ours = zlib.crc32(item.nodeid.encode()) % shares == share - 1
        (chosen if is_ours else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = chosen


def backends() -> list[Any]:
    """The backends that can be tested on this platform."""
    names = ["sim"]
    if sys.platform == "linux":
        names.append("x11")
    elif available():
        names.append("dxgi")
    return [pytest.param(name, marks=getattr(pytest.mark, name)) for name in names]


@pytest.fixture(scope="session")
def session_server() -> Iterator[XServer]:
    if missing_x_tools():
        pytest.skip(f"no {', '.join(missing_x_tools())}")
    server = XServer()
    yield server
    server.stop()


@pytest.fixture
def painter(session_server: XServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Painter]:
    """A painter on the shared server; `DISPLAY` points to it."""
    monkeypatch.setenv("DISPLAY", session_server.display)
    painter = Painter(session_server.display)
    yield painter
    painter.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[XServer]:
    """A server for one test that may kill, freeze or resize it; `DISPLAY` points to it."""
    if missing_x_tools():
        pytest.skip(f"no {', '.join(missing_x_tools())}")
    server = XServer()
    monkeypatch.setenv("DISPLAY", server.display)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def session_lab() -> Lab:
    return Lab()


@pytest.fixture
def lab(session_lab: Lab) -> Iterator[Lab]:
    """The lab for one test. Fails if the capturer broke a rule of Desktop Duplication."""
    yield session_lab
    broken = session_lab.broken_rules() if session_lab.script else {}
    session_lab.stop()
    assert broken == {}


@pytest.fixture(params=backends())
def desktop(request: pytest.FixtureRequest) -> Iterator[Desktop]:
    """Runs a test on every backend."""
    if request.param == "sim":
        yield SimDesktop()
    elif request.param == "x11":
        yield X11Desktop(request.getfixturevalue("painter"))
    else:
        desktop = DxgiDesktop(request.getfixturevalue("session_lab"))
        yield desktop
        desktop.close()


@pytest.fixture(params=[backend for backend in backends() if backend.values != ("x11",)])
def scripted(request: pytest.FixtureRequest) -> Iterator[Union[SimDesktop, DxgiDesktop]]:
    """Runs a test on every backend that plays scripts."""
    if request.param == "sim":
        yield SimDesktop()
    else:
        desktop = DxgiDesktop(request.getfixturevalue("session_lab"))
        yield desktop
        desktop.close()


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a new interpreter: `python(source, *arguments, **environment)`. `None` unsets a variable."""

    def run(source: str, *arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
        changed = {**os.environ, **environment}
        env = {name: value for name, value in changed.items() if value is not None}
        command = [sys.executable, "-W", "error", "-c", source, *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=25, check=False)

    return run


def must(frame: npt.NDArray[_Channel] | None) -> npt.NDArray[_Channel]:
    """Asserts that there is a frame, and returns it."""
    assert frame is not None
    return frame


def sim(script: str, **options: object) -> rustcam.Capturer:
    return rustcam.Capturer(backend="sim", sim=script, **options)  # type: ignore[arg-type]
