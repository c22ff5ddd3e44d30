"""svmlight text with many labels: one example a line, no header.

    l1,l2,... f1:v1 f2:v2 ...   # comment

Tokens follow the rules of XMC text (xmc.py), and besides:

* Numbers are taken as they stand: feature i is column i, label j is column j. Whether a file counts
  from 0 or 1 is never guessed, so a training and a test file always agree; a file that counts from
  1 leaves column 0 empty.
* There are no sizes in the file: they are 1 + the highest number seen.
* What follows a `#` is a comment. Blank lines, comments taken away, are skipped. So an example with
  neither labels nor features cannot be written; one without labels starts with a blank or goes
  straight to its first feature.
* Labels are names by number, not targets to regress on: 1.5, -1 and +1 are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.block import TextBlock
from slide.data.source import CHUNK_SIZE, line_blocks
from slide.data.target import example_lines
from slide.data.tokens import parse_lines

_COMMENT = re.compile(rb"#[^\n]*")


def read_svmlight(
    path: Path, n_features: int = 0, n_labels: int = 0, chunk_size: int = CHUNK_SIZE
) -> Dataset:
    """The examples of an svmlight file.

    Args:
        path: the file.
        n_features, n_labels: the least sizes of the result.

    Raises:
        DataError: for whatever departs from the rules above.
    """
    parts: list[Dataset] = []
    line = 1
    for lines in line_blocks(path, chunk_size):
        part = parse_lines(TextBlock(_COMMENT.sub(b"", lines), path, line))
        line += part.n_samples
        parts.append(part.take(np.flatnonzero(_filled(part))))
    n_features = max([n_features, *(_highest(part.features) + 1 for part in parts)])
    n_labels = max([n_labels, *(_highest(part.y) + 1 for part in parts)])
    x = CSR.stack([part.features for part in parts], n_features)
    if not x.n_rows:
        raise DataError("the file holds no example: check how it was made", path)
    return Dataset(x, CSR.stack([part.y for part in parts], n_labels))


def svmlight_text(dataset: Dataset, path: Path) -> Iterator[str]:
    """The text of an svmlight file, in pieces of whole lines.

    Raises:
        DataError: there is no example, or one with neither labels nor features.
    """
    empty = np.flatnonzero(~_filled(dataset))
    if len(empty) or not dataset.n_samples:
        got = f"example {empty[0]} has no labels and no features" if len(empty) else "no examples"
        sentence = f"{got}, which svmlight cannot hold: choose another format (.txt, .npz)"
        raise DataError(sentence, path)
    return example_lines(dataset)


def _filled(dataset: Dataset) -> Array:
    """Which examples have a label or a feature, bool (n_samples)."""
    filled: Array = dataset.features.row_lengths() + dataset.y.row_lengths() > 0
    return filled


def _highest(matrix: CSR) -> int:
    return int(matrix.indices.max(initial=-1))
