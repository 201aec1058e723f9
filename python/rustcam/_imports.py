"""The modules that the extension module imports, and what it does with some of them.

Programs that pack an application into one folder or file (PyInstaller, Nuitka, cx_Freeze) look for imports in Python
code only. So everything that the extension module imports by name is imported here or in `rustcam` itself.
"""

from __future__ import annotations

import atexit
import importlib.util
import sys
import threading  # noqa: F401 - for waits that signals interrupt
import time  # noqa: F401 - for the clocks of `time`

from . import _rustcam, _stream  # noqa: F401

# A thread inside a graphics driver must not outlive the interpreter.
atexit.register(_rustcam._end_streams)


def check_numpy() -> None:
    """Raises an `ImportError` with advice if numpy is not installed. Does not import it, which takes long."""
    try:
        if importlib.util.find_spec("numpy") is None:
            raise _without_numpy("")
    except ValueError:
        return  # imported already, from a place that import hooks do not describe
    except ImportError as error:
        raise _without_numpy("") from error


def load_numpy() -> None:
    """Imports numpy. The extension module calls this before it uses the C interface of numpy for the first time."""
    try:
        import numpy
        import numpy.lib  # noqa: F401 - the binding of the extension module imports both
    except ImportError as error:
        raise _without_numpy(f", which cannot be imported: {error}") from error


def log(level: int, text: str) -> None:
    """Logs a line of the engine."""
    import logging

    logger = logging.getLogger("rustcam")
    if not logger.handlers:
        # A library logs nowhere unless the program configures logging.
        logger.addHandler(logging.NullHandler())
    logger.log(level, "%s", text)


def _without_numpy(why: str) -> ImportError:
    python = sys.executable or "python"
    return ImportError(f"rustcam needs numpy{why}. Install it: {python} -m pip install numpy", name="numpy")
