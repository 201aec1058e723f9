"""One table: faults of a desktop, and the outcome of every call.

`test_reliability.py` tests every cell, `make reliability` writes docs/reliability.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"

# Outcomes: an exact image, `None` at the deadline, or the name of an exception.
IMAGE, NONE = "image", "`None`"
CAPTURE, LOST, DEVICE, TIMEOUT = "`CaptureError`", "`AccessLost`", "`DeviceError`", "`CaptureTimeout`"

# The calls, and the headings of their columns.
CALLS = {
    "grab": "`grab()`",
    "kept": "`grab(copy=False)`",
    "out": "`grab(out=)`",
    "latest": "`get_latest_frame()`",
    "frames": "`frames()`",
}
GRABS = ("grab", "kept", "out")


@dataclass(frozen=True)
class Fault:
    """One row: a fault, its script, the outcome of each call during it, and the outcome of the next call."""

    what: str
    script: str
    outcomes: dict[str, str]
    afterwards: str = IMAGE
    codes: dict[str, int] = field(default_factory=dict)


def all_calls(outcome: str, **others: str) -> dict[str, str]:
    return {call: others.get(call, outcome) for call in CALLS}


def during(call: str) -> list[Fault]:
    """Losses of each kind during one call to the system."""
    before = "lose access; at {at} " if call == "rebuild" else ""
    where = {
        "wait": "during the wait for a change",
        "damage": "during the query of damage",
        "read": "during the read of pixels",
        "rebuild": "during recovery",
    }[call]
    losses = {"access is lost": "lose access", "device is lost": "lose device", "output is unplugged": "unplug"}
    return [
        Fault(f"{what} {where}, for 100 ms", f"at {{at}} {before}{loss} during {call} for 100ms", all_calls(IMAGE))
        for what, loss in losses.items()
    ]


FAULTS = [
    Fault("access is lost for a moment", "at {at} lose access", all_calls(IMAGE)),
    Fault("access is lost for 200 ms", "at {at} lose access for 200ms", all_calls(IMAGE)),
    Fault(
        "access is lost for a minute (a prompt, a lock screen, another session)",
        "at {at} lose access for 60s",
        all_calls(NONE, latest=TIMEOUT, frames=IMAGE),
        afterwards="image, once it is back",
    ),
    Fault("access is lost permanently", "at {at} lose access for ever lasting", all_calls(LOST), afterwards="the same"),
    Fault("device is lost for 200 ms", "at {at} lose device for 200ms", all_calls(IMAGE)),
    Fault("device is lost permanently", "at {at} lose device for ever", all_calls(DEVICE), "the same"),
    Fault("output is unplugged for 200 ms", "at {at} unplug for 200ms", all_calls(IMAGE)),
    Fault("output is unplugged permanently", "at {at} unplug for ever", all_calls(LOST), afterwards="the same"),
    Fault("mode changes", "at {at} mode 320x200@120", all_calls(IMAGE, out=CAPTURE)),
    Fault("output is rotated", "at {at} rotate 90", all_calls(IMAGE, out=CAPTURE)),
    *during("wait"),
    *during("damage"),
    *during("read"),
    *during("rebuild"),
    *(
        Fault(
            f"{where} fails once, with a code that is not a loss",
            f"at {{at}} {before}fail {call} 0x8007000E",
            all_calls(CAPTURE),
            codes=dict.fromkeys(CALLS, 0x8007000E),
        )
        for call, before, where in [
            ("wait", "", "the wait for a change"),
            ("damage", "", "the query of damage"),
            ("read", "", "the read of pixels"),
            ("rebuild", "lose access; at {at} ", "recovery"),
        ]
    ),
    Fault(
        "a read takes longer than the deadline",
        "slow reads 60s",
        all_calls(NONE, latest=TIMEOUT, frames=TIMEOUT),
        afterwards="image, once it is read",
    ),
    Fault("the query of damage takes longer than the deadline", "slow damage 60s", all_calls(IMAGE)),
    Fault("damage is reported outside the desktop, empty or reversed", "damage wild", all_calls(IMAGE)),
    Fault("the pointer shape is malformed", "at {at} shape huge", all_calls(IMAGE)),
    Fault("the system draws the pointer into the image", "at {at} pointer software", all_calls(IMAGE)),
]

HEAD = """# Reliability

<!-- Written by `make reliability` from tests/reliability.py. Every cell is a test in tests/test_reliability.py. -->

The table shows the outcome of every call for every fault. The fault happens during the call, on the
[simulated desktop](sim.md). "image" means a complete image of the desktop after the fault, without tearing, in the new
size of the output. No call exceeds its deadline by more than 50 ms.

"""

TAIL = """
- `None` and `CaptureTimeout` mean that the deadline came while the desktop was lost for a transient reason. The next
  call continues the recovery, and `stats.lost` holds the reason. `frames()` waits until the desktop is back; the slots
  of that time are late.
- The table is for `patience_s=1`. By default `start`, `stream` and `frames` try for 30 seconds to regain a desktop that
  was lost for a lasting reason before they raise.
- A failure ends the thread of a stream. It is raised once, by the next call; then `start()` may be called again.
- An array for `out=` that no longer fits is not written.
- A frame that the program holds never changes.
- `stats.recoveries` counts losses that ended with a new frame. The logger `rustcam` gets one line for the loss and one
  for its end.
- If the system refuses the capture from the beginning, the constructor raises `DuplicationError` with the system's
  code: `refuse 0x80070005`.

The pauses before the attempts to regain the desktop are 0, 10, 25, 50, 100 and then always 250 ms. Every call makes a
last attempt at its deadline.
"""


def page() -> str:
    rows = ["| fault | in a script | " + " | ".join(CALLS.values()) + " | the next call |"]
    rows.append("|---" * (len(CALLS) + 3) + "|")
    for fault in FAULTS:
        cells = [fault.what, f"`{fault.script.format(at='1s')}`", *fault.outcomes.values(), fault.afterwards]
        rows.append("| " + " | ".join(cells) + " |")
    return HEAD + "\n".join(rows) + "\n" + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {len(FAULTS)} rows", file=sys.stderr)
