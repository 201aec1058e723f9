"""Reads the imports of a Windows DLL: Microsoft's "PE Format", .idata and delay-load imports."""

from __future__ import annotations

import struct

IMPORTS, DELAYED_IMPORTS = 1, 13  # indices of data directories
PE32_PLUS, X86_64 = 0x20B, 0x8664


class Image:
    """The file of a 64-bit Windows DLL."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        (header,) = struct.unpack_from("<I", data, 0x3C)
        assert data[:2] == b"MZ"
        assert data[header : header + 4] == b"PE\0\0"
        self.machine, sections, *_, optional_size, _ = struct.unpack_from("<HHIIIHH", data, header + 4)
        self._optional = header + 24
        (kind,) = struct.unpack_from("<H", data, self._optional)
        assert kind == PE32_PLUS
        table = self._optional + optional_size
        self._sections: list[tuple[int, ...]] = [
            struct.unpack_from("<IIII", data, table + 40 * i + 8) for i in range(sections)
        ]

    def _offset(self, address: int) -> int:
        """The file offset of a relative virtual address."""
        for size, start, stored, offset in self._sections:
            if start <= address < start + max(size, stored):
                return offset + address - start
        raise AssertionError(f"no section holds {address:#x}")

    def _text(self, address: int) -> str:
        start = self._offset(address)
        return self._data[start : self._data.index(b"\0", start)].decode("ascii")

    def _names(self, directory: int, entry: str, name: int) -> list[str]:
        (address,) = struct.unpack_from("<I", self._data, self._optional + 112 + 8 * directory)
        if not address:
            return []
        found: list[str] = []
        offset = self._offset(address)
        while True:
            fields = struct.unpack_from(entry, self._data, offset)
            if not fields[name]:
                return found
            found.append(self._text(fields[name]))
            offset += struct.calcsize(entry)

    def imports(self) -> set[str]:
        """The names of all imported DLLs, in lower case."""
        names = self._names(IMPORTS, "<5I", 3) + self._names(DELAYED_IMPORTS, "<8I", 1)
        return {name.lower() for name in names}
