"""Features and labels in files of their own, as the newer sets of the XMC repository have them.

    n_rows n_columns
    i1:v1 i2:v2 ...

* Each of the n_rows lines after the header is a row, in order, by the rules of XMC text (xmc.py).
  A file of labels has the value 1 for each.
* `filter_labels_train.txt` and `filter_labels_test.txt` have an example and a label a line, from 0:
  the label is the example's own page, so that it is neither right nor wrong. Such pairs are no
  labels when a set is read, and rankings are judged without them.

Source: Bhatia et al., The extreme classification repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import distinct
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.block import MAX_DIGITS, TextBlock, quote
from slide.data.parts import Part, Parts
from slide.data.rows import as_labels
from slide.data.source import Source
from slide.data.xmc import matrix_parts

_PAIRS = re.compile(rb"(?:[ \t]*\d{1,%d}[ \t]+\d{1,%d}[ \t]*\n)*" % (MAX_DIGITS, MAX_DIGITS))


def apart_parts(source: Source, labels_path: Path, left_out_path: Path | None) -> Parts:
    """The examples of two files, a few at a time, less pairs to be left out.

    Raises:
        DataError: one of the files is damaged, they have different numbers of rows, a label has a
            value other than 1, or the pairs are none.
    """
    features, (n, n_features) = matrix_parts(source)
    labels, (n_labelled, n_labels) = matrix_parts(Source(labels_path))
    refuse_misfit(n, n_labelled, labels_path)
    left_out = None
    if left_out_path is not None:
        left_out = read_left_out(Source(left_out_path), (n, n_labels))
    return Parts(_side_by_side(features, labels, left_out, labels_path), n_features, n_labels)


def _side_by_side(
    features: Iterator[CSR], labels: Iterator[CSR], left_out: CSR | None, labels_path: Path
) -> Iterator[Part]:
    """Examples in the parts that features come in."""
    n_before, waiting = 0, CSR.empty(0, 0)
    for x in features:
        while waiting.n_rows < x.n_rows and (more := next(labels, None)) is not None:
            waiting = CSR.stack([waiting, more], more.n_cols)
        rows = np.arange(waiting.n_rows)
        own = labels_of(waiting.take(rows[: x.n_rows]), labels_path, n_before)
        waiting = waiting.take(rows[x.n_rows :])
        theirs = left_out and left_out.take(np.arange(n_before, n_before + x.n_rows))
        yield Part(without(x, own, theirs), None)
        n_before += x.n_rows
    for _ in labels:  # which may have more to refuse
        pass


def labels_of(matrix: CSR, path: Path, n_before: int = 0) -> CSR:
    """Rows of a file of labels as such.

    Args:
        matrix: the rows.
        path: of the file.
        n_before: rows of it before these.

    Raises:
        DataError: a value is not 1.
    """
    others = np.flatnonzero(matrix.values != 1)
    if len(others):
        row = int(np.searchsorted(matrix.indptr, others[0], side="right")) - 1
        sentence = f"label {matrix.indices[others[0]]} has a value other than 1, or is given twice"
        remedy = "write label:1 for each label of the example, nothing for the others"
        raise DataError(f"{sentence}: {remedy}", path, 2 + n_before + row)
    return as_labels(matrix)


def without(x: CSR, y: CSR, left_out: CSR | None) -> Dataset:
    """Examples, less pairs to be left out."""
    if left_out is None:
        return Dataset(x, y)
    return Dataset(x, y.where(~np.isin(y.cells(), left_out.cells())), left_out)


def refuse_misfit(n_rows: int, n_labelled: int, path: Path) -> None:
    """Raise DataError unless there are as many rows of labels as of features."""
    if n_rows != n_labelled:
        sentence = f"{n_rows} rows of features and {n_labelled} rows of labels, expected as many"
        raise DataError(f"{sentence}: write both from the same examples", path)


def read_left_out(source: Source, shape: tuple[int, int]) -> CSR:
    """Pairs of an example and a label, as the cells of a matrix.

    Args:
        source: the file; it may be empty.
        shape: examples and labels that there are.

    Raises:
        DataError: with the line, for whatever is no such pair.
    """
    if not source.head.strip():
        return CSR.empty(*shape)
    text = b"".join(source.lines()).rstrip() + b"\n"
    end = _PAIRS.match(text).end()  # type: ignore[union-attr] # it matches nothing, too
    if end < len(text):
        line = text[end:].partition(b"\n")[0]
        sentence = f"{quote(line)} is no pair, expected the numbers of an example and a label"
        raise TextBlock(text, source.name, 1).error(1 + end, f"{sentence}: correct the line")
    pairs = np.array(text.split(), np.int64).reshape(-1, 2)
    _refuse_outside(pairs, shape, source.name)
    cells = distinct(pairs[:, 0] * shape[1] + pairs[:, 1])
    return CSR.of_cells(cells, np.ones(len(cells), np.float32), shape)


def _refuse_outside(pairs: Array, shape: tuple[int, int], name: Path) -> None:
    outside = np.flatnonzero((pairs >= np.array(shape)).any(axis=1))
    if len(outside):
        example, label = pairs[outside[0]]
        got = f"example {example} and label {label}, expected less than {shape[0]} and {shape[1]}"
        raise DataError(f"{got}: numbers count from 0", name, int(outside[0]) + 1)
