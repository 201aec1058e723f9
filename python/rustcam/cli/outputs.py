"""`rustcam list`."""

from __future__ import annotations

import argparse
import json

from .._rustcam import list_outputs, list_windows
from .._types import OutputInfo, WindowInfo
from .options import Source
from .table import show

NAME = "list"
HELP = "list the outputs, or the windows, that can be captured"
DETAILS = (
    "The columns device and output are the values of --device and --output. The handle of a window and any part of its"
    " title are values of --window; the top-most window comes first, and size and position are its client area's."
)
EXAMPLES = [
    ("rustcam list", "a table"),
    ("rustcam list --windows", "the windows"),
    ("rustcam list --json", "JSON for programs"),
]

COLUMNS = ["device", "output", "name", "size", "rate", "position", "rotation", "adapter", "backend"]
WINDOW_COLUMNS = ["handle", "title", "app", "pid", "size", "position", "state", "backend"]
LONGEST_TITLE = 60


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--windows", action="store_true", help="list windows instead of outputs")
    parser.add_argument("--json", action="store_true", help="print a JSON array")


def run(arguments: argparse.Namespace) -> int:
    source = Source.chosen(arguments)
    if arguments.windows:
        windows = list_windows(source.backend, sim=source.sim)
        listing, columns, rows = json.dumps(windows, indent=2), WINDOW_COLUMNS, [window_row(each) for each in windows]
    else:
        outputs = list_outputs(source.backend, sim=source.sim)
        listing, columns, rows = json.dumps(outputs, indent=2), COLUMNS, [row(each) for each in outputs]
    if arguments.json:
        print(listing)
    else:
        show(columns, rows)
    return 0


def row(output: OutputInfo) -> list[str]:
    return [
        str(output["device_idx"]),
        str(output["output_idx"]),
        output["output_name"] + (" (primary)" if output["is_primary"] else ""),
        f"{output['width']}x{output['height']}",
        f"{output['refresh_hz']:g} Hz" if output["refresh_hz"] else "unknown",
        f"{output['left']},{output['top']}",
        str(output["rotation"]),
        output["name"],
        output["backend"],
    ]


def window_row(window: WindowInfo) -> list[str]:
    return [
        str(window["handle"]),
        one_line(window["title"]),
        one_line(window["app"]),
        "" if window["pid"] is None else str(window["pid"]),
        f"{window['width']}x{window['height']}",
        f"{window['left']},{window['top']}",
        "minimised" if window["minimized"] else "",
        window["backend"],
    ]


def one_line(text: str) -> str:
    """A text of another program, which must not control the terminal."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown if len(shown) <= LONGEST_TITLE else f"{shown[: LONGEST_TITLE - 1]}…"
