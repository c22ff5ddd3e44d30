"""Examples of a file of Parquet or Arrow, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from slide.core.examples.dataset import Dataset
from slide.data.columns.layout import Layout, layout_of
from slide.data.columns.lists import Rows
from slide.data.parts import Part, Parts
from slide.data.source import BEGIN, Place, Source
from slide.data.tables.arrow import PARQUET, Arrow, Piece
from slide.data.tables.kinds import kind_named

ROWS_AT_A_TIME = 1 << 12  # which have some million entries where examples are long


def column_parts(
    source: Source,
    n_features: int = 0,
    n_labels: int = 0,
    features_only: bool = False,
    start: Place = BEGIN,
    rows_at_a_time: int = ROWS_AT_A_TIME,
) -> Parts:
    """The examples of a file whose columns are those of `layout`.

    Args:
        source: the file.
        n_features, n_labels: the least sizes, which grow by what is seen and by what vectors state.
        features_only: labels are not looked for: there are none then.
        start: the place behind the rows that somebody has already.
        rows_at_a_time: of a part, at most.

    Raises:
        DataError: the file is damaged, has no such columns, or a row is not as they should be.
    """
    table = Arrow(source, kind_named(source.path) or PARQUET)
    with table.refusing():  # names may be no text
        layout = layout_of(table.schema(), source, features_only)
    pieces = table.pieces(layout.columns, rows_at_a_time, start.n_lines)
    first = next(pieces, None)
    size = None
    if first is not None:
        size, pieces = layout.size_of(first.batch), chain([first], pieces)
    parts = _examples(source, layout, pieces, start.n_lines, size)
    return Parts(parts, max(n_features, size or 0), n_labels)


def _examples(
    source: Source, layout: Layout, pieces: Iterator[Piece], n_before: int, size: int | None
) -> Iterator[Part]:
    for batch, share in pieces:
        rows = Rows(source.name, n_before)
        x, y = layout.features_of(batch, rows), layout.labels_of(batch, rows)
        layout.refuse_sizes(batch, size, rows)
        n_before += batch.num_rows
        source.has_read(share)
        yield Part(Dataset(x, y), Place(0, n_before))
