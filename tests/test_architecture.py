"""ARCHITECTURE.md lists the rooms of the project as they are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
WITH_FOLDERS = ("crates/rustcam/src/", "python/rustcam/")
"""Rooms whose folders are rooms of their own."""
NO_ROOM = (".ci/", ".github/", "crates/", "python/")
UNIT_TESTS = re.compile(r"/src/.*/tests(/|\.rs$)")
"""Those of a file, beside it."""


def listed() -> set[str]:
    """The folders that the page lists; indented ones are inside the last one that is not."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^## Rooms$.*?^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    folders, outer = set(), ""
    for line in block.splitlines():
        indent, name = re.match(r"( *)(\S+/) ", line).groups()  # type: ignore[union-attr]
        outer = outer if indent else name
        folders.add(outer + name if indent else name)
    return folders


def rooms(files: list[str]) -> set[str]:
    """The folders of `files` that a newcomer has to know."""
    files = [file for file in files if not UNIT_TESTS.search(file)]
    folders = {f"{parent}/" for file in files for parent in PurePosixPath(file).parents if str(parent) != "."}
    outermost = {folder for folder in folders if folder.count("/") == 1}
    crates = {folder for folder in folders if re.fullmatch(r"crates/[^/]+/", folder)}
    inner = {folder for folder in folders if folder.startswith(WITH_FOLDERS)}
    return (outermost | crates | inner) - set(NO_ROOM)


@pytest.mark.linux
def test_the_rooms_are_those_of_the_tree() -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert listed() == rooms(files)


def test_a_room_that_is_not_listed_would_be_found() -> None:
    files = [
        "crates/rustcam/src/pixels/mod.rs",
        "crates/new/src/lib.rs",
        "docs/index.md",
        "python/rustcam/cli/shot.py",
        "LICENSE",
    ]
    assert rooms(files) == {
        "crates/new/",
        "crates/rustcam/",
        "crates/rustcam/src/",
        "crates/rustcam/src/pixels/",
        "docs/",
        "python/rustcam/",
        "python/rustcam/cli/",
    }
