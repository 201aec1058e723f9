"""Every cell of docs/reliability.md: the outcome of one call during one fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable, Optional

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from conftest import sim
from reliability import CALLS, CAPTURE, DEVICE, FAULTS, IMAGE, LOST, NONE, PAGE, TIMEOUT, Fault, page
from streaming import frame_number

pytestmark = pytest.mark.sim

Image = npt.NDArray[np.uint8]

# The fault happens between two presents, while the call waits for the later one.
REFRESH, AT = 200, "102ms"
LAST_BEFORE = 21
DESKTOP = f"size 640x360; refresh {REFRESH}; pointer still"
EXCEPTIONS = {
    CAPTURE: rustcam.CaptureError,
    LOST: rustcam.AccessLost,
    DEVICE: rustcam.DeviceError,
    TIMEOUT: rustcam.CaptureTimeout,
}
ROWS = {fault.script: fault for fault in FAULTS}


def repeatable(capturer: rustcam.Capturer, call: str, deadline: int) -> Callable[[], Optional[Image]]:
    """A function that makes the call and returns its image."""
    if call == "grab":
        return lambda: capturer.grab(deadline)
    if call == "kept":
        return lambda: capturer.grab(deadline, copy=False)
    if call == "out":
        out = np.zeros((capturer.height, capturer.width, 4), np.uint8)
        return lambda: capturer.grab(deadline, out=out)
    if call == "latest":
        capturer.start(0, patience_s=1)
        return lambda: capturer.get_latest_frame(deadline)
    frames = capturer.frames(REFRESH, timeout_ms=deadline, patience_s=1)
    return lambda: next(frames)[0]


@contextmanager
def held(capturer: rustcam.Capturer) -> Iterator[None]:
    """Asserts that a frame from before the block does not change in it."""
    first = capturer.grab(0, copy=False)
    before = None if first is None else first.copy()
    yield
    assert first is None or np.array_equal(first, before)


def outcome(capturer: rustcam.Capturer, take: Callable[[], Optional[Image]]) -> tuple[str, Optional[int]]:
    """The first result after the fault: its name in the table, and the code of an exception."""
    while True:
        try:
            image = take()
        except rustcam.CaptureError as error:
            (name,) = [name for name, kind in EXCEPTIONS.items() if type(error) is kind]
            return name, error.hresult
        if image is None:
            return NONE, None
        number = frame_number(image)
        assert frame_number(image, -4) == number, "the image is torn"
        if number > LAST_BEFORE:
            assert image.shape == (capturer.height, capturer.width, 4)
            return IMAGE, None


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", ROWS.values(), ids=ROWS)
def test_every_cell(fault: Fault, call: str) -> None:
    expected = fault.outcomes[call]
    # A stream has its own thread, so it needs the real clock.
    clock = "real" if call == "latest" else "virtual"
    deadline = {TIMEOUT: 2000}.get(expected, 10_000) if call == "latest" else 400
    with sim(f"{DESKTOP}; clock {clock}; {fault.script.format(at=AT)}") as capturer, held(capturer):
        take = repeatable(capturer, call, deadline)
        name, hresult = outcome(capturer, take)
        assert name == expected
        if name == CAPTURE and call in fault.codes:
            assert hresult == fault.codes[call]
        loses = any(word in fault.script for word in ("lose", "unplug", "mode", "rotate"))
        # The desktop is back, but the array no longer fits.
        misfit = expected == CAPTURE and call not in fault.codes
        assert (capturer.stats.lost is not None) is (loses and expected != IMAGE and not misfit)
        if expected == IMAGE:
            assert (capturer.stats.recoveries > 0) is loses
        del take
        capturer.stop()
        if fault.afterwards == "the same":
            with pytest.raises(EXCEPTIONS[expected]):
                capturer.grab(400)
        elif call != "latest" or expected != TIMEOUT:
            assert capturer.grab(100_000) is not None
        assert not capturer.is_capturing


def test_a_refusal_to_open_is_a_duplication_error() -> None:
    with pytest.raises(rustcam.DuplicationError) as caught:
        sim("refuse 0x80070005")
    assert caught.value.hresult == 0x80070005


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make reliability`"
