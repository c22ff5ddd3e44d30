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
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.block import MAX_DIGITS, TextBlock, quote
from slide.data.rows import as_labels
from slide.data.source import Source
from slide.data.xmc import read_matrix

_PAIRS = re.compile(rb"(?:[ \t]*\d{1,%d}[ \t]+\d{1,%d}[ \t]*\n)*" % (MAX_DIGITS, MAX_DIGITS))


def read_labels(source: Source) -> CSR:
    """The labels of a file that holds them alone.

    Raises:
        DataError: it is damaged, or a value is not 1.
    """
    matrix = read_matrix(source)
    others = np.flatnonzero(matrix.values != 1)
    if len(others):
        row = int(np.searchsorted(matrix.indptr, others[0], side="right")) - 1
        sentence = f"label {matrix.indices[others[0]]} has a value other than 1, or is given twice"
        remedy = "write label:1 for each label of the example, nothing for the others"
        raise DataError(f"{sentence}: {remedy}", source.name, 2 + row)
    return as_labels(matrix)


def joined(x: CSR, y: CSR, labels_path: Path, left_out_path: Path | None) -> Dataset:
    """Examples of features and labels that were read apart, less pairs to be left out.

    Raises:
        DataError: they have different numbers of rows, or the pairs are none.
    """
    if x.n_rows != y.n_rows:
        sentence = f"{x.n_rows} rows of features and {y.n_rows} rows of labels, expected as many"
        raise DataError(f"{sentence}: write both from the same examples", labels_path)
    if left_out_path is None:
        return Dataset(x, y)
    left_out = read_left_out(Source(left_out_path), y.shape)
    return Dataset(x, y.where(~np.isin(y.cells(), left_out.cells())), left_out)


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
    cells = np.unique(pairs[:, 0] * shape[1] + pairs[:, 1])
    return CSR.of_cells(cells, np.ones(len(cells), np.float32), shape)


def _refuse_outside(pairs: Array, shape: tuple[int, int], name: Path) -> None:
    outside = np.flatnonzero((pairs >= np.array(shape)).any(axis=1))
    if len(outside):
        example, label = pairs[outside[0]]
        got = f"example {example} and label {label}, expected less than {shape[0]} and {shape[1]}"
        raise DataError(f"{got}: numbers count from 0", name, int(outside[0]) + 1)
