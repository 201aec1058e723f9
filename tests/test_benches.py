"""What the benchmarks count is what was delivered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benches"))

from account import Account, frame_number
from report.cells import Results

import rustcam

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
