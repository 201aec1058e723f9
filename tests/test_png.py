"""PNG files, read back by a decoder that was written from the specification."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rustcam import _png

CHANNELS = {0: 1, 2: 3, 6: 4}


def decode(data: bytes) -> npt.NDArray[np.uint8]:
    """The pixels of a PNG file whose rows use the filter None or Up."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, position = [], 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        name, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, position + 8 + length)
        assert checksum == zlib.crc32(name + body)
        chunks.append((name, body))
        position += 12 + length
    assert [name for name, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, color, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, rest) == (8, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[1][1]), np.uint8).reshape(height, 1 + width * CHANNELS[color])
    pixels = np.zeros((height, width * CHANNELS[color]), np.uint8)
    for y, row in enumerate(rows):
        above = pixels[y - 1] if row[0] == 2 and y > 0 else np.uint8(0)
        assert row[0] in (0, 2)
        pixels[y] = row[1:] + above
    return pixels.reshape(height, width, CHANNELS[color])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (33, 17)])
@pytest.mark.parametrize(
    ("fmt", "order"),
    [("rgb", [0, 1, 2]), ("bgr", [2, 1, 0]), ("rgba", [0, 1, 2, 3]), ("bgra", [2, 1, 0, 3]), ("gray", [0])],
)
def test_encoded_images_decode_to_the_same_pixels(size: tuple[int, int], fmt: str, order: list[int]) -> None:
    image = np.random.default_rng(3).integers(0, 256, (*size, len(order)), dtype=np.uint8)
    assert np.array_equal(decode(_png.encode(image, fmt)), image[:, :, order])


def test_parts_of_larger_images() -> None:
    image = np.random.default_rng(4).integers(0, 256, (40, 60, 4), dtype=np.uint8)[3:30:2, 50:10:-1]
    assert np.array_equal(decode(_png.encode(image, "rgba")), image)


def test_spellings() -> None:
    image = np.zeros((2, 3, 1), np.uint8)
    assert _png.encode(image, "GREY") == _png.encode(image, "gray")


def test_wrong_number_of_channels() -> None:
    with pytest.raises(ValueError, match="3 channels"):
        _png.encode(np.zeros((2, 2, 4), np.uint8), "rgb")


def test_file_on_disk(tmp_path: Path) -> None:
    image = np.full((2, 3, 3), 9, np.uint8)
    (tmp_path / "a.png").write_bytes(_png.encode(image, "rgb"))
    assert np.array_equal(decode((tmp_path / "a.png").read_bytes()), image)
