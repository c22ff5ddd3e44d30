"""Which columns have the numbers, by their names and types.

| column                  | type                                                              |
|-------------------------|-------------------------------------------------------------------|
| `features` or `indices` | list of whole numbers; `values` beside it is a list of numbers    |
|                         | list of structs of index and value, or a map from index to value  |
|                         | struct of lists: indices and values                               |
|                         | vector of Spark ML: struct of type, size, indices, values         |
| `labels` or `label`     | list of whole numbers, or one                                     |

Index and value are called `index` or `key` and `value`, or `indices` and `values`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError, worded
from slide.data.block import MAX_COLUMNS
from slide.data.columns.lists import (
    Lists,
    Rows,
    as_columns,
    items_of,
    lists_of,
    matrix_of,
    numbers_of,
    refuse_null,
    refuse_unequal,
)
from slide.data.columns.vectors import entries_of_vectors, sizes_of
from slide.data.rows import as_labels
from slide.data.source import Source
from slide.data.tables.arrow import refuse_repeated
from slide.data.tables.row import N_LISTED, told

FEATURES, LABELS, VALUES = ("features", "indices"), ("labels", "label"), "values"
DENSE = ("embedding", "embeddings")
INDEX_NAMES, VALUE_NAMES = ("index", "key", "indices"), ("value", "values")
LONGEST_TYPE = 80  # characters of it in a sentence

Entries = Callable[[Any, Rows], tuple[Lists, Array]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where numbers stand in a file.

    Args:
        columns: to read.
        entries: indices and values of the rows of a batch.
        vectors: the column of vectors that state their size, if they do.
        labels: the column of labels, if they are wanted.
    """

    columns: list[str]
    entries: Entries
    vectors: str | None
    labels: str | None

    def features_of(self, batch: Any, rows: Rows) -> CSR:
        """The features of the rows of a batch, or DataError."""
        return matrix_of(*self.entries(batch, rows), rows)

    def labels_of(self, batch: Any, rows: Rows) -> CSR:
        """Their labels, or DataError; none if none are wanted."""
        if self.labels is None:
            return CSR.empty(batch.num_rows, 0)
        column = batch.column(self.labels)
        if is_list(column.type):
            found = lists_of(column, self.labels, rows)
        else:
            remedy = "drop the row, or write lists, [] where there is none"
            refuse_null(column, rows, f"{self.labels!r} is null, expected a whole number: {remedy}")
            one = np.ones(len(column), np.int64)
            found = Lists(one, numbers_of(column, one, self.labels, rows))
        columns = as_columns(found, "label", rows)
        indptr = np.append(0, np.cumsum(found.lengths))
        return as_labels(CSR(indptr, columns, np.ones(len(columns), np.float32), 0))

    def size_of(self, batch: Any) -> int | None:
        """The number of features that the first row of a batch states; None if none does."""
        if self.vectors is None:
            return None
        return int(sizes_of(batch.column(self.vectors).slice(0, 1))[0])

    def refuse_sizes(self, batch: Any, size: int | None, rows: Rows) -> None:
        """Raise DataError for the first vector that states another number of features."""
        if self.vectors is None or size is None:
            return
        sizes = sizes_of(batch.column(self.vectors))
        bad = np.flatnonzero((sizes != size) | (sizes < 0) | (sizes > MAX_COLUMNS))
        if len(bad):
            row = int(bad[0])
            sentence = f"a vector of {sizes[row]} features, expected {size} as of the first one"
            if sizes[row] == size:
                sentence = f"a vector of {size} features, expected 0 to {MAX_COLUMNS}"
            raise rows.error(row, f"{sentence}: write them again")


def layout_of(schema: Any, source: Source, features_only: bool) -> Layout:
    """Where the numbers of a file stand.

    Raises:
        DataError: it has no such columns, or they have types of something else.
    """
    there = schema.names
    name = _one_of(FEATURES, there, source)
    if name is None:
        raise DataError(_no_features(schema), source.name)
    entries, columns = _entries_of(name, schema, source)
    labels = None if features_only else _one_of(LABELS, there, source)
    if labels is None and not features_only:
        sentence = f"there is no column 'labels' or 'label' of numbers: {_listed(there)}"
        raise DataError(f"{sentence}; name the labels so", source.name)
    if labels is not None:
        kind = schema.field(labels).type
        item = kind.value_type if is_list(kind) else kind
        if not (is_number(item) or (is_list(kind) and is_null(item))):
            expected = "whole numbers, or lists of them"
            raise _odd_type(schema, labels, expected, source, "number the labels from 0")
        columns = [*columns, labels]
    return Layout(columns, entries, name if entries.func is _of_vectors else None, labels)


def _entries_of(name: str, schema: Any, source: Source) -> tuple[partial[Any], list[str]]:
    """What takes indices and values out of a column of features, and the columns that it reads."""
    kind = schema.field(name).type
    if is_struct(kind):
        fields = _fields(kind)
        if {"type", "size", "indices", "values"} <= {field.name for field in kind}:
            fits = all(is_whole(kind.field(each).type) for each in ("type", "size"))
            if fits and fields and _are_lists(kind, fields):
                return partial(_of_vectors, name), [name]
        elif fields and _are_lists(kind, fields):
            return partial(_of_struct, name, fields), [name]
    elif is_map(kind):
        if is_whole(kind.key_type) and is_number(kind.item_type):
            return partial(_of_pairs, name, ("key", "value")), [name]
    elif is_list(kind) and is_struct(kind.value_type):
        fields, item = _fields(kind.value_type), kind.value_type
        if (
            fields
            and is_whole(item.field(fields[0]).type)
            and is_number(item.field(fields[1]).type)
        ):
            return partial(_of_pairs, name, fields), [name]
    elif is_list(kind) and (is_whole(kind.value_type) or is_null(kind.value_type)):
        if VALUES not in schema.names:
            return partial(_of_ones, name), [name]
        refuse_repeated(VALUES, schema.names, source)
        if _is_list_of_numbers(schema.field(VALUES).type):
            return partial(_of_lists, name), [name, VALUES]
        raise _odd_type(schema, VALUES, "lists of numbers", source, "write a value for each index")
    elif is_list(kind) and is_number(kind.value_type):
        raise DataError(_is_dense(schema, name), source.name)
    expected = "lists of indices, lists or maps of index and value, or vectors of Spark"
    raise _odd_type(schema, name, expected, source, _or_texts())


def _of_ones(name: str, batch: Any, rows: Rows) -> tuple[Lists, Array]:
    indices = lists_of(batch.column(name), name, rows)
    return indices, np.ones(len(indices.numbers), np.float32)


def _of_lists(name: str, batch: Any, rows: Rows) -> tuple[Lists, Array]:
    indices = lists_of(batch.column(name), name, rows)
    values = lists_of(batch.column(VALUES), VALUES, rows)
    refuse_unequal(indices.lengths, values.lengths, rows)
    return indices, values.numbers


def _of_struct(name: str, fields: tuple[str, str], batch: Any, rows: Rows) -> tuple[Lists, Array]:
    column = batch.column(name)
    refuse_null(column, rows, f"{name!r} is null, expected lists: write [] where there is none")
    indices, values = (lists_of(column.field(each), f"{name}.{each}", rows) for each in fields)
    refuse_unequal(indices.lengths, values.lengths, rows)
    return indices, values.numbers


def _of_pairs(name: str, fields: tuple[str, str], batch: Any, rows: Rows) -> tuple[Lists, Array]:
    lengths, pairs = items_of(batch.column(name), name, rows)
    if pairs.null_count:
        numbers_of(pairs, lengths, name, rows)  # which refuses it
    indices, values = (
        numbers_of(pairs.field(each), lengths, f"{name}.{each}", rows) for each in fields
    )
    return Lists(lengths, indices), values


def _of_vectors(name: str, batch: Any, rows: Rows) -> tuple[Lists, Array]:
    return entries_of_vectors(batch.column(name), name, rows)


def _one_of(names: Sequence[str], there: Sequence[str], source: Source) -> str | None:
    """The one name that is there, if one is."""
    found = [name for name in names if name in there]
    if len(found) > 1:
        sentence = f"there are columns {found[0]!r} and {found[1]!r}, expected one of them"
        raise DataError(f"{sentence}: drop or rename the other", source.name)
    for name in found:
        refuse_repeated(name, there, source)
    return found[0] if found else None


def _fields(kind: Any) -> tuple[str, str] | None:
    """The names of index and value in a struct, each once."""
    there = [field.name for field in kind]
    pair = [[name for name in there if name in names] for names in (INDEX_NAMES, VALUE_NAMES)]
    return (pair[0][0], pair[1][0]) if [len(found) for found in pair] == [1, 1] else None


def _are_lists(kind: Any, fields: tuple[str, str]) -> bool:
    index, value = (kind.field(field).type for field in fields)
    is_index = is_list(index) and (is_whole(index.value_type) or is_null(index.value_type))
    return is_index and _is_list_of_numbers(value)


def _is_list_of_numbers(kind: Any) -> bool:
    return is_list(kind) and (is_number(kind.value_type) or is_null(kind.value_type))


def _no_features(schema: Any) -> str:
    """What is said where no column has features by its name."""
    for name in DENSE:
        if name in schema.names and _is_list_of_numbers(schema.field(name).type):
            return _is_dense(schema, name)
    sentence = f"there is no column 'features' or 'indices' of numbers: {_listed(schema.names)}"
    return f"{sentence}; {_or_texts()}"


def _or_texts() -> str:
    """What to say where there are texts after all."""
    return worded(
        "read texts by slide.read_texts(path, text=COLUMN, labels=COLUMN)",
        "for texts say --text COLUMN and --labels COLUMN",
    )


def _is_dense(schema: Any, name: str) -> str:
    got = f"the column {name!r} has dense features ({_told(schema, name)})"
    remedy = "give them in Python as slide.Dataset(x, y), with an array of NumPy as x"
    return f"{got}, expected sparse ones, which files hold: {remedy}"


def _odd_type(schema: Any, name: str, expected: str, source: Source, remedy: str) -> DataError:
    got = f"the column {name!r} is of the type {_told(schema, name)}"
    return DataError(f"{got}, expected {expected}: {remedy}", source.name)


def _told(schema: Any, name: str) -> str:
    kind = " ".join(str(schema.field(name).type).split())
    return kind if len(kind) <= LONGEST_TYPE else kind[: LONGEST_TYPE - 3] + "..."


def _listed(there: Sequence[str]) -> str:
    names = ", ".join(map(told, there[:N_LISTED])) + (", ..." if len(there) > N_LISTED else "")
    return f"it has {names or 'none'}"


def is_list(kind: Any) -> bool:
    """Whether a type is of lists, each with its items behind those of the one before."""
    import pyarrow.types as types

    if types.is_fixed_size_list(kind):
        return bool(kind.list_size)  # lists of nothing take no bytes, however many are claimed
    return bool(types.is_list(kind) or types.is_large_list(kind))


def is_struct(kind: Any) -> bool:
    """Whether a type is of structs."""
    import pyarrow.types as types

    return bool(types.is_struct(kind))


def is_map(kind: Any) -> bool:
    """Whether a type is of maps."""
    import pyarrow.types as types

    return bool(types.is_map(kind))


def is_whole(kind: Any) -> bool:
    """Whether a type is of whole numbers."""
    import pyarrow.types as types

    return bool(types.is_integer(kind))


def is_number(kind: Any) -> bool:
    """Whether a type is of whole or of floating point numbers."""
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_floating(kind))


def is_null(kind: Any) -> bool:
    """Whether a type is of nulls, as that of the items of lists that are all empty."""
    import pyarrow.types as types

    return bool(types.is_null(kind))
