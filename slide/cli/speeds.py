"""The table of one size that `slide bench` prints."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from slide.bench.problem import SIZES
from slide.bench.racing import Entry

OTHERS = ("numba", "reference")
FIRST = 28  # characters of the first column


def table(backend: str, entries: Sequence[Entry], threads: int) -> str:
    """A row for each call: milliseconds, and how many times as long as others take.

    Args:
        backend: whose times they are.
        entries: of one size, of this backend and of others.
        threads: that computed.
    """
    others = [name for name in OTHERS if name != backend]
    size = entries[0].size
    titles = [
        f"{size}: {SIZES[size]}",
        f"{backend} on {threads} thread{'s' if threads > 1 else ''}",
    ]
    calls = dict.fromkeys(entry.call for entry in entries)
    found = {(entry.call, entry.backend): entry for entry in entries}
    rows = [
        [call, *cells(found[call, backend], [found[call, name] for name in others])]
        for call in calls
    ]
    heads = ["call", "median ms", *(f"/ {name}" for name in others), "/ floor"]
    slow = [
        f"{entry.backend} is left out of {entry.call}: about {entry.expected:.0f} s a call"
        for entry in entries
        if entry.expected
    ]
    return "\n".join([*titles, *(row_line(row, heads) for row in [heads, *rows]), *slow, ""])


def cells(own: Entry, others: Sequence[Entry]) -> list[str]:
    """Its milliseconds, and these over those of each of the others and of the floor."""
    if not own.seconds:
        return ["-"] * (len(others) + 2)
    median = statistics.median(own.seconds)
    bases = [statistics.median(one.seconds) if one.seconds else None for one in others]
    ratios = [three_figures(median / base) if base else "-" for base in [*bases, own.floor]]
    return [three_figures(1000 * median), *ratios]


def three_figures(value: float) -> str:
    """Three figures."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def row_line(cells: Sequence[str], heads: Sequence[str]) -> str:
    """The cells in columns as wide as their heads, the first one to the left."""
    rest = zip(cells[1:], heads[1:], strict=True)
    return f"{cells[0]:{FIRST}}" + "".join(f"{cell:>{len(head) + 3}}" for cell, head in rest)
