"""The command `rustcam`."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from typing import Optional

from .._errors import CaptureError
from .._rustcam import __version__
from . import bench, doctor, outputs, record, shot, streams
from .options import Screen, Source

__all__ = ["EXAMPLES", "command_line", "main"]

EXAMPLES = [
    ("rustcam doctor", "what works on this machine, and advice on the rest"),
    ("rustcam list", "the outputs that can be captured"),
    ("rustcam shot -o screen.png --cursor", "the whole screen with the pointer"),
    ("rustcam record -o screen.mp4", "a video, until Ctrl-C"),
    ("rustcam bench --seconds 5 --json", "frame rate, CPU time and latency"),
]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs the command. Returns 0, 1 if it failed, 2 for wrong arguments, 130 after Ctrl-C."""
    with streams.usable():
        arguments = command_line().parse_args(argv)
        try:
            status: int = arguments.run(arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader of the output has closed its end, as `head` does.
            streams.settle(sys.stdout)
            return 1
        except (CaptureError, OSError) as error:
            streams.settle(sys.stdout)
            return _fail(error, 1)
        except ValueError as error:
            return _fail(error, 2)
        except KeyboardInterrupt:
            return 130
    return status


def command_line() -> argparse.ArgumentParser:
    """The parser of all commands and options."""
    parser = argparse.ArgumentParser(
        prog="rustcam",
        description="Exact and fast screen capture.",
        epilog=examples(EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rustcam {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    source, screen = [Source.options()], [Screen.options()]
    picture = [*screen, Screen.window_options()]
    for command, parents in ((doctor, source), (outputs, source), (shot, picture), (record, picture), (bench, screen)):
        added = commands.add_parser(
            command.NAME,
            parents=parents,
            help=command.HELP,
            description=description(command.HELP, command.DETAILS),
            epilog=examples(command.EXAMPLES),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_options(added)
        added.set_defaults(run=command.run)
    return parser


def description(summary: str, details: str) -> str:
    """The first part of a help text."""
    return textwrap.fill(f"{summary[0].upper()}{summary[1:]}. {details}".strip(), 79)


def examples(lines: Sequence[tuple[str, str]]) -> str:
    """The last part of a help text."""
    width = max(len(command) for command, _ in lines)
    return "\n".join(["examples:", *(f"  {command:{width}}  {meaning}" for command, meaning in lines)])


def _fail(error: Exception, status: int) -> int:
    streams.remark(f"rustcam: {' '.join(str(error).split())}", sys.stderr)
    return status
