"""`rustcam list`."""

from __future__ import annotations

import argparse
import json

from .._rustcam import list_outputs
from .._types import OutputInfo
from .options import Source
from .table import show

NAME = "list"
HELP = "list the outputs that can be captured"
DETAILS = "The columns device and output are the values of --device and --output."
EXAMPLES = [
    ("rustcam list", "a table"),
    ("rustcam list --json", "JSON for programs"),
]

COLUMNS = ["device", "output", "name", "size", "rate", "position", "rotation", "adapter", "backend"]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON array")


def run(arguments: argparse.Namespace) -> int:
    source = Source.chosen(arguments)
    outputs = list_outputs(source.backend, sim=source.sim)
    if arguments.json:
        print(json.dumps(outputs, indent=2))
    else:
        show(COLUMNS, [row(output) for output in outputs])
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
