"""`rustcam shot`."""

from __future__ import annotations

import argparse
import time
from typing import Any

from .._rustcam import screenshot
from . import picture
from .options import Screen, seconds
from .streams import binary_output, remark

NAME = "shot"
HELP = "save a screenshot"
DETAILS = "The end of the file name says which format: .png, or any other that Pillow can write, if it is installed."
EXAMPLES = [
    ("rustcam shot -o screen.png --cursor", "the whole screen with the pointer"),
    ("rustcam shot --region 0,0,640,360", "its top-left corner"),
    ("rustcam shot --window notes -o notes.png", "a window, whose title contains this, also if others cover it"),
    ("rustcam shot --delay 3 -o menu.png", "in three seconds, for example to open a menu"),
    ("rustcam shot -o - > screen.png", "to the standard output"),
    ("rustcam shot --hdr -o screen.png", "an HDR desktop with all its light, in 16 bits"),
    ("rustcam shot --backend sim", "the simulated desktop; needs no screen"),
]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", dest="file", default="screenshot.png", metavar="FILE", help="file, or - for PNG on the standard output"
    )
    parser.add_argument(
        "--hdr", action="store_true", help="keep what is brighter than SDR white: a 16-bit PNG of BT.2020 and PQ"
    )
    parser.add_argument("--delay", type=seconds, metavar="S", help="seconds to wait first")


def run(arguments: argparse.Namespace) -> int:
    screen = Screen.chosen(arguments)
    name = "" if arguments.file == "-" else arguments.file
    # Both take what `screenshot` returns for their format.
    encode: Any = picture.hdr_encoder(name) if arguments.hdr else picture.encoder(name)
    if arguments.delay:
        time.sleep(float(arguments.delay))
    image = screenshot(
        screen.output,
        screen.region,
        fmt="rgba16f" if arguments.hdr else "rgb",
        cursor=screen.cursor,
        device=screen.device,
        window=screen.window,
        window_area=screen.window_area,
        backend=screen.source.backend,
        sim=screen.source.sim,
    )
    data = encode(image)
    if arguments.file == "-":
        binary_output().write(data)
        return 0
    picture.save(arguments.file, data)
    height, width, _ = image.shape
    remark(f"{arguments.file}: {width}x{height}")
    return 0
