"""The exception classes."""

from __future__ import annotations

import copy
import pickle

import pytest

import rustcam

CLASSES = [
    rustcam.CaptureError,
    rustcam.DeviceError,
    rustcam.DuplicationError,
    rustcam.AccessLost,
    rustcam.CaptureTimeout,
]


@pytest.mark.parametrize("cls", CLASSES)
def test_hierarchy(cls: type[rustcam.CaptureError]) -> None:
    assert issubclass(cls, rustcam.CaptureError)
    assert issubclass(cls, Exception)
    assert not issubclass(cls, (ValueError, RuntimeError))
    assert issubclass(cls, TimeoutError) == (cls is rustcam.CaptureTimeout)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("arguments", [(), ("x",), (13, "x"), (13, "x", "y")])
def test_attributes_are_always_there(cls: type[rustcam.CaptureError], arguments: tuple[object, ...]) -> None:
    error = cls(*arguments)
    assert error.hresult is None
    assert error.hint is None
    assert isinstance(str(error), str)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("duplicate", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_copies_are_complete(cls: type[rustcam.CaptureError], duplicate: object) -> None:
    error = cls("the desktop is gone", hresult=0x887A0026, hint="Wait for it")
    twin = duplicate(error)  # type: ignore[operator]
    assert type(twin) is cls
    assert twin.args == error.args
    assert (twin.hresult, twin.hint, str(twin)) == (0x887A0026, "Wait for it", str(error))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol(protocol: int) -> None:
    twin = pickle.loads(pickle.dumps(rustcam.AccessLost("x", hresult=1, hint="y"), protocol))
    assert (twin.hresult, twin.hint) == (1, "y")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "no screen"),
        ({"hresult": 0x80070005}, "no screen (0x80070005)"),
        ({"hint": "Buy one"}, "no screen. Buy one"),
        ({"hresult": 5, "hint": "Buy one"}, "no screen (0x00000005). Buy one"),
    ],
)
@pytest.mark.parametrize("cls", CLASSES)
def test_text(cls: type[rustcam.CaptureError], options: dict[str, object], text: str) -> None:
    assert str(cls("no screen", **options)) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "stored"),
    [(0, 0), (0x887A0026, 0x887A0026), (-2147024891, 0x80070005), (2**32 - 1, 2**32 - 1), (None, None)],
)
def test_hresult_is_unsigned(given: int | None, stored: int | None) -> None:
    assert rustcam.CaptureError("x", hresult=given).hresult == stored


def test_timeout_is_caught_as_timeout_error() -> None:
    with pytest.raises(TimeoutError):
        raise rustcam.CaptureTimeout("too late")
