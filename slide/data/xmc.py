"""XMC-repository text: a header, then one example a line.

    n_samples n_features n_labels
    l1,l2,... f1:v1 f2:v2 ...

* The header is three decimal integers with blanks between them.
* Each of the n_samples lines after it is one example, in order. Labels may be missing: then the
  line starts with a blank, or its first token holds a colon. Features may be missing. A blank line
  is an example with neither. After the last example only blank lines may follow.
* Labels and features count from 0. Tokens are set apart by spaces and tabs, any number of them.
* A line's features may stand in any order; values of a repeated feature are summed in float32, and
  a repeated label counts once. A zero that is written is kept as an entry.
* Lines end in a newline alone; the last one may do without. Nothing but ASCII is allowed.

Whatever departs from this is refused with its line; nothing is skipped or guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from slide.core.contract.arrays import CSR
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.block import MAX_COLUMNS, MAX_DIGITS, TextBlock, quote
from slide.data.source import MARK, Source
from slide.data.target import example_lines
from slide.data.tokens import parse_lines, refuse_unknown_bytes

_HEADER = re.compile(rb"[ \t]*(\d+)[ \t]+(\d+)[ \t]+(\d+)[ \t]*")


def has_header(head: bytes) -> bool:
    """Whether text begins with the three numbers of a header."""
    lines = head.removeprefix(MARK).splitlines()
    return bool(lines) and _HEADER.fullmatch(lines[0]) is not None


def read_xmc(source: Source) -> Dataset:
    """The examples of an XMC-repository text file, in the sizes that its header states.

    Raises:
        DataError: for whatever departs from the rules above.
    """
    path, blocks = source.name, source.lines()
    header, newline, rest = next(blocks).partition(b"\n")
    n_samples, n_features, n_labels = _sizes(TextBlock(header + newline, path, 1))
    parts: list[Dataset] = []
    n_lines = 0  # after the header
    for lines in chain([rest], blocks):
        examples, surplus = _split_after(lines, max(0, n_samples - n_lines))
        part = parse_lines(TextBlock(examples, path, 2 + n_lines, n_features, n_labels))
        _demand_blank(TextBlock(surplus, path, 2 + n_lines + part.n_samples), n_samples)
        parts.append(part)
        n_lines += lines.count(b"\n")
    if n_lines < n_samples:
        sentence = (
            f"the file ends after {n_lines} of the {n_samples} examples that its header states: "
            "fetch the file again or correct the header"
        )
        raise DataError(sentence, path, 1 + n_lines)
    x = CSR.stack([part.features for part in parts], n_features)
    return Dataset(x, CSR.stack([part.y for part in parts], n_labels))


def xmc_text(dataset: Dataset) -> Iterator[str]:
    """The text of an XMC file, in pieces of whole lines."""
    yield f"{dataset.n_samples} {dataset.n_features} {dataset.n_labels}\n"
    yield from example_lines(dataset)


def _sizes(header: TextBlock) -> tuple[int, int, int]:
    """n_samples, n_features, n_labels."""
    refuse_unknown_bytes(header)
    line = header.lines.rstrip(b"\n")
    match = _HEADER.fullmatch(line)
    if not match:
        sentence = (
            f"the first line is {quote(line)}, expected three whole numbers "
            "'n_samples n_features n_labels': write that header line, or call the file .svm if it "
            "is svmlight"
        )
        raise header.error(1, sentence)
    n_samples, n_features, n_labels = match.groups()
    most_samples = 10**MAX_DIGITS - 1
    return (
        _size(header, n_samples, "n_samples", most_samples),
        _size(header, n_features, "n_features", MAX_COLUMNS),
        _size(header, n_labels, "n_labels", MAX_COLUMNS),
    )


def _size(header: TextBlock, digits: bytes, what: str, most: int) -> int:
    if len(digits) > MAX_DIGITS or int(digits) > most:
        sentence = f"{what} is {quote(digits)}, expected at most {most}: correct the header"
        raise header.error(1, sentence)
    return int(digits)


def _split_after(lines: bytes, n: int) -> tuple[bytes, bytes]:
    """The first n lines and the others."""
    if lines.count(b"\n") <= n:
        return lines, b""
    cut = 0
    for _ in range(n):
        cut = lines.index(b"\n", cut) + 1
    return lines[:cut], lines[cut:]


def _demand_blank(surplus: TextBlock, n_samples: int) -> None:
    content = surplus.text.lstrip(b" \t\n")
    if content:
        sentence = (
            f"got more examples than the {n_samples} that the header states: correct the header"
        )
        raise surplus.error(len(surplus.text) - len(content), sentence)
