"""Options that several commands share: backend, output, window, region, duration, rate."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, Optional, Union

from .._rustcam import Capturer, list_outputs, list_windows
from .._types import OutputInfo, WindowInfo

HANDLE = re.compile(r"0x[0-9a-f]+|[0-9]+", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A backend, and the script if that is the simulated desktop."""

    backend: str
    sim: Optional[str]

    @staticmethod
    def options() -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("--backend", default="auto", help="auto, dxgi, wgc, x11 or sim")
        parser.add_argument("--sim", metavar="SCRIPT", help="script of the simulated desktop, for --backend sim")
        return parser

    @classmethod
    def chosen(cls, arguments: argparse.Namespace) -> Source:
        return cls(arguments.backend, arguments.sim)


Window = Union[int, str, re.Pattern[str], WindowInfo]


@dataclass(frozen=True)
class Screen:
    """An output, or a window, or a part of it."""

    source: Source
    output: Union[int, str]
    device: int
    region: Optional[tuple[int, int, int, int]]
    cursor: bool
    window: Optional[Window] = None
    window_area: Literal["client", "whole"] = "client"

    @staticmethod
    def options() -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(add_help=False, parents=[Source.options()])
        parser.add_argument("--output", type=output, default=0, metavar="N", help="index, name or id of the output")
        parser.add_argument("--device", type=int, default=0, metavar="N", help="index of the adapter")
        parser.add_argument("--region", type=region, metavar="L,T,R,B", help="left, top, right, bottom in pixels")
        parser.add_argument("--cursor", action="store_true", help="include the pointer")
        return parser

    @staticmethod
    def window_options() -> argparse.ArgumentParser:
        """For the commands that capture windows, too."""
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument(
            "--window",
            type=window,
            metavar="WINDOW",
            help="a window instead of an output: a part of its title, its handle, or a regular expression as /^Notes/",
        )
        parser.add_argument(
            "--window-area",
            choices=("client", "whole"),
            default="client",
            metavar="AREA",
            help="client: what the program draws, or whole: title bar and frame, too",
        )
        return parser

    @classmethod
    def chosen(cls, arguments: argparse.Namespace) -> Screen:
        a = arguments
        chosen = cls(Source.chosen(a), a.output, a.device, a.region, a.cursor)
        return replace(chosen, window=a.window, window_area=a.window_area) if "window" in a else chosen

    def with_window_as_of_now(self) -> Screen:
        """The same, but a window that a title or an expression names is the one that it names now.

        A window that was opened by its title is looked for again after it was closed. This one is not.
        """
        if not (self.window and isinstance(self.window, (str, re.Pattern))):
            return self
        windows = list_windows(self.source.backend, sim=self.source.sim)
        named = [each for each in windows if names(self.window, each["title"])]
        # None or several are an error when it is opened, which lists them.
        return replace(self, window=named[0]) if len(named) == 1 else self

    def info(self) -> OutputInfo:
        """The description of the output."""
        with self.capturer() as opened:
            found = (opened.device_idx, opened.output_idx)
        outputs = list_outputs(self.source.backend, sim=self.source.sim)
        return next(o for o in outputs if (o["device_idx"], o["output_idx"]) == found)

    def capturer(self, **options: Any) -> Capturer:
        """A new capturer of this screen."""
        return Capturer(
            self.output,
            self.cursor,
            self.region,
            self.device,
            window=self.window,
            window_area=self.window_area,
            backend=self.source.backend,
            sim=self.source.sim,
            **options,
        )


def output(text: str) -> Union[int, str]:
    try:
        return int(text)
    except ValueError:
        return text


def window(text: str) -> Window:
    """`0x1c00007` is a handle, `/^Untitled/` an expression, everything else a part of a title."""
    if HANDLE.fullmatch(text):
        return int(text, 16 if text[:2] in ("0x", "0X") else 10)
    if len(text) > 2 and text[0] == text[-1] == "/":
        try:
            return re.compile(text[1:-1])
        except re.error as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None
    return text


def names(window: Union[str, re.Pattern[str]], title: str) -> bool:
    """Whether a part of a title, or an expression, fits a title."""
    return window.lower() in title.lower() if isinstance(window, str) else window.search(title) is not None


def region(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not four whole numbers: left,top,right,bottom") from None
    return left, top, right, bottom


def seconds(text: str) -> Fraction:
    return _positive(text, "a number of seconds greater than zero")


def rate(text: str) -> Fraction:
    return _positive(text, "a number of frames per second, such as 30, 59.94 or 60000/1001")


def _positive(text: str, wanted: str) -> Fraction:
    try:
        # Check the range with a float first: computing Fraction("1e999999999") would take hours.
        in_range = 0 < float(text.partition("/")[0]) < 1e9
        value = Fraction(text) if in_range else Fraction(0)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return value
