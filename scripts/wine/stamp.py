"""Remembers what something was made from, so that it is made again only if that changed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Union


def digest(*inputs: Union[str, Path]) -> str:
    """One text for all inputs: texts as they are, files by their content."""
    total = hashlib.sha256()
    for item in inputs:
        data = item.read_bytes() if isinstance(item, Path) else item.encode()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()


@contextmanager
def remade(place: Path, *inputs: Union[str, Path]) -> Iterator[bool]:
    """Yields whether `place` has to be made; then it is empty. It counts as made when the block ends well."""
    stamp = place.with_name(f"{place.name}.stamp")
    key = digest(*inputs)
    if place.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == key:
        yield False
        return
    stamp.unlink(missing_ok=True)
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    yield True
    stamp.write_text(key, encoding="ascii")
