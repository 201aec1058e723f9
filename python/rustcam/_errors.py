"""What can go wrong while capturing.

Mistakes in arguments are `ValueError` or `TypeError`, wrong-state and wrong-thread use is `RuntimeError`; everything
that the operating system or the desktop causes is a `CaptureError`.
"""

from typing import Optional

__all__ = ["AccessLost", "CaptureError", "CaptureTimeout", "DeviceError", "DuplicationError"]


class CaptureError(Exception):
    """Capturing failed. The base of all errors below."""

    hresult: Optional[int] = None
    """The operating system's code as an unsigned 32-bit integer (an HRESULT on Windows), `None` where there is none."""
    hint: Optional[str] = None
    """What can be done about it, `None` if nothing is known."""

    def __init__(self, *args: object, hresult: Optional[int] = None, hint: Optional[str] = None) -> None:
        super().__init__(*args)
        # HRESULTs are often written as negative numbers; here each has one spelling only.
        self.hresult = None if hresult is None else hresult & 0xFFFF_FFFF
        self.hint = hint

    def __str__(self) -> str:
        text = super().__str__()
        if self.hresult is not None:
            text = f"{text} (0x{self.hresult:08X})"
        if self.hint:
            text = f"{text}. {self.hint}"
        return text


class DeviceError(CaptureError):
    """The graphics device was removed, was reset or hangs, and did not come back by the deadline."""


class DuplicationError(CaptureError):
    """The operating system refused to hand out the desktop."""


class AccessLost(CaptureError):  # noqa: N818 - the name is part of the published interface
    """The desktop was lost for a reason that does not pass by itself, and was not regained by the deadline."""


class CaptureTimeout(CaptureError, TimeoutError):  # noqa: N818 - the name is part of the published interface
    """No frame came by the deadline, where the caller asked for an error. `grab` returns `None` instead."""
