"""The documents: every Python block runs, every command exists, every link resolves, the reference is complete."""

from __future__ import annotations

import ast
import functools
import re
import runpy
import shlex
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import rustcam
from rustcam import compat
from rustcam.cli import command_line

ROOT = Path(__file__).parent.parent
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
STUB = ast.parse((ROOT / "python" / "rustcam" / "_rustcam.pyi").read_text(encoding="utf-8"))
FENCE = re.compile(r"^( *)```(\w+)?(?: title=\"([^\"]+)\")?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block."""

    language: str
    title: str
    text: str


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[Block]:
    found = [Block(name, title, textwrap.dedent(text)) for _, name, title, text in FENCE.findall(read(page))]
    return [block for block in found if block.language == language]


# Blocks with a title show files, which have their own tests, or use other packages.
RUNNABLE = [page for page in PAGES if any(not block.title for block in blocks(page, "python"))]


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the screen by the simulated desktop, and dxcam by `rustcam.compat.dxcam`."""
    for module, name in [
        *((rustcam, name) for name in ("Capturer", "screenshot", "list_outputs", "list_windows")),
        (compat_of("dxcam"), "create"),
        (compat_of("bettercam"), "create"),
    ]:
        real = getattr(module, name)
        monkeypatch.setattr(module, name, with_sim(real))
    monkeypatch.setitem(sys.modules, "dxcam", compat_of("dxcam"))


def compat_of(name: str) -> Any:
    __import__(f"rustcam.compat.{name}")
    return getattr(compat, name)


DESKTOP = """
window "Editor" at 900,100 size 640x480 app "editor" pid 8
window "My notes" at 100,50 size 800x600 app "notes" pid 7 frame 4,24
"""


def with_sim(real: Any) -> Any:
    @functools.wraps(real)
    def call(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **{"backend": "sim", "sim": DESKTOP, **options})

    return call


# Pages whose blocks need a Windows process. Frames on the GPU have their own tests.
ON_WINDOWS = ("docs/lab.md", "docs/gpu.md")


@pytest.mark.parametrize("page", [page for page in RUNNABLE if page not in ON_WINDOWS])
@pytest.mark.usefixtures("simulated")
def test_python_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks of a page, in order and in one namespace."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for block in blocks(page, "python"):
        if not block.title:
            exec(compile(block.text, page, "exec"), namespace)


@pytest.mark.x11
def test_python_for_mss_runs(painter: Any) -> None:
    found = [block for block in blocks("docs/guides/moving.md", "python") if block.title == "mss"]
    assert len(found) >= 2
    namespace: dict[str, Any] = {}
    for block in found:
        exec(compile(block.text, "moving.md", "exec"), namespace)
    assert namespace["image"].ndim == 3


@pytest.mark.linux
@pytest.mark.usefixtures("simulated")
def test_the_block_for_pyav_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the page for encoders. PyAV is not there for the Windows interpreters of the Wine lanes."""
    import av

    monkeypatch.chdir(tmp_path)
    (block,) = (block for block in blocks("docs/guides/encoders.md", "python") if block.title == "PyAV")
    exec(compile(block.text, "encoders.md", "exec"), {"rustcam": rustcam})
    with av.open("nv12.mp4") as video:
        frames = list(video.decode(video=0))
    assert len(frames) == 4
    assert (frames[0].width, frames[0].colorspace, frames[0].color_range) == (1920, 1, 1)


def test_most_pages_have_python_blocks() -> None:
    assert len(RUNNABLE) >= 12
    assert "README.md" in RUNNABLE
    assert "docs/index.md" in RUNNABLE


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in blocks(page, "console"):
            for line in block.text.splitlines():
                if line.startswith("$ rustcam "):
                    yield page, re.split(r" [|>#]", line.partition("$ ")[2])[0].strip()


@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_commands_exist(page: str, command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "rustcam"
    assert callable(command_line().parse_args(arguments).run)


def test_the_reference_lists_every_public_name() -> None:
    listed = re.findall(r"^::: rustcam\.(\w+)$", read("docs/reference.md"), re.MULTILINE)
    assert sorted(listed) == sorted(set(rustcam.__all__) - {"__version__"})


LIMIT = re.compile(r"\d[\d.]* m?s\b")


def test_the_reference_and_the_guide_agree_on_ctrl_c() -> None:
    (capturer,) = (node for node in STUB.body if isinstance(node, ast.ClassDef) and node.name == "Capturer")
    reference = str(ast.get_docstring(capturer)).partition("Ctrl-C")[2]
    guide = read("docs/guides/threads.md").partition("## Ctrl-C")[2]
    assert set(LIMIT.findall(reference)) == set(LIMIT.findall(guide)) == {"50 ms", "0.25 s", "0.5 s", "5 s"}


def test_the_reference_and_the_guides_require_exclusive_access_to_out() -> None:
    for page in ("python/rustcam/_rustcam.pyi", "docs/guides/region.md", "docs/guides/threads.md"):
        text = " ".join(read(page).split())
        assert "needs exclusive access" in text, page
        assert "no other thread may read, write or resize the array" in text, page


# Texts for users. They must not name a place to download from that may not be the project's.
USER_TEXTS = [page for page in PAGES if page.startswith("docs/")] + ["SECURITY.md", "mkdocs.yml", "pyproject.toml"]


@pytest.mark.linux
def test_the_address_of_the_repository_is_in_one_place() -> None:
    (address,) = re.findall(r'^repository = "https://(.+)"$', read("Cargo.toml"), re.MULTILINE)
    files = [*USER_TEXTS, *(path for folder in ("python", "examples", ".github") for path in files_below(folder))]
    assert [name for name in files if address in read(name)] == []
    # Without the host, as the GitHub command line takes it.
    assert [name for name in files if address.partition("/")[2] in read(name)] == []


def files_below(folder: str) -> list[str]:
    suffixes = (".py", ".pyi", ".yml")
    return [path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]


@pytest.mark.linux
def test_the_page_of_commands_is_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "commands.md"
    monkeypatch.setattr(sys, "argv", ["pages.py", str(file)])
    runpy.run_path(str(ROOT / "scripts" / "pages.py"), run_name="__main__")
    assert file.read_text(encoding="utf-8") == read("docs/commands.md"), "run `make pages`"


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    text = FENCE.sub("", read(page))
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        there = (ROOT / page).parent / target if target else ROOT / page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{target}#{anchor}"


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_the_tests_that_hold_field_reports_exist() -> None:
    named = set(re.findall(r"`(\w+_\w+_\w+)`", read("docs/field-reports.md")))
    sources = [*(ROOT / "tests").glob("test_*.py"), *(ROOT / "crates").rglob("*.rs")]
    existing = {
        name for file in sources for name in re.findall(r"(?:fn|def) (\w+)\(", file.read_text(encoding="utf-8"))
    }
    assert len(named) > 50
    assert named - existing == set()
