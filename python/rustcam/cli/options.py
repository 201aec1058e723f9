"""Options that several commands share: backend, output, region, duration, rate."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Optional, Union

from .._rustcam import Capturer, list_outputs
from .._types import OutputInfo


@dataclass(frozen=True)
class Source:
    """A backend, and the script if that is the simulated desktop."""

    backend: str
    sim: Optional[str]

    @staticmethod
    def options() -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("--backend", default="auto", help="auto, dxgi, x11 or sim")
        parser.add_argument("--sim", metavar="SCRIPT", help="script of the simulated desktop, for --backend sim")
        return parser

    @classmethod
    def chosen(cls, arguments: argparse.Namespace) -> Source:
        return cls(arguments.backend, arguments.sim)


@dataclass(frozen=True)
class Screen:
    """An output or a part of it."""

    source: Source
    output: Union[int, str]
    device: int
    region: Optional[tuple[int, int, int, int]]
    cursor: bool

    @staticmethod
    def options() -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(add_help=False, parents=[Source.options()])
        parser.add_argument("--output", type=output, default=0, metavar="N", help="index, name or id of the output")
        parser.add_argument("--device", type=int, default=0, metavar="N", help="index of the adapter")
        parser.add_argument("--region", type=region, metavar="L,T,R,B", help="left, top, right, bottom in pixels")
        parser.add_argument("--cursor", action="store_true", help="include the pointer")
        return parser

    @classmethod
    def chosen(cls, arguments: argparse.Namespace) -> Screen:
        a = arguments
        return cls(Source.chosen(a), a.output, a.device, a.region, a.cursor)

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
            backend=self.source.backend,
            sim=self.source.sim,
            **options,
        )


def output(text: str) -> Union[int, str]:
    try:
        return int(text)
    except ValueError:
        return text


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
