"""The command `rustcam`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Optional

from . import _png
from ._errors import CaptureError
from ._rustcam import Capturer, __version__, list_outputs, screenshot

_EXAMPLES = """\
examples:
  rustcam list                               the outputs that can be captured
  rustcam shot -o desk.png --cursor          the whole screen with its pointer
  rustcam shot --region 0,0,640,360          its top-left corner
  rustcam shot --backend sim                 a simulated desktop; needs no screen
  rustcam bench --seconds 5 --json           frame rate, CPU time and latency
"""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs the command and returns its exit code: 0, 1 if capturing failed, 2 for a mistake in the arguments."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except (CaptureError, OSError) as error:
        return _fail(error, 1)
    except ValueError as error:
        return _fail(error, 2)
    except KeyboardInterrupt:
        return 130
    return status


def _fail(error: Exception, status: int) -> int:
    print("rustcam:", " ".join(str(error).split()), file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    source = argparse.ArgumentParser(add_help=False)
    source.add_argument("--backend", default="auto", help="auto, x11 or sim (default: auto)")
    source.add_argument("--sim", metavar="SCRIPT", help="script of the simulated desktop, for --backend sim")

    screen = argparse.ArgumentParser(add_help=False, parents=[source])
    screen.add_argument("--output", type=int, default=0, metavar="N", help="index of the output (default: 0)")
    screen.add_argument("--device", type=int, default=0, metavar="N", help="index of the adapter (default: 0)")
    screen.add_argument("--region", type=_region, metavar="L,T,R,B", help="left, top, right, bottom in pixels")
    screen.add_argument("--cursor", action="store_true", help="draw the pointer")

    parser = argparse.ArgumentParser(
        prog="rustcam",
        description="Exact and fast screen capture.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rustcam {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    command = commands.add_parser("list", parents=[source], help="show the outputs that can be captured")
    command.add_argument("--json", action="store_true", help="as a JSON array")
    command.set_defaults(run=_list)

    command = commands.add_parser("shot", parents=[screen], help="save a picture of the screen")
    command.add_argument("-o", dest="file", default="screenshot.png", metavar="FILE.png", help="default: %(default)s")
    command.set_defaults(run=_shot)

    command = commands.add_parser("bench", parents=[screen], help="measure frame rate, CPU time and latency")
    command.add_argument("--seconds", type=_seconds, default=3.0, metavar="S", help="default: 3")
    command.add_argument("--fmt", default="bgra", help="pixel format (default: bgra)")
    command.add_argument("--json", action="store_true", help="as a JSON object")
    command.set_defaults(run=_bench)
    return parser


def _region(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not four whole numbers: left,top,right,bottom") from None
    return left, top, right, bottom


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above zero")
    return seconds


def _list(arguments: argparse.Namespace) -> int:
    outputs = list_outputs(arguments.backend, sim=arguments.sim)
    if arguments.json:
        print(json.dumps(outputs, indent=2))
        return 0
    for output in outputs:
        rate = f" {output['refresh_hz']:g} Hz" if output["refresh_hz"] else ""
        primary = ", primary" if output["is_primary"] else ""
        print(
            f"device {output['device_idx']} output {output['output_idx']}: {output['output_name']},"
            f" {output['width']}x{output['height']}{rate} at {output['left']},{output['top']}"
            f" rotated {output['rotation']}{primary} ({output['name']}, {output['backend']})"
        )
    return 0


def _shot(arguments: argparse.Namespace) -> int:
    image = screenshot(
        arguments.output,
        arguments.region,
        "rgb",
        cursor=arguments.cursor,
        device=arguments.device,
        backend=arguments.backend,
        sim=arguments.sim,
    )
    _png.write(arguments.file, image, "rgb")
    height, width, _ = image.shape
    print(f"{arguments.file}: {width}x{height}")
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    with Capturer(
        arguments.output,
        arguments.cursor,
        arguments.region,
        arguments.device,
        backend=arguments.backend,
        sim=arguments.sim,
    ) as screen:
        screen.grab(fmt=arguments.fmt, new_frame_only=False)
        latencies = []
        cpu, start = time.process_time(), time.perf_counter()
        now, end = start, start + arguments.seconds
        while now < end:
            frame = screen.grab(min(1000, int((end - now) * 1000) + 1), arguments.fmt)
            now = time.perf_counter()
            if frame is not None and screen.frame_info is not None:
                latencies.append(now - screen.frame_info.present_time)
        cpu = time.process_time() - cpu
        report = _report(screen, latencies, now - start, cpu)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        _print_report(report)
    return 0


def _report(screen: Capturer, latencies: list[float], seconds: float, cpu: float) -> dict[str, object]:
    frames = len(latencies)
    left, top, right, bottom = screen.region
    latencies.sort()
    return {
        "backend": screen.backend,
        "width": right - left,
        "height": bottom - top,
        "seconds": seconds,
        "frames": frames,
        "fps": frames / seconds,
        "cpu_ms_per_frame": 1000 * cpu / frames if frames else None,
        "latency_ms": {f"p{p}": 1000 * latencies[(frames - 1) * p // 100] for p in (50, 95, 99)} if frames else None,
        "missed": screen.stats.missed,
        "fallback": screen.stats.fallback,
    }


def _print_report(report: dict[str, object]) -> None:
    print("{backend} {width}x{height}: {frames} frames in {seconds:.2f} s".format_map(report))
    latency = report["latency_ms"]
    if isinstance(latency, dict):
        print("frame rate   {fps:.1f} fps, {missed} presents missed".format_map(report))
        print("CPU time     {cpu_ms_per_frame:.3f} ms per frame".format_map(report))
        print("latency      {p50:.2f} ms median, {p95:.2f} ms p95, {p99:.2f} ms p99".format_map(latency))
    else:
        print("nothing on the screen changed, so there was nothing to measure")
    if report["fallback"]:
        print(f"slower than it could be: {report['fallback']}")
