"""Creates a desktop duplication through ctypes, as another library in this process might."""

from __future__ import annotations

import ctypes
import uuid
from typing import Any

_FACTORY1 = "770aae78-f26f-4dba-a829-253c83d1b387"
_OUTPUT1 = "00cddea8-939b-4b83-a340-a685226666cc"

# Indices of methods in their tables.
_QUERY, _RELEASE = 0, 2
_ENUM_OUTPUTS, _ENUM_ADAPTERS1, _DUPLICATE_OUTPUT = 7, 12, 22

_DRIVER_UNKNOWN, _SDK_VERSION = 0, 7


def _iid(text: str) -> Any:
    return ctypes.create_string_buffer(uuid.UUID(text).bytes_le, 16)


class Com:
    """A reference to a COM object."""

    def __init__(self) -> None:
        self.pointer = ctypes.c_void_p()

    def call(self, slot: int, *arguments: Any) -> None:
        """Calls a method and asserts success."""
        table = ctypes.cast(self.pointer, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
        method = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(table[slot])
        method.argtypes = None  # type: ignore[assignment]
        status = method(self.pointer, *arguments)
        assert status >= 0, hex(status & 0xFFFF_FFFF)

    def out(self) -> Any:
        return ctypes.byref(self.pointer)

    def release(self) -> None:
        table = ctypes.cast(self.pointer, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
        ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p)(table[_RELEASE])(self.pointer)


def duplicate() -> Com:
    """A duplication of the first output."""
    load: Any = vars(ctypes)["WinDLL"]
    factory, adapter, output, output1, device, duplication = (Com() for _ in range(6))
    assert load("dxgi").CreateDXGIFactory1(_iid(_FACTORY1), factory.out()) == 0
    factory.call(_ENUM_ADAPTERS1, ctypes.c_uint32(0), adapter.out())
    adapter.call(_ENUM_OUTPUTS, ctypes.c_uint32(0), output.out())
    output.call(_QUERY, _iid(_OUTPUT1), output1.out())
    version = ctypes.c_uint32(_SDK_VERSION)
    create = load("d3d11").D3D11CreateDevice
    assert create(adapter.pointer, _DRIVER_UNKNOWN, None, 0, None, 0, version, device.out(), None, None) == 0
    output1.call(_DUPLICATE_OUTPUT, device.pointer, duplication.out())
    for made in (device, output1, output, adapter, factory):
        made.release()
    return duplication
