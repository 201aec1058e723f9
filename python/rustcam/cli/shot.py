"""`rustcam shot`."""

from __future__ import annotations

import argparse
import sys
import time

from .. import _png
from .._rustcam import screenshot
from .options import Screen, seconds

NAME = "shot"
HELP = "save a screenshot"
DETAILS = ""
EXAMPLES = [
    ("rustcam shot -o screen.png --cursor", "the whole screen with the pointer"),
    ("rustcam shot --region 0,0,640,360", "its top-left corner"),
    ("rustcam shot --delay 3 -o menu.png", "in three seconds, for example to open a menu"),
    ("rustcam shot -o - > screen.png", "to the standard output"),
    ("rustcam shot --backend sim", "the simulated desktop; needs no screen"),
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", dest="file", default="screenshot.png", metavar="FILE.png", help="file, or - for the standard output"
    )
    parser.add_argument("--delay", type=seconds, metavar="S", help="seconds to wait first")


def run(arguments: argparse.Namespace) -> int:
    screen = Screen.chosen(arguments)
    if arguments.delay:
        time.sleep(float(arguments.delay))
    image = screenshot(
        screen.output,
        screen.region,
        "rgb",
        cursor=screen.cursor,
        device=screen.device,
        backend=screen.source.backend,
        sim=screen.source.sim,
    )
    if arguments.file == "-":
        sys.stdout.buffer.write(_png.encode(image, "rgb"))
        return 0
    _png.write(arguments.file, image, "rgb")
    height, width, _ = image.shape
    print(f"{arguments.file}: {width}x{height}")
    return 0
