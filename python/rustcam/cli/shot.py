"""`rustcam shot`."""

from __future__ import annotations

import argparse
import sys
import time

from .. import _png
from .._rustcam import screenshot
from .options import Screen, seconds

NAME = "shot"
HELP = "save a picture of the screen"
DETAILS = ""
EXAMPLES = [
    ("rustcam shot -o desk.png --cursor", "the whole screen with its pointer"),
    ("rustcam shot --region 0,0,640,360", "its top-left corner"),
    ("rustcam shot --delay 3 -o menu.png", "in three seconds, when the menu is open"),
    ("rustcam shot -o - > desk.png", "into a pipe"),
    ("rustcam shot --backend sim", "a simulated desktop; needs no screen"),
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", dest="file", default="screenshot.png", metavar="FILE.png", help="- is standard output")
    parser.add_argument("--delay", type=seconds, metavar="S", help="wait so many seconds first")


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
