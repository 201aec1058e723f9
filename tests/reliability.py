"""What can happen to a desktop, and what every call makes of it: one table.

`test_reliability.py` tests it row by row, and `make reliability` writes it down as docs/reliability.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"

# Outcomes: an image that is exact, nothing in time, or the name of an exception.
IMAGE, NONE = "image", "`None`"
CAPTURE, LOST, DEVICE, TIMEOUT = "`CaptureError`", "`AccessLost`", "`DeviceError`", "`CaptureTimeout`"

# The calls of the table, and how the page names them.
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
    """One row: what happens, how a script says it, what each call gives, and what the call after it gives."""

    what: str
    script: str
    outcomes: dict[str, str]
    afterwards: str = IMAGE
    codes: dict[str, int] = field(default_factory=dict)


def all_calls(outcome: str, **others: str) -> dict[str, str]:
    return {call: others.get(call, outcome) for call in CALLS}


def during(call: str) -> list[Fault]:
    """Losses of each class in the middle of one call to the system."""
    before = "lose access; at {at} " if call == "rebuild" else ""
    where = {
        "wait": "while waiting for a change",
        "damage": "while asking what changed",
        "read": "while reading pixels",
        "rebuild": "while getting the desktop back",
    }[call]
    losses = {"access is lost": "lose access", "the device is lost": "lose device", "the output is unplugged": "unplug"}
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
    Fault("access is lost for good", "at {at} lose access for ever lasting", all_calls(LOST), afterwards="the same"),
    Fault("the graphics device is gone for 200 ms", "at {at} lose device for 200ms", all_calls(IMAGE)),
    Fault("the graphics device is gone for good", "at {at} lose device for ever", all_calls(DEVICE), "the same"),
    Fault("the output is unplugged for 200 ms", "at {at} unplug for 200ms", all_calls(IMAGE)),
    Fault("the output is unplugged for good", "at {at} unplug for ever", all_calls(LOST), afterwards="the same"),
    Fault("the mode changes", "at {at} mode 320x200@120", all_calls(IMAGE, out=CAPTURE)),
    Fault("the output is turned", "at {at} rotate 90", all_calls(IMAGE, out=CAPTURE)),
    *during("wait"),
    *during("damage"),
    *during("read"),
    *during("rebuild"),
    *(
        Fault(
            f"the system fails {where} once, with a code that is no loss",
            f"at {{at}} {before}fail {call} 0x8007000E",
            all_calls(CAPTURE),
            codes=dict.fromkeys(CALLS, 0x8007000E),
        )
        for call, before, where in [
            ("wait", "", "to wait"),
            ("damage", "", "to say what changed"),
            ("read", "", "to deliver pixels"),
            ("rebuild", "lose access; at {at} ", "to give the desktop back"),
        ]
    ),
    Fault(
        "pixels take longer than the deadline",
        "slow reads 60s",
        all_calls(NONE, latest=TIMEOUT, frames=TIMEOUT),
        afterwards="image, once they are there",
    ),
    Fault("what changed takes longer than the deadline", "slow damage 60s", all_calls(IMAGE)),
    Fault("what changed is listed badly", "damage wild", all_calls(IMAGE)),
    Fault("the shape of the pointer makes no sense", "at {at} shape huge", all_calls(IMAGE)),
    Fault("the system draws the pointer into the image", "at {at} pointer software", all_calls(IMAGE)),
]

HEAD = """# What happens when something goes wrong

<!-- Written by `make reliability` from tests/reliability.py. Every cell is a test in tests/test_reliability.py. -->

Every row happens while the call is under way, on the [simulated desktop](sim.md). "image" is an image of the desktop
after it happened: whole, of one moment, in the size that the output has then. No call takes longer than its deadline
and 50 ms.

"""

TAIL = """
- `None` and `CaptureTimeout` mean that the time was up while the desktop was away for a reason that passes. The next
  call goes on trying where this one stopped; `stats.lost` says why the desktop is away. `frames()` waits for it
  instead: the slots that pass are late.
- A failure ends the thread of a stream. It is raised once, by the next call; `start()` works again afterwards.
- An array for `out=` that no longer fits is not touched.
- A frame that the program holds stays what it was, whatever happens.
- `stats.recoveries` counts the times that the desktop was lost and an image came again, and the logger `rustcam` has
  one line for the loss and one for the return.
- A desktop that refuses to be captured from the beginning is a `DuplicationError` with the system's code:
  `refuse 0x80070005`.

Between two attempts to get the desktop back pass 0, 10, 25, 50, 100 and from then on 250 ms. A call makes a last
attempt at its deadline.
"""


def page() -> str:
    rows = ["| what happens | in a script | " + " | ".join(CALLS.values()) + " | the next call |"]
    rows.append("|---" * (len(CALLS) + 3) + "|")
    for fault in FAULTS:
        cells = [fault.what, f"`{fault.script.format(at='1s')}`", *fault.outcomes.values(), fault.afterwards]
        rows.append("| " + " | ".join(cells) + " |")
    return HEAD + "\n".join(rows) + "\n" + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {len(FAULTS)} rows", file=sys.stderr)
