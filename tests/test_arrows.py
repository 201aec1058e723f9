"""`make check` refuses circles between the modules of a crate and names the files on them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import arrows
from rust_modules import Crate

# About the checkout, not about the wheel.
pytestmark = pytest.mark.linux

CLEAN = {
    "lib.rs": "//! A crate.\nmod error;\nmod source;\npub use source::Screen;\n",
    "error.rs": "pub struct Error;\n",
    "source/mod.rs": "mod client;\nmod screen;\npub use screen::Screen;\n",
    "source/client.rs": "use crate::error::Error;\npub(super) struct Client;\n",
    "source/screen.rs": "use super::client::Client;\npub struct Screen(Client);\n",
}


def plant(root: Path, files: dict[str, str], crate: str = "small") -> Path:
    """A tree with one crate of these files; its `lib.rs`."""
    for name, text in files.items():
        file = root / "crates" / crate / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root / "crates" / crate / "src" / "lib.rs"


def found(root: Path, modules: dict[str, str], crate: str = "") -> set[str]:
    """The arrows between the files of a crate that has these modules."""
    files = {f"{name}.rs": text for name, text in modules.items()}
    files["lib.rs"] = crate + "".join(f"mod {name};\n" for name in modules if "/" not in name)
    all_arrows = Crate(plant(root, files)).arrows()
    return {f"{a.source.home} -> {a.target.home}" for a in all_arrows if a.source.file != a.target.file}


def test_a_clean_tree_has_no_circles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, CLEAN)
    assert arrows.main(tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "crates/small/src"
    assert [line.split() for line in lines[1:-1]] == [
        ["error", "->", "(nothing)"],
        ["lib", "->", "(nothing)"],
        ["source", "->", "error"],
    ]
    assert lines[-1] == "all arrows point one way, 0 circles"


def test_a_planted_circle_is_refused_and_its_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path / "clean", CLEAN)
    shutil.copytree(tmp_path / "clean", tmp_path / "planted")
    client = tmp_path / "planted" / "crates" / "small" / "src" / "source" / "client.rs"
    client.write_text(
        client.read_text(encoding="utf-8") + "fn shown(\n    on: &super::Screen,\n) {}\n", encoding="utf-8"
    )
    assert arrows.main(tmp_path / "planted") == 1
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("  circle of 2 files:")
    assert lines[start + 1 :] == [
        "    crates/small/src/source/client.rs uses crates/small/src/source/screen.rs, which uses it",
        "      line 4: super::Screen",
        "    crates/small/src/source/screen.rs uses crates/small/src/source/client.rs, which uses it",
        "      line 1: Client",
        "all arrows point one way, 1 circle",
    ]


def test_a_circle_of_three_names_all_three_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    modules = {name: f"use crate::{other}::X;\npub struct X;\n" for name, other in ("ab", "bc", "ca", "da")}
    plant(tmp_path, {"lib.rs": "mod a; mod b; mod c; mod d;"} | {f"{name}.rs": text for name, text in modules.items()})
    assert arrows.main(tmp_path) == 1
    out = capsys.readouterr().out
    assert "circle of 3 files" in out
    assert [f"src/{name}.rs uses" in out for name in "abcd"] == [True, True, True, False]


def test_what_a_parent_defines_closes_a_circle_and_what_it_passes_on_does_not(tmp_path: Path) -> None:
    parent = "mod low;\nmod high;\npub(crate) use low::Low;\n"
    files = {"room/mod": parent, "room/low": "pub struct Low;", "room/high": "use super::Low;"}
    assert found(tmp_path / "1", files, "mod room;\n") == {"room::high -> room::low"}
    files["room/mod"] = parent + "pub struct Own(Low);"
    assert found(tmp_path / "2", files, "mod room;\n") == {"room::high -> room::low", "room -> room::low"}
    files["room/low"] = "use super::Own;\npub struct Low;"
    assert found(tmp_path / "3", files, "mod room;\n") == {
        "room::high -> room::low",
        "room -> room::low",
        "room::low -> room",
    }


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("use crate::b::B;", "b"),
        ("use super::{b::B, c::{self, C}};", "b c"),
        ("use super::{\n    b::{\n        B as Renamed,\n        more, // crate::c::C\n    },\n};", "b"),
        ("pub use crate::b::B;", ""),
        ("pub use crate::b::B;\nfn f(b: B) {}", "b"),
        ("pub(super) use crate::b::B;", ""),
        ("pub(crate) use crate::b::{B, more as other};\nfn f() { other() }", "b"),
        ("pub use crate::b::more;\n#[cfg(any(more, not(test)))]\nfn f() {}", ""),
        ("pub(in crate::b) use crate::c::C;\nstruct D(C);", "c"),
        ("pub(in crate::b) fn f() {}", ""),
        ("pub use crate::b::Draw;\nfn f(x: X) { x.draw() }", "b"),
        ("pub use crate::b::Draw;\nfn f(x: X) { x.paint() }", ""),
        ("use crate::b;\nfn f() { b::more() }", "b"),
        ("use crate::b;\nstub!(b);", "b"),
        ("use crate::c;\nfn f() { c::passed_on() }", "b"),
        ("use crate::c::passed_on;", "b"),
        ("use crate::c::*;", "b c"),
        ("fn f() -> crate::b::B { crate::c::C.into() }", "b c"),
        ("fn f() { <X as super::b::Draw>::draw(x) }", "b"),
        ("fn f() { vec![1; self::g::<super::b::B>()] }", "b"),
        ("macro_rules! m { ($x:expr) => { $crate::b::more($x) } }", "b"),
        ("fn f() { crate::bump!(1) }", "b"),
        ("use crate::bump;", "b"),
        ("mod inner { use super::super::b::B; }", "b"),
        ("mod inner { use super::X; }\nuse crate::b::B as X;", "b"),
        ("mod inner { pub fn more() {} }\nfn f() { inner::more() }", ""),
        ("use std::{b::B, fmt::{self, c}};\nfn f() { fmt::c::g() }", ""),
        ("use ::b::B;", ""),
        ("fn f(x: X) { x.b::<C>(); g::<b>() }", ""),
        ("impl X { fn b(&self) -> impl Fn() + use<'_> { self.b } }", ""),
        ("//! See [`crate::b::B`].\n/// use super::c::C;\n/* crate::b /* crate::c */ crate::b */", ""),
        ('const A: &str = "crate::b::B \\" super::c::C";', ""),
        ('const A: &str = r#"" crate::b::B"#; const B: &[u8] = br"\\"; const C: &str = "crate::c";', ""),
        ("const A: char = '\"'; const B: char = '\\''; use crate::b::B; const C: char = '\"';", "b"),
        ("fn f<'a>(a: &'a str) -> crate::b::B<'a> {}", "b"),
        ("#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}", ""),
        ('#[cfg(test)]\n#[path = "x.rs"]\nmod tests;\nuse crate::c::C;', "c"),
        ("#[cfg(all(test, windows))]\nuse crate::{b::B};\nuse crate::c::C;", "c"),
        ("#[cfg(any(test, windows))]\nuse crate::b::B;", "b"),
        ("struct S {\n    #[cfg(test)]\n    a: crate::b::B,\n    c: crate::c::C,\n}", "c"),
        ("#[cfg(test)]\nimpl<A, B> X<A> for Y<B> { fn f() { crate::b::more() } }\nuse crate::c::C;", "c"),
        ("use crate::r#b::B;", "b"),
    ],
)
def test_a_use_is_found_however_it_is_written(tmp_path: Path, text: str, targets: str) -> None:
    modules = {
        "a": text,
        "b": "pub struct B;\npub fn more() {}\npub trait Draw { fn draw(&self); }\n"
        "pub fn passed_on() {}\n#[macro_export]\nmacro_rules! bump { ($x:expr) => { $x } }\n",
        "c": "pub struct C;\npub use crate::b::passed_on;\n",
    }
    assert found(tmp_path, modules) == {f"a -> {target}" for target in targets.split()}


def test_files_of_tests_and_files_that_no_module_declares_are_left_out(tmp_path: Path) -> None:
    modules = {"a": "pub struct A;\n#[cfg(test)]\nmod tests;\n", "a/tests": "use crate::b::B;", "b": "use crate::a::A;"}
    assert found(tmp_path, modules) == {"b -> a"}


def test_a_module_without_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="mod missing; has no file"):
        Crate(plant(tmp_path, {"lib.rs": "mod missing;"}))


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"frame": "use crate::capture::Stream;"}, "frame.rs:1: frame must not know capture"),
        ({"pixels": "use crate::source::Source;"}, "pixels.rs:1: pixels must not know source"),
        ({"capture": "\nfn f() { crate::source::x11::open() }"}, "capture.rs:2: capture must not know which backend"),
        ({"frame": "fn f() { unsafe { g() } }"}, "frame.rs:1: unsafe stays at the borders of the system"),
        ({"frame": "// unsafe\nuse std::time::Instant;"}, "frame.rs:2: only clock.rs reads the clock"),
        ({"frame": "use crate::shade::{Shade, shade};", "shade": ""}, "frame.rs:1: shade has no level"),
    ],
)
def test_arrows_of_the_engine_point_one_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], fault: str
) -> None:
    modules = {"frame": "", "capture": "", "pixels": "", "source/mod": "mod x11; mod texture;", "source/x11/mod": ""}
    modules |= {"source/texture": ""}
    modules |= files
    declared = "".join(
        f"mod {name.split('/')[0]};\n" for name in modules if name.count("/") == 0 or name == "source/mod"
    )
    plant(tmp_path, {"lib.rs": declared} | {f"{name}.rs": text for name, text in modules.items()}, "rustcam")
    assert arrows.main(tmp_path) == 1
    out = capsys.readouterr().out
    assert f"crates/rustcam/src/{fault}" in out
    assert "1 arrows point the wrong way" in out
