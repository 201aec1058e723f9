"""The lanes that Wine runs: the engine's own tests, the pytest suite in Windows CPython, other packages in the lab."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from lanes import ROOT, Result, report_of

from .pythons import PEERS, TESTED, WINRT4, WindowsPython, provide, provide_wheel
from .session import TARGET, TOOLS, Session, missing_tools

TEST_LIMIT = 900  # seconds for one test program or one script
LANE_LIMIT = 1800  # seconds for cargo, or one run of pytest
WORLDS_LIMIT = 7200  # seconds for as many random worlds as one wishes

RUNNER = f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}_RUNNER"
CARGO = {
    RUNNER: f"timeout --kill-after=10 {TEST_LIMIT} wine",
    # The lab draws every frame on the processor; without optimisation it falls behind its own clock.
    "CARGO_PROFILE_DEV_OPT_LEVEL": "1",
    "CARGO_PROFILE_TEST_OPT_LEVEL": "1",
    # Worlds of the simulated desktop: the lane `rust` plays ten times as many.
    "RUSTCAM_WORLDS": "1000",
}

# Left out in Windows CPython because they are about something else.
MARKERS = "not x11 and not linux and not wheels and not torch and not install"

ENGINE = ROOT / "crates" / "rustcam"
LAB = ROOT / "crates" / "dda-lab"
DEVICE = ["dxgi", "remains", "wgc", "worlds"]  # test programs of the engine that draw, as all of the lab do
SHARES = 5  # of the pytest suite, of which each Python but the oldest runs another one
PACKAGES = ["dxcam", "bettercam", "rustcam"]
# Packages and ways of Windows.Graphics.Capture, each in one system.
CAPTURES = [
    (PEERS, "windows-capture", ""),
    (PEERS, "windows-capture-window", ""),
    (PEERS, "windows-capture-title", ""),
    (PEERS, "dxcam-winrt", ""),
    (PEERS, "dxcam-winrt", "lab wgc build 19041"),
    (WINRT4, "dxcam-winrt", ""),
    (PEERS, "wgc-python", ""),
    (PEERS, "wgc-python-client", ""),
]
CAPTURED = "size 640x480; refresh 60; at 0ms pointer hide"
DESKTOPS = ["size 640x480; refresh 60; pointer path", "size 1920x1080; refresh 60"]


def missing(purpose: str = "wine") -> str:
    """What keeps a lane from running, and what to do about it; nothing if it can run."""
    tools = [tool for tool in missing_tools() if purpose == "wine" or tool.endswith("gcc")]
    if not tools:
        return ""
    packages = " ".join(sorted({TOOLS[tool] for tool in tools}))
    return f"no {', '.join(tools)}; sudo apt-get install {packages}"


def build_wheels() -> int:
    """The exit status of `make wheels`."""
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", "--silent", "wheels"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def windows_path(path: Path) -> str:
    return f"Z:{path}".replace("/", "\\")


def rust() -> list[Result]:
    """The tests of the engine and of the lab, compiled for Windows: those that need no device beside the others."""
    if missing():
        return [Result("wine-rust", left_out=missing())]
    # Always both packages: the features of their dependencies are chosen for what is built together.
    cargo = ["cargo", "test", "--target", TARGET, "--no-fail-fast", "--package=dda-lab", "--package=rustcam"]
    plain = [f"--test={name}" for name in programs(ENGINE) if name not in DEVICE]
    drawing = [f"--test={name}" for name in [*DEVICE, *programs(LAB)]]
    result = Result("wine-rust")
    with Session() as wine, ThreadPoolExecutor() as pool:
        wine.must([*cargo, "--no-run", "--quiet"], limit=LANE_LIMIT, variables=CARGO)
        beside = [pool.submit(quietly, wine, [*cargo, "--lib", *plain], LANE_LIMIT, CARGO)]
        for what in (drawing, ["--doc"]):
            result.status |= wine.run([*cargo, *what], limit=LANE_LIMIT, line=result.read_cargo, variables=CARGO)
        result.read_programs(beside)
    return [result]


def programs(crate: Path) -> list[str]:
    """The names of its test programs."""
    found = (crate / "tests").iterdir()
    return sorted(path.stem for path in found if path.is_file() or (path / "main.rs").exists())


def worlds() -> list[Result]:
    """Random worlds through the lab, as many as RUSTCAM_LAB_WORLDS says or 10000, by one program per processor."""
    if missing():
        return [Result("wine-worlds", left_out=missing())]
    processes = os.cpu_count() or 1
    count = -(-int(os.environ.get("RUSTCAM_LAB_WORLDS", "10000")) // processes)
    variables = {
        **CARGO,
        RUNNER: f"timeout --kill-after=10 {WORLDS_LIMIT} wine",
        "RUSTCAM_LAB_WORLDS": str(count),
        # Without Wine's own thread for Direct3D, which never sleeps. Programs that draw in several threads would hang.
        "WINE_D3D_CONFIG": "csmt=0",
    }
    command = ["cargo", "test", "--target", TARGET, "--package=rustcam", "--test=worlds", "--", "lab::"]
    result = Result("wine-worlds")
    with Session() as wine, ThreadPoolExecutor() as pool:
        wine.must([*command[:-2], "--no-run", "--quiet"], limit=LANE_LIMIT, variables=CARGO)
        result.read_programs([pool.submit(quietly, wine, command, WORLDS_LIMIT, variables) for _ in range(processes)])
    return [result]


def quietly(wine: Session, command: list[str], limit: float, variables: Mapping[str, str]) -> tuple[int, list[str]]:
    """The exit status and the output of a command."""
    lines: list[str] = []
    status = wine.run(command, limit=limit, line=lines.append, variables=variables)
    return status, lines


def windows(whole: bool = False) -> list[Result]:
    """The pytest suite in Windows CPython, with the wheel that users install.

    All of it in the oldest, and a share in each of the others, as one run takes minutes. `whole`: all of it in each.
    """
    if missing():
        return [Result("windows", left_out=missing())]
    if status := build_wheels():
        return [Result("windows", status=status)]
    (wheel,) = (ROOT / "dist").glob("rustcam-*-win_amd64.whl")
    with Session() as wine:
        variables = {"RUSTCAM_LAB_DLL": build_lab(wine)}
        shares = [""] + ["" if whole else f"{n}/{SHARES}" for n in range(1, len(TESTED))]
        return [suite(wine, python, wheel, share, variables) for python, share in zip(TESTED, shares)]


def suite(wine: Session, python: WindowsPython, wheel: Path, share: str, variables: dict[str, str]) -> Result:
    start = time.monotonic()
    provide(python)
    provide_wheel(python, wheel)
    result = Result(f"windows-{python.version}")
    report = report_of(result.lane)
    # A limit by signal does not exist there, and making a device takes Wine a fifth of a second.
    limits = ["--timeout-method=thread", "--timeout=120"]
    options = ["-q", "-p", "no:cacheprovider", *limits, "-m", MARKERS, *([f"--share={share}"] if share else [])]
    pytest = ["-m", "pytest", *options, f"--junitxml={windows_path(report)}"]
    result.status = wine.run(["wine", python.exe, *pytest], limit=LANE_LIMIT, variables=variables)
    result.read_report(report)
    result.seconds = time.monotonic() - start
    return result


def peers() -> list[Result]:
    """Other capture packages, as published, must capture exact pixels through the lab."""
    if missing():
        return [Result("peers", left_out=missing())]
    result = Result("peers")
    with Session() as wine:
        provide(PEERS)
        provide(WINRT4)
        lab = build_lab(wine)
        runs = [(PEERS, "capture.py", package, script) for package, script in product(PACKAGES, DESKTOPS)]
        runs += [(python, "graphics_capture.py", package, f"{CAPTURED}; {more}") for python, package, more in CAPTURES]
        for python, program, package, script in runs:
            print(f"{package}: {script}", flush=True)
            capture: list[str] = [str(python.exe), windows_path(LAB / "peers" / program), package, lab, script]
            if wine.run(["wine", *capture], limit=TEST_LIMIT):
                result.failed += 1
            else:
                result.passed += 1
    return [result]


def build_lab(wine: Session) -> str:
    """The DLL's name for Windows."""
    command = ["cargo", "build", "--quiet", "--release", "--target", TARGET, "--package", "dda-lab"]
    wine.must(command, limit=LANE_LIMIT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return windows_path(target / TARGET / "release" / "dda_lab.dll")
