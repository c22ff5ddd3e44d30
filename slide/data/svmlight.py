"""svmlight text with many labels: one example a line, no header.

    l1,l2,... f1:v1 f2:v2 ...   # comment

Tokens follow the rules of XMC text (xmc.py), and besides:

* Numbers are taken as they stand: feature i is column i, label j is column j. Whether a file counts
  from 0 or 1 is never guessed, so a training and a test file always agree; it may be said
  (`one_based`), and a file that looks as if it counted from 1 is told in a sentence.
* There are no sizes in the file: they are 1 + the highest column seen.
* A line is an example. An empty one, or one of blanks alone, is an example with neither labels nor
  features, also at the end of the file. What follows a `#` is a comment; a line that begins with
  `#` is no example, a line with a blank before it is.
* An example without labels starts with a blank or goes straight to its first feature.
* Labels are names by number, not targets to regress on: 1.5 and -1 are refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import DataError, SlideWarning, said
from slide.core.examples.counting import OneBased
from slide.core.examples.dataset import Dataset
from slide.data.block import TextBlock
from slide.data.ordered import in_order
from slide.data.parts import Part, Parts, filled_rows, lowest
from slide.data.source import BEGIN, Place, Source, Stretch, stretches
from slide.data.target import example_lines
from slide.data.tokens import parse_lines

_COMMENT = re.compile(rb"#[^\n]*")


def read_svmlight(
    source: Source,
    n_features: int = 0,
    n_labels: int = 0,
    one_based: OneBased | None = None,
) -> Dataset:
    """The examples of an svmlight file.

    Args:
        source: the file.
        n_features, n_labels: the least sizes of the result.
        one_based: what counts from 1; None for nothing, unless a sentence is of use.

    Raises:
        DataError: for whatever departs from the rules above.
    """
    return svmlight_parts(source, n_features, n_labels, one_based).whole()


def svmlight_parts(
    source: Source,
    n_features: int = 0,
    n_labels: int = 0,
    one_based: OneBased | None = None,
    start: Place = BEGIN,
) -> Parts:
    """The same in parts.

    Args:
        source, n_features, n_labels, one_based: see `read_svmlight`.
        start: the place behind the examples that somebody has already.

    Raises:
        DataError: for whatever departs from the rules above, as soon as it is met.
    """
    read_lines = partial(_examples, source.name, one_based or OneBased.NONE)
    parts = in_order(read_lines, stretches(source.lines(), start))
    return Parts(parts, n_features, n_labels, partial(_conclude, source.name, one_based))


def _examples(name: Path, one_based: OneBased, stretch: Stretch) -> Part:
    """The examples in some lines."""
    lines = stretch.lines
    text = _COMMENT.sub(b"", lines) if b"#" in lines else lines
    block = TextBlock(text, name, 1 + stretch.begin.n_lines, one_based=one_based)
    part = parse_lines(block)
    if b"#" in lines:
        part = part.take(np.flatnonzero(~_begin_with_hash(lines)))
    return Part(part, stretch.end)


def _conclude(name: Path, one_based: OneBased | None, dataset: Dataset) -> None:
    """Raise DataError if there is no example, and tell what looks odd."""
    if not dataset.n_samples:
        raise DataError("the file holds no example: check how it was made", name)
    if one_based is None:
        _tell_origin(dataset, name)
    _tell_blank_end(dataset, name)


def _begin_with_hash(lines: bytes) -> Array:
    """Which lines are comments as a whole, bool (n_lines)."""
    text = np.frombuffer(b"\n" + lines, np.uint8)
    begins = np.flatnonzero(text[:-1] == ord("\n")) + 1
    comments: Array = text[begins] == ord("#")
    return comments


def _tell_origin(dataset: Dataset, name: Path) -> None:
    """Warn if 1 is the lowest number of features or labels, as where one counts from 1."""
    features, labels = (lowest(matrix) == 1 for matrix in (dataset.features, dataset.y))
    if features or labels:
        one_based = OneBased.of(features, labels)
        what = "features and labels" if one_based is OneBased.BOTH else one_based.value
        warnings.warn(
            f"{name}: {what} begin at 1, none is 0: numbers are taken as they stand; if the file "
            f"counts from 1, say {said('one_based', str(one_based))}",
            SlideWarning,
            stacklevel=2,
        )


def _tell_blank_end(dataset: Dataset, name: Path) -> None:
    """Warn if the last lines are blank, which is rarely meant."""
    n_blank = dataset.n_samples - 1 - int(filled_rows(dataset).max(initial=-1))
    if n_blank:
        lines = "a blank line" if n_blank == 1 else f"{n_blank} blank lines"
        warnings.warn(
            f"{name}: {lines} at its end, read as examples without labels and features, as others "
            "would be: remove what is none",
            SlideWarning,
            stacklevel=2,
        )


def svmlight_text(dataset: Dataset, path: Path) -> Iterator[str]:
    """The text of an svmlight file, in pieces of whole lines.

    Raises:
        DataError: there is no example.
    """
    if not dataset.n_samples:
        sentence = "no examples, which svmlight cannot hold: choose another format (.txt, .npz)"
        raise DataError(sentence, path)
    return example_lines(dataset)
