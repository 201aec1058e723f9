"""The exceptions of capturing.

Wrong arguments raise `ValueError` or `TypeError`, calls in the wrong state or thread raise `RuntimeError`. Failures of
the operating system, the device or the desktop raise `CaptureError`.
"""

from typing import Optional, TypeVar, cast

from ._rustcam import _exceptions

__all__ = ["AccessLost", "CaptureError", "CaptureTimeout", "DeviceError", "DuplicationError"]


_E = TypeVar("_E", bound=type[Exception])


def _once(made: _E) -> _E:
    """The class of this name from the first import of this module, also after it was reloaded or imported again.

    The extension module raises that one, and objects from before the reload catch it.
    """
    return cast(_E, _exceptions.setdefault(made.__name__, made))


@_once
class CaptureError(Exception):
    """Capturing failed. Base class of the exceptions below."""

    hresult: Optional[int] = None
    """The operating system's code as an unsigned 32-bit integer (an HRESULT on Windows), `None` if there is none."""
    hint: Optional[str] = None
    """Advice on what to do, `None` if there is none."""

    def __init__(self, *args: object, hresult: Optional[int] = None, hint: Optional[str] = None) -> None:
        super().__init__(*args)
        # HRESULTs are often written as negative numbers; stored unsigned, each has one value only.
        self.hresult = None if hresult is None else hresult & 0xFFFF_FFFF
        self.hint = hint

    def __str__(self) -> str:
        text = super().__str__()
        if self.hresult is not None:
            text = f"{text} (0x{self.hresult:08X})"
        if self.hint:
            text = f"{text}. {self.hint}"
        return text


@_once
class DeviceError(CaptureError):
    """The graphics device was removed, was reset or hangs, and did not come back by the deadline."""


@_once
class DuplicationError(CaptureError):
    """The operating system refused to let this process capture the desktop."""


@_once
class AccessLost(CaptureError):  # noqa: N818 - the name is part of the published interface
    """The desktop was lost for a lasting reason and was not regained by the deadline."""


@_once
class CaptureTimeout(CaptureError, TimeoutError):  # noqa: N818 - the name is part of the published interface
    """No frame came by the deadline of `get_latest_frame` or `frames`. `grab` returns `None` instead."""
