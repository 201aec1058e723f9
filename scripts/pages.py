"""Writes docs/commands.md from the command line itself: pages.py [FILE]."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rustcam.cli import EXAMPLES, command_line

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
HEAD = """\
# The command line

<!-- Written by `make pages` from the command line itself. -->

`rustcam` and `python -m rustcam` are the same. `rustcam COMMAND --help` says what is written here.

Exit status: 0 if it worked, 1 if it failed, 2 for a mistake in what was typed, 130 after Ctrl-C. A recording that
Ctrl-C or the closing of the recorded window ends has worked; its last line says that the window was closed.

| `--window` | is the window |
|---|---|
| `notes` | whose title contains this, in any case |
| `4194311`, `0x400007` | with this handle: an HWND, or the id of an X11 window |
| `/^Notes [0-9]+$/` | in whose title this regular expression finds something; `/2048/` for a title that is a number |

None or several are an error that lists what there is. A recording follows the window that it began with.

Drawn tables and a progress bar come with [rich](https://github.com/Textualize/rich), .mp4, .mkv and .mov with
[PyAV](https://github.com/PyAV-Org/PyAV): `pip install rich av`. Everything else needs nothing more.
"""


def page() -> str:
    parser = command_line()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return "\n".join([HEAD, shell(EXAMPLES), *(section(name, sub) for name, sub in commands.choices.items())])


def section(name: str, parser: argparse.ArgumentParser) -> str:
    described = " ".join((parser.description or "").split())
    rows = [row(action) for action in parser._actions if action.dest != "help"]
    table = "\n".join(["| option | meaning | default |", "|---|---|---|", *rows])
    lines = (line.strip().split("  ", 1) for line in (parser.epilog or "").splitlines()[1:])
    examples = [(command, meaning.strip()) for command, meaning in lines]
    return f"## rustcam {name}\n\n{described}\n\n{shell(examples)}\n{table}\n"


def row(action: argparse.Action) -> str:
    option = ", ".join(action.option_strings)
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    default = "required" if action.required else "" if action.default in (None, False) else f"`{action.default}`"
    return f"| `{option}{value}` | {action.help} | {default} |"


def shell(examples: list[tuple[str, str]]) -> str:
    width = max(len(command) for command, _ in examples)
    lines = [f"$ {command:{width}}  # {meaning}" for command, meaning in examples]
    return "\n".join(["```console", *lines, "```\n"])


def main() -> None:
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
