"""The modules of a Rust crate, and which of them use which: parsed from the sources, without a compiler.

A module uses the modules that define what it names. Names are followed through re-exports to their definition.

| in the source | makes an arrow |
|---|---|
| `use a::X` | to the module that defines `X` |
| `use a;` and then `a::X` | to the module that defines `X` |
| `use a::*` | to every module that defines something of `a` |
| `a::X` in code, also in macros | to the module that defines `X` |
| `mod a;` | none |
| `pub use a::X`, of any visibility | as `use`, if the rest of the module names `X` or calls a method of the trait `X` |

Left out are comments, strings, and items under `#[cfg(test)]`. Calls of methods are not seen, so neither is an arrow
to a module that adds an `impl` to a type of another module.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Optional

OPAQUE = re.compile(
    r"""
    (?P<comment>//[^\n]*|/\*)
    |\b[bc]?r(?P<hashes>\#*)"(?s:.*?)"(?P=hashes)
    |(?:\b[bc])?"(?:\\(?s:.)|[^"\\])*"
    |(?:\bb)?'(?:\\[^\n]+?|[^\\'\n])'
    """,
    re.VERBOSE,
)
TOKEN = re.compile(r"(?:\br\#|\$(?=crate\b))?(?P<word>[A-Za-z_]\w*)|::|\d\w*|[^\s\w]")
ONLY_TESTS = re.compile(r"cfg\((?:test\)|all\((?:[^()]*,)?test[,)])")
ITEMS = {"fn", "struct", "enum", "union", "trait", "type", "const", "static"}
# What ends with `;` or `}`, never with a comma.
STATEMENTS = ITEMS | {"impl", "let", "macro_rules", "mod", "use"}
OPENING, CLOSING = {"(", "[", "{"}, {")", "]", "}"}
HEADS = {"crate", "self", "super"}


class Token(NamedTuple):
    text: str
    start: int

    @property
    def is_word(self) -> bool:
        return self.text[0].isalpha() or self.text[0] == "_"


class Use(NamedTuple):
    """One name of a `use`, or one path in code (with an empty name)."""

    segments: tuple[str, ...]
    name: str
    line: int
    public: bool = False


class Found(NamedTuple):
    """Where a path leads: to a module, or to an item that the module defines."""

    module: Module
    is_item: bool


class Arrow(NamedTuple):
    source: Module
    target: Module
    line: int
    text: str


@dataclass(eq=False)
class Module:
    path: tuple[str, ...]
    file: Path
    parent: Optional[Module] = None
    children: dict[str, Module] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    traits: dict[str, set[str]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    imports: dict[str, list[tuple[Module, tuple[str, ...]]]] = field(default_factory=dict)
    paths: list[Use] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return "::".join(self.path) or "lib"

    @property
    def home(self) -> Module:
        """The module whose file this one stands in."""
        return self.parent.home if self.parent and self.parent.file == self.file else self

    def globs(self) -> list[Use]:
        return [use for use in self.uses if use.name == "*"]

    def names(self) -> set[str]:
        return self.defined | set(self.imports)


def blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def without_comments(text: str) -> str:
    """The source with spaces for comments and for the contents of strings."""
    parts, done = [], 0
    while match := OPAQUE.search(text, done):
        end = match.end()
        if match["comment"] == "/*":
            depth = 1
            for edge in re.finditer(r"/\*|\*/", text[end:]):
                depth += 1 if edge[0] == "/*" else -1
                if depth == 0:
                    end += edge.end()
                    break
            else:
                end = len(text)
        parts += [text[done : match.start()], blank(text[match.start() : end])]
        done = end
    return "".join([*parts, text[done:]])


def tokens_of(code: str) -> list[Token]:
    return [Token(match["word"] or match[0], match.start()) for match in TOKEN.finditer(code)]


def matching(tokens: list[Token], opening: int) -> int:
    """The index of the bracket that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += (tokens[index].text in OPENING) - (tokens[index].text in CLOSING)
        if depth == 0:
            return index
    return len(tokens) - 1


def end_of_item(tokens: list[Token], start: int) -> int:
    """The index behind the item, statement, field or arm that begins at `start`."""
    depth, is_statement = 0, False
    for index in range(start, len(tokens)):
        text = tokens[index].text
        is_statement = is_statement or (depth == 0 and text in STATEMENTS)
        depth += (text in OPENING) - (text in CLOSING)
        if depth < 0:
            return index
        if depth == 0 and (text in ("}", ";") or (text == "," and not is_statement)):
            return index + 1
    return len(tokens)


def without_tests(code: str) -> str:
    """The code with spaces for items that only tests have."""
    tokens = tokens_of(code)
    index = 0
    while index + 1 < len(tokens):
        if (tokens[index].text, tokens[index + 1].text) != ("#", "["):
            index += 1
            continue
        close = matching(tokens, index + 1)
        if ONLY_TESTS.match("".join(token.text for token in tokens[index + 2 : close])):
            end = end_of_item(tokens, close + 1)
            first, last = tokens[index].start, tokens[end].start if end < len(tokens) else len(code)
            code = code[:first] + blank(code[first:last]) + code[last:]
            index = end
        else:
            index = close + 1
    return code


class Crate:
    """All modules of a crate, from its `lib.rs` on."""

    def __init__(self, root: Path) -> None:
        self.code: dict[Path, str] = {}
        self.modules: list[Module] = []
        self.root = self._add((), root, None)
        self._read(self.root, root.parent)

    def _add(self, path: tuple[str, ...], file: Path, parent: Optional[Module]) -> Module:
        # Two inline modules of one name, for different platforms, count as one.
        module = parent.children.get(path[-1]) if parent else None
        if module is None:
            module = Module(path, file, parent)
            self.modules.append(module)
        if parent:
            parent.children[path[-1]] = module
        return module

    def _read(self, module: Module, folder: Path) -> None:
        """Reads the file of a module; files of its children are in `folder`."""
        code = without_tests(without_comments(module.file.read_text(encoding="utf-8")))
        self.code[module.file] = code
        Reader(self, code).read(module, folder)

    def declare(self, parent: Module, name: str, folder: Path) -> None:
        """`mod name;`"""
        for file, inside in ((folder / f"{name}.rs", folder / name), (folder / name / "mod.rs", folder / name)):
            if file.is_file():
                self._read(self._add((*parent.path, name), file, parent), inside)
                return
        raise SystemExit(f"{parent.file}: mod {name}; has no file in {folder}")

    def inline(self, parent: Module, name: str) -> Module:
        """`mod name { … }`"""
        return self._add((*parent.path, name), parent.file, parent)

    def resolve(
        self, start: Module, segments: tuple[str, ...], seen: frozenset[tuple[Module, str]] = frozenset()
    ) -> set[Found]:
        """Where a path in `start` leads; nowhere if it is one of another crate."""
        here = start
        for index, name in enumerate(segments):
            if name in HEADS:
                here = {"crate": self.root, "self": here, "super": here.parent or here}[name]
            else:
                return self._look_up(here, name, segments[index + 1 :], index == 0, seen)
        return {Found(here, is_item=False)}

    def _look_up(
        self, here: Module, name: str, rest: tuple[str, ...], relative: bool, seen: frozenset[tuple[Module, str]]
    ) -> set[Found]:
        if name in here.children and rest:
            return self.resolve(here.children[name], ("self", *rest), seen)
        found = {Found(here.children[name], is_item=False)} if name in here.children else set()
        if name in here.defined:
            found.add(Found(here, is_item=True))
        if (here, name) not in seen:
            seen |= {(here, name)}
            imported = {t for module, path in here.imports.get(name, ()) for t in self.resolve(module, path, seen)}
            modules = {target for target in imported if rest and not target.is_item}
            found |= (
                {t for m in modules for t in self.resolve(m.module, ("self", *rest), seen)} if modules else imported
            )
            if not found:
                for glob in here.globs():
                    for target in self.resolve(here, glob.segments, seen):
                        if not target.is_item and name in target.module.names() | set(target.module.children):
                            found |= self.resolve(target.module, ("self", name, *rest), seen)
        if found or name in here.imports or relative:
            return found
        # An item that a macro defines.
        return {Found(here, is_item=True)}

    def arrows(self) -> Iterator[Arrow]:
        """Every use of one file's module in another file."""
        for module in self.modules:
            for use in module.uses:
                for target in self._used_by(module, use):
                    yield Arrow(module, target, use.line, use.name)
            for path in module.paths:
                if not self._is_imported_item(module, path.segments[0]):
                    for found in self.resolve(module, path.segments):
                        yield Arrow(module, found.module, path.line, "::".join(path.segments))

    def _is_imported_item(self, module: Module, name: str) -> bool:
        """Whether a path that begins with `name` says no more than the `use` of `name`."""
        return name in module.imports and all(found.is_item for found in self.resolve(module, (name,)))

    def _used_by(self, module: Module, use: Use) -> Iterator[Module]:
        """The modules that a name of a `use` makes this one depend on."""
        for found in self.resolve(module, use.segments):
            if use.name == "*" and not found.is_item:
                yield from self._behind_glob(module, found.module, use)
            elif found.is_item:
                methods = found.module.traits.get(use.segments[-1], set())
                if not use.public or use.name in module.named or methods & module.called:
                    yield found.module
            elif not use.public and not any(path.segments[0] == use.name for path in module.paths):
                # A module that no path begins with.
                yield found.module

    def _behind_glob(self, module: Module, other: Module, use: Use) -> Iterator[Module]:
        for name in other.names():
            if not use.public or name in module.named:
                yield from (found.module for found in self.resolve(other, (name,)))


class Reader:
    """Reads one file into its module, and into those that stand in the file."""

    def __init__(self, crate: Crate, code: str) -> None:
        self.crate = crate
        self.tokens = tokens_of(code)
        self.newlines = [match.start() for match in re.finditer("\n", code)]

    def text(self, index: int) -> str:
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def is_word(self, index: int) -> bool:
        return 0 <= index < len(self.tokens) and self.tokens[index].is_word

    def line(self, index: int) -> int:
        return bisect_right(self.newlines, self.tokens[index].start) + 1

    def read(self, module: Module, folder: Path) -> None:
        self._block(module, folder, 0, len(self.tokens))

    def _block(self, module: Module, folder: Path, index: int, end: int) -> None:
        depth, public, exported = 0, False, False
        while index < end:
            word = self.text(index)
            depth += (word in OPENING) - (word in CLOSING)
            if word == "pub":
                public = True
                index = matching(self.tokens, index + 1) + 1 if self.text(index + 1) == "(" else index + 1
                continue
            if word == "mod" and self.is_word(index + 1):
                index = self._module(module, folder, index)
            elif word == "use" and self.text(index + 1) != "<":
                index = self._use(module, index + 1, (), public)
            elif word == "macro_rules":
                name = self.text(index + 2)
                module.defined.add(name)
                if exported:
                    self.crate.root.imports.setdefault(name, []).append((module, ("self", name)))
                index, exported = index + 3, False
            elif word == "cfg" and self.text(index + 1) == "(":
                # `cfg(windows)` names a platform, and not what the module has of that name.
                index = matching(self.tokens, index + 1) + 1
            elif word in ITEMS and depth == 0 and self.is_word(index + 1):
                index = self._item(module, index)
            elif self.is_word(index):
                exported = exported or word == "macro_export"
                index = self._word(module, index)
            else:
                index += 1
            public = False

    def _module(self, module: Module, folder: Path, index: int) -> int:
        name = self.text(index + 1)
        if self.text(index + 2) != "{":
            self.crate.declare(module, name, folder)
            return index + 3
        close = matching(self.tokens, index + 2)
        self._block(self.crate.inline(module, name), folder / name, index + 3, close)
        return close + 1

    def _item(self, module: Module, index: int) -> int:
        kind, name = self.text(index), self.text(index + 1)
        if name in ITEMS or name in ("mut", "unsafe", "extern", "async"):
            return index + 1
        module.defined.add(name)
        if kind == "trait":
            body = index
            while self.text(body) not in ("{", ";", ""):
                body += 1
            inside = range(body, matching(self.tokens, body))
            module.traits[name] = {self.text(i + 1) for i in inside if self.text(i) == "fn"}
        return index + 2

    def _use(self, module: Module, index: int, prefix: tuple[str, ...], public: bool) -> int:
        """One tree of a `use`; returns the index behind it."""
        segments = prefix
        if self.text(index) == "::":
            segments, index = ("",), index + 1
        while True:
            if self.text(index) == "{":
                index += 1
                while self.text(index) not in ("}", ""):
                    index = self._use(module, index, segments, public)
                    index += self.text(index) == ","
                return index + 1
            word, line = self.text(index), self.line(index)
            index += 1
            if word == "*":
                module.uses.append(Use(segments, "*", line, public))
                return index
            segments = (*segments, word)
            if self.text(index) == "::":
                index += 1
                continue
            # `a::{self}` is the module `a`, and not a function of that name.
            name = segments[-2] if word == "self" and prefix else word
            if self.text(index) == "as":
                name, index = self.text(index + 1), index + 2
            module.uses.append(Use(segments, name, line, public))
            module.imports.setdefault(name, []).append((module, segments))
            return index

    def _word(self, module: Module, index: int) -> int:
        """A word in code, with the path that it begins."""
        before, first = self.text(index - 1), index
        segments = [self.text(index)]
        while self.text(index + 1) == "::" and self.is_word(index + 2):
            index += 2
            segments.append(self.text(index))
        if before == ".":
            module.called.add(segments[0])
        elif before != "::":
            module.named.add(segments[0])
            if len(segments) > 1:
                module.paths.append(Use(tuple(segments), "", self.line(first)))
        if len(segments) > 1:
            module.called.add(segments[-1])
        return index + 1
