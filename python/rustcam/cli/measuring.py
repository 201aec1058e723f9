"""Measures one contender. `python -m rustcam.cli.measuring NAME PLAN` does so in its own process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional

import numpy as np

from .contenders import CONTENDERS, Contender
from .memory import resident
from .options import Screen, Source

if TYPE_CHECKING:
    import numpy.typing as npt

    _Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Plan:
    """What to measure and for how long."""

    screen: Screen
    fmt: str
    seconds: float

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        plan = json.loads(text)
        screen = plan["screen"]
        region = screen["region"] and tuple(screen["region"])
        return cls(
            Screen(**{**screen, "source": Source(**screen["source"]), "region": region}), plan["fmt"], plan["seconds"]
        )


def measure(make: Callable[[Screen, str], Contender], plan: Plan) -> dict[str, Any]:
    """Grabs for as long as planned. The time of comparing images is not part of CPU time and latency."""
    contender = make(plan.screen, plan.fmt)
    try:
        return _measured(contender, plan)
    finally:
        contender.close()


def _measured(contender: Contender, plan: Plan) -> dict[str, Any]:
    before = _first(contender)
    frames = unique = 0
    cpu = 0.0
    latencies: list[float] = []
    start = now = time.perf_counter()
    end = start + plan.seconds
    while now < end:
        cpu_before = time.process_time()
        image = contender.grab(min(1.0, end - now))
        arrived = time.perf_counter()
        cpu += time.process_time() - cpu_before
        if image is not None:
            frames += 1
            unique += differ(before, image)
            before = image
            presented = contender.present_time()
            if presented is not None:
                latencies.append(arrived - presented)
        now = time.perf_counter()
    seconds = now - start
    height, width, _ = before.shape
    return {
        "package": contender.package,
        "version": contender.version(),
        "width": width,
        "height": height,
        "seconds": seconds,
        "frames": frames,
        "fps": frames / seconds,
        "unique": unique,
        "unique_fps": unique / seconds,
        "duplicated": frames - unique,
        "cpu_ms_per_frame": 1000 * cpu / frames if frames else None,
        "latency_ms": percentiles(latencies),
        "rss_mb": _megabytes(resident()),
        **contender.details(),
    }


def _first(contender: Contender) -> _Image:
    """The first image, with which the next one is compared."""
    end = time.perf_counter() + 5
    while time.perf_counter() < end:
        image = contender.grab(1.0)
        if image is not None:
            return image
    raise TimeoutError("no image within 5 s")


def differ(one: _Image, other: _Image) -> bool:
    """Whether any pixel differs. Compares eight bytes at a time if possible, which is much faster in numpy."""
    if one.shape != other.shape:
        return True
    if one.nbytes % 8 == 0 and one.flags.c_contiguous and other.flags.c_contiguous:
        return not np.array_equal(one.reshape(-1).view(np.uint64), other.reshape(-1).view(np.uint64))
    return not np.array_equal(one, other)


def percentiles(seconds: Sequence[float]) -> Optional[dict[str, float]]:
    """The 50th, 95th and 99th percentile in milliseconds; `None` if there are no values."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return {f"p{p}": 1000 * ordered[(len(ordered) - 1) * p // 100] for p in (50, 95, 99)}


def _megabytes(size: Optional[int]) -> Optional[float]:
    return None if size is None else size / 1e6


if __name__ == "__main__":
    print(json.dumps(measure(CONTENDERS[sys.argv[1]], Plan.from_json(sys.argv[2]))))
