"""Everything that can be checked without running the program. Runs all steps, then lists those that failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"
WINDOWS = "x86_64-pc-windows-gnu"
CLIPPY = ["cargo", "clippy", "--all-targets", "--quiet"]
DENY = ["--", "-D", "warnings"]
PYTHON = [sys.executable, "-m"]

STEPS = {
    "Rust formatting": ["cargo", "fmt", "--all", "--check"],
    "Rust lints": [*CLIPPY, "--workspace", *DENY],
    "Rust lints for Windows": [*CLIPPY, "--package", "rustcam", "--target", WINDOWS, *DENY],
    "architecture": [sys.executable, "scripts/arrows.py"],
    "Python lints": [*PYTHON, "ruff", "check", "."],
    "Python formatting": [*PYTHON, "ruff", "format", "--check", "."],
    "Python types": [*PYTHON, "mypy"],
    "stub": [*PYTHON, "mypy.stubtest", "rustcam", "--allowlist", "scripts/stubtest.allow"],
}


def run(command: list[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def has_windows_target() -> bool:
    try:
        return run(["rustup", "target", "add", WINDOWS])
    except FileNotFoundError:
        return False


def main() -> int:
    failed, left_out = [], []
    for name, command in STEPS.items():
        print(f"--- {name}", flush=True)
        if WINDOWS in command and not has_windows_target():
            left_out.append(f"{name}: the target cannot be had; rustup target add {WINDOWS}")
        elif not run(command):
            failed.append(name)
    for line in left_out:
        print("left out:", line)
    for name in failed:
        print("failed:", name)
    print(f"{len(STEPS) - len(failed) - len(left_out)} checks passed, {len(failed)} failed")
    return 1 if failed or (IN_CI and left_out) else 0


if __name__ == "__main__":
    sys.exit(main())
