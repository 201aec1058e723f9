"""Measures the ratios that tell most, briefly, and fails where one is worse than recorded: check.py RESULT.json.

For use by hand: on a machine that is busy, or another than the one of the recording, it means little.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import importing
import kernels
import recovery
from contents import contents
from race import race
from ratios import BLOCKS, FOLLOWERS, Blocks, Verdict, compare, ratios
from record import machine
from streams import deliveries

MOST_LOAD = 0.5
ROUNDS = {(1920, 1080): 8, (3840, 2160): 5}  # in each heat


def field() -> dict[str, dict[tuple[int, int], list[str]]]:
    """Who has to show what, so that there are all ratios of contents."""
    works: dict[str, dict[tuple[int, int], list[str]]] = {}
    for *names, _, content, screen in FOLLOWERS:
        width, height = map(int, screen.split("x"))
        for name in names:
            shown = works.setdefault(name, {}).setdefault((width, height), [])
            if content not in shown:
                shown.append(content)
    return works


def measured() -> Blocks:
    return ratios(
        {
            "screens": {f"{width}x{height}": race(width, height, n, BLOCKS) for (width, height), n in ROUNDS.items()},
            "contents": contents(BLOCKS, field()),
            "kernels": kernels.heats(BLOCKS, 20),
            "streams": {"deliveries": deliveries(BLOCKS, 240)},
            "recovery": recovery.cursors(),
            "import": importing.milliseconds(2 * BLOCKS),
        }
    )


def show(verdicts: list[Verdict]) -> None:
    width = max(len(verdict.name) for verdict in verdicts)
    print(f"{'ratio':{width}}  recorded      now  allowed  verdict")
    for verdict in verdicts:
        recorded, allowed = "", ""
        if verdict.recorded is not None:
            recorded, allowed = f"{verdict.recorded:.3f}", f"{verdict.allowed:.3f}"
        print(f"{verdict.name:{width}}  {recorded:>8} {verdict.now:8.3f} {allowed:>8}  {verdict.words}")


def warn(recording: dict[str, Any]) -> None:
    here, there = machine(), recording["machine"]
    if here["load"] > MOST_LOAD:
        print(f"The machine is busy (load {here['load']:.1f}): this will mean little.")
    if (here["cpu"], here["cores"]) != (there["cpu"], there["cores"]):
        print(f"Recorded on {there['cpu']}, {there['cores']} cores; this is {here['cpu']}, {here['cores']} cores.")


def main() -> int:
    recording = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    warn(recording)
    start, recorded, now = time.monotonic(), ratios(recording), measured()
    verdicts = compare(recorded, now)
    if not all(verdict.good for verdict in verdicts):
        # One bad minute of the machine is no reason to fail.
        print("something looks worse; looking once more")
        for name, blocks in measured().items():
            now[name].extend(blocks)
        verdicts = compare(recorded, now)
    show(verdicts)
    worse = [verdict.name for verdict in verdicts if not verdict.good]
    print(f"{len(verdicts)} ratios in {time.monotonic() - start:.0f} s, {len(worse)} worse than recorded")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
