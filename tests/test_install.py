"""Wheel and source distribution in a fresh environment: they import, capture, record, and uninstall completely."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from desktops import XServer

ROOT = Path(__file__).parent.parent

# Building takes minutes, and numpy comes from the network.
pytestmark = [pytest.mark.install, pytest.mark.timeout(900)]


def run(*command: str | Path, display: str | None = None) -> str:
    env = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "PYTHONPATH")}
    # Every build unpacks into a new folder; with one target folder the dependencies are compiled once.
    env["CARGO_TARGET_DIR"] = str(ROOT / "target" / "sdist")
    if display:
        env["DISPLAY"] = display
    done = subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh virtual environment into which the file was installed."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "wheel":
        (file,) = (ROOT / "build" / "wheels").glob("rustcam-*.whl")
    else:
        run(sys.executable, "-m", "maturin", "sdist", "--out", folder)
        (file,) = folder.glob("rustcam-*.tar.gz")
    run(sys.executable, "-m", "venv", folder / "venv")
    scripts = folder / "venv" / "bin"
    run(scripts / "python", "-m", "pip", "install", "--quiet", file)
    return scripts


def test_only_numpy_is_installed_with_it(environment: Path) -> None:
    listed = json.loads(run(environment / "python", "-m", "pip", "list", "--format=json"))
    names = {package["name"].lower() for package in listed} - {"pip", "setuptools", "wheel"}
    assert names == {"rustcam", "numpy"}


def test_the_commands_work(environment: Path, tmp_path: Path) -> None:
    server = XServer()
    try:
        assert "a test screenshot took" in run(
            environment / "rustcam", "doctor", "--backend", "x11", display=server.display
        )
        assert "640x360" in run(environment / "rustcam", "list", display=server.display)
        run(environment / "rustcam", "shot", "-o", tmp_path / "a.png", display=server.display)
        record = ["record", "-o", tmp_path / "a.y4m", "--seconds", "0.5", "--fps", "20"]
        run(environment / "rustcam", *record, display=server.display)
    finally:
        server.stop()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.y4m").read_bytes().count(b"FRAME\n") >= 10


def test_uninstalling_removes_everything(environment: Path) -> None:
    python = environment / "python"
    place = Path(run(python, "-c", "import rustcam; print(rustcam.__path__[0])").strip())
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "rustcam")
    shutil.rmtree(place / "__pycache__", ignore_errors=True)
    assert not place.exists()
    assert not (environment / "rustcam").exists()
