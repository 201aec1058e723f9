"""The standard streams: one that is missing, closed, full or unable to show a character makes no command fail."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, BinaryIO

NAMES = ("stdout", "stderr")


class Nowhere(io.TextIOBase):
    """Stands in for a stream that does not exist, as under `pythonw` or after `>&-`."""

    def write(self, text: str) -> int:
        return len(text)


@contextmanager
def usable() -> Iterator[None]:
    """Both output streams accept any text. They are as before afterwards."""
    occupy_standard_descriptors()
    with ExitStack() as stack:
        for name in NAMES:
            stream = getattr(sys, name)
            if stream is None or getattr(stream, "closed", False):
                stack.callback(setattr, sys, name, stream)
                setattr(sys, name, Nowhere())
            elif hasattr(stream, "reconfigure"):
                stack.callback(_set_errors, stream, stream.errors)
                _set_errors(stream, "backslashreplace")
        yield


def occupy_standard_descriptors() -> None:
    """A file opened later must not become the standard output of this process, where libraries and children write."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)


def remark(text: str, stream: Any = None) -> None:
    """Prints a line that is not the result of the command: it is dropped if it cannot be printed."""
    stream = stream or sys.stdout
    with suppress(OSError, ValueError):
        print(text, file=stream)
    settle(stream)


def settle(stream: Any) -> None:
    """Writes what is left in a stream, or closes it: Python would try again at exit, and report a failure."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            stream.close()


def binary_output() -> BinaryIO:
    """The standard output for bytes.

    Raises OSError if there is none.
    """
    output = getattr(sys.stdout, "buffer", None)
    if output is None:
        raise OSError("there is no standard output to write to: it is closed")
    stream: BinaryIO = output
    return stream


def _set_errors(stream: Any, errors: str) -> None:
    # Fails if the stream has been closed meanwhile.
    with suppress(ValueError):
        stream.reconfigure(errors=errors)
