"""What the benchmarks count is what was delivered."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benches" / "x11"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benches"))

from account import Account, frame_number
from ratios import BLOCKS, compare, judge, ratios
from report.cells import Results
from timeline import Stage, events, stages, stretches

import rustcam

RECORDINGS = Path(__file__).resolve().parents[1] / "benches" / "results"
DESKTOP = "size 640x360; refresh 60; full; pointer still; clock virtual"
SAMPLE = {
    "work": "grab",
    "desktop": "full",
    "fmt": "bgra",
    "seconds": 2.0,
    "cpu_ms": 30.0,
    "lab_ms": 10.0,
    "counters": {},
}


def delivered(count: int) -> list[Any]:
    with rustcam.Capturer(backend="sim", sim=DESKTOP, cursor=False) as capturer:
        return [capturer.grab() for _ in range(count)]


def told(*images: Any) -> dict[str, Any]:
    """The account of images that arrive 10 ms after each other, all of frames shown at their number in milliseconds."""
    times = iter(range(100, 1000, 10))
    account = Account(lambda: next(times))
    for image in images:
        account.add(image)
    return account.told(float)


def test_numbers_are_read_from_the_pixels() -> None:
    numbers = [frame_number(image) for image in delivered(3)]
    assert numbers == sorted(set(numbers))
    assert numbers == [frame_number(image, -4) for image in delivered(3)]


def test_an_account_of_good_frames() -> None:
    first, second = delivered(2)
    account = told(first, second, second)
    assert (account["frames"], account["unique"], account["torn"], account["changed"]) == (3, 2, 0, 0)
    numbers = [frame_number(first), frame_number(second), frame_number(second)]
    assert account["latency_us"] == [1000 * (100 + 10 * i - number) for i, number in enumerate(numbers)]


def test_an_image_of_two_frames_is_torn() -> None:
    first, second = delivered(2)
    first[180:] = second[180:]
    assert told(first)["torn"] == 1


def test_memory_that_changes_after_its_delivery_is_noticed() -> None:
    first, second = delivered(2)
    kept = first.copy()
    account = Account(lambda: 0.0)
    account.add(kept)
    kept[:] = second
    account.add(second)
    assert account.told(float)["changed"] == 1


def test_rounds_are_added_up() -> None:
    def sample(unique: int) -> dict[str, Any]:
        return {
            **SAMPLE,
            "frames": unique + 1,
            "unique": unique,
            "presents": 50,
            "latency_us": [1000, 2000, unique * 100],
        }

    results = Results([{"rustcam": [sample(40)]}, {"rustcam": [sample(20), {**SAMPLE, "work": "paced"}]}])
    cell = results.cell("rustcam", "grab", "full", "bgra")
    assert (cell.rounds, cell.frames, cell.missed, cell.repeated, cell.share) == (2, 60, 40, 2, 0.6)
    assert (cell.fps, cell.cpu, cell.lab, cell.net) == (15.0, 1.0, pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert cell.latency(50) == 2.0


def test_the_first_frame_is_kept_for_a_comparison() -> None:
    image = np.zeros((16, 512, 4), np.uint8)
    account = Account(lambda: 0.0)
    assert account.add(image) == 0
    (sample,) = account.samples
    assert sample[0] == 0
    assert sample[1] is image


QUIET = [0.500, 0.504, 0.498, 0.502, 0.496]


def times(values: list[float], factor: float) -> list[float]:
    return [value * factor for value in values]


def test_a_ratio_that_is_worse_fails() -> None:
    verdict = judge("a", QUIET, times(QUIET, 1.1))
    assert not verdict.good
    assert (verdict.recorded, verdict.now, verdict.words) == (0.5, pytest.approx(0.55), "WORSE")


def test_a_ratio_that_is_better_passes() -> None:
    verdict = judge("a", QUIET, times(QUIET, 0.8))
    assert verdict.good
    assert verdict.words == "better"


def test_noise_passes() -> None:
    assert judge("a", QUIET, times(QUIET, 1.01)).words == "as recorded"
    # The same 1.1 is nothing where the blocks of the recording, or those of now, differ that much among themselves.
    loud = [0.40, 0.62, 0.50, 0.45, 0.56]
    assert judge("a", loud, times(QUIET, 1.1)).good
    assert judge("a", QUIET, times(loud, 1.1)).good


def test_nothing_is_measured_better_than_two_percent() -> None:
    assert judge("a", [1.0] * 5, [1.02] * 5).good
    assert not judge("a", [1.0] * 5, [1.021] * 5).good


def test_chance_fails_seldom_and_a_loss_is_found() -> None:
    chance = random.Random(1)

    def run(middle: float) -> list[float]:
        return [middle * chance.lognormvariate(0, 0.05) for _ in range(BLOCKS)]

    assert sum(not judge("a", run(1.0), run(1.0)).good for _ in range(2000)) <= 20
    assert sum(not judge("a", run(1.0), run(1.5)).good for _ in range(2000)) >= 1980


def test_what_was_not_recorded_cannot_be_worse() -> None:
    (verdict,) = compare({}, {"a": [1.0, 2.0]})
    assert verdict.good
    assert verdict.words == "not recorded"


def test_one_block_tells_no_noise() -> None:
    with pytest.raises(ValueError, match="tells nothing of its noise"):
        judge("a", [1.0], [1.0])


def test_ratios_are_read_block_by_block() -> None:
    def samples(*middles: float) -> dict[str, list[float]]:
        return {"wall_ms": [value for middle in middles for value in (middle, middle, 9 * middle)]}

    field = {"rustcam bgra": samples(1, 2, 3, 4, 5), "raw": samples(2, 2, 2, 2, 2)}
    (found,) = ratios({"screens": {"1920x1080": field}}).items()
    assert found == ("1920x1080: rustcam bgra / raw", [0.5, 1.0, 1.5, 2.0, 2.5])


def recorded() -> tuple[dict[str, Any], dict[str, list[float]]]:
    """The recording of `make bench-check`, and its ratios whose noise is known."""
    recording = json.loads((RECORDINGS / "x11.json").read_text(encoding="utf-8"))
    return recording, {name: blocks for name, blocks in ratios(recording).items() if len(blocks) > 1}


def test_a_recording_is_as_good_as_itself() -> None:
    _, found = recorded()
    assert len(found) >= 15
    assert all(verdict.words == "as recorded" for verdict in compare(found, found))


def test_a_recording_whose_own_times_double_is_worse() -> None:
    recording, before = recorded()
    field = recording["screens"]["1920x1080"]
    field["rustcam bgra"]["wall_ms"] = times(field["rustcam bgra"]["wall_ms"], 2)
    now = {name: blocks for name, blocks in ratios(recording).items() if name in before}
    worse = {verdict.name for verdict in compare(before, now) if not verdict.good}
    assert worse == {"1920x1080: rustcam bgra / raw", "1920x1080: rustcam bgra / mss bgra"}


# A call from 1000 to 2000: process 7 captures, 8 is the server. The one processor goes from 7 to 8 and back.
TRACE = """
    7/7     0.000001100: raw_syscalls:sys_enter: NR 46 (4, 7ffc, 0, 10, 2, 557c)
    7/7     0.000001150: sched:sched_switch: prev_comm=a b prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=X next_pid=8 next_prio=120
    8/8     0.000001160:  raw_syscalls:sys_exit: NR 232 = 1
    8/9     0.000001200: raw_syscalls:sys_enter: NR 1 (0, 0, 0, 0, 0, 0)
    8/8     0.000001560: raw_syscalls:sys_enter: NR 20 (9, 7ffc, 1, 0, 1, 1)
    8/8     0.000001570:  raw_syscalls:sys_exit: NR 20 = 40
    8/8     0.000001580: raw_syscalls:sys_enter: NR 232 (3, 7ffc, 100, 92261, 1, 0)
    8/8     0.000001600: sched:sched_switch: prev_comm=X prev_pid=8 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120
    0/0     0.000001630: sched:sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=a b next_pid=7 next_prio=120
    7/7     0.000001650:  raw_syscalls:sys_exit: NR 46 = 24
    7/7     0.000001930: raw_syscalls:sys_enter: NR 202 (557c, 81, 7fff, 7, 557c, 4)
    7/7     0.000001940:  raw_syscalls:sys_exit: NR 202 = 0
"""  # noqa: E501


def test_a_call_is_as_long_as_its_stages() -> None:
    told = stages(stretches(list(events(TRACE.splitlines())), 7, 8, 1000, 2000))
    assert told == {
        "ask": Stage(100, 0),
        "ask system": Stage(50, 1),
        "server": Stage(10, 1),
        "server system": Stage(40, 3),
        "draw": Stage(400, 1),
        "wake": Stage(30, 1),
        "take": Stage(60, 1),
        "pass": Stage(280, 1),
        "take system": Stage(30, 2),
    }
    assert sum(stage.length for stage in told.values()) == 1000
    # One per line of the main threads.
    assert sum(stage.events for stage in told.values()) == 11


def test_a_call_that_asks_nobody_is_all_ours() -> None:
    told = stages(stretches([], 7, 8, 1000, 2000))
    assert {name: stage.length for name, stage in told.items() if stage.length} == {"ask": 1000}
