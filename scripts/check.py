"""Everything that can be checked without running the program. Runs all steps, then lists those that failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"
WINDOWS = "x86_64-pc-windows-gnu"
# Microsoft's own tools link these; checking needs no linker.
MICROSOFT = ["x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc"]
CLIPPY = ["cargo", "clippy", "--all-targets", "--quiet"]
DENY = ["--", "-D", "warnings"]
DOC = [
    "cargo",
    "doc",
    "--quiet",
    "--no-deps",
    "--package",
    "rustcam",
    "--config",
    "build.rustdocflags=['-D', 'warnings']",
]
PYTHON = [sys.executable, "-m"]

STEPS = {
    "Rust formatting": ["cargo", "fmt", "--all", "--check"],
    "Rust lints": [*CLIPPY, "--workspace", *DENY],
    "Rust lints for Windows": [*CLIPPY, "--workspace", "--target", WINDOWS, *DENY],
    **{f"Rust for {target}": ["cargo", "check", "--quiet", "--workspace", "--target", target] for target in MICROSOFT},
    "Rust documentation": DOC,
    "Rust documentation for Windows": [*DOC, "--target", WINDOWS],
    "Rust package": ["cargo", "package", "--quiet", "--package", "rustcam", "--allow-dirty"],
    "architecture": [sys.executable, "scripts/arrows.py"],
    "Python lints": [*PYTHON, "ruff", "check", "."],
    "Python formatting": [*PYTHON, "ruff", "format", "--check", "."],
    "Python types": [*PYTHON, "mypy"],
    "stub": [*PYTHON, "mypy.stubtest", "rustcam", "--allowlist", "scripts/stubtest.allow"],
}


def run(command: list[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def target_of(command: list[str]) -> str:
    return command[command.index("--target") + 1] if "--target" in command else ""


def has_target(target: str) -> bool:
    rustc = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True)
    if (Path(rustc.stdout.strip()) / "lib" / "rustlib" / target).is_dir():
        return True
    try:
        return run(["rustup", "--quiet", "target", "add", target])
    except FileNotFoundError:
        return False


def main() -> int:
    failed, left_out = [], []
    for name, command in STEPS.items():
        print(f"--- {name}", flush=True)
        target = target_of(command)
        if target and not has_target(target):
            left_out.append(f"{name}: the target cannot be had; rustup target add {target}")
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
