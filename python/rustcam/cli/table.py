"""Tables: drawn by rich if it is installed and the output is a wide enough terminal, else in plain columns."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def show(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table."""
    if not (sys.stdout.isatty() and _drawn(columns, rows)):
        print(plain(columns, rows))


def plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as text, with two spaces between columns."""
    lines = [columns, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Draws the table with rich. False if rich is missing or the table is too wide for the terminal."""
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(file=sys.stdout)
    fits = console.measure(table, options=console.options.update(max_width=1000)).maximum <= console.width
    if fits:
        console.print(table)
    return fits
