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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from slide.core.contract.arrays import CSR
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.block import MAX_COLUMNS, MAX_DIGITS, TextBlock, quote
from slide.data.ordered import in_order
from slide.data.parts import Part, Parts
from slide.data.source import BEGIN, MARK, Place, Source, Stretch, stretches
from slide.data.target import example_lines
from slide.data.tokens import parse_lines, refuse_unknown_bytes

_HEADER = re.compile(rb"[ \t]*\d+(?:[ \t]+\d+)*[ \t]*")
_OF_EXAMPLES = ("n_samples", "n_features", "n_labels")
_OF_MATRIX = ("n_rows", "n_columns")


def n_in_header(head: bytes) -> int:
    """How many numbers text has in its first line, if nothing else is there; otherwise 0."""
    lines = head.removeprefix(MARK).splitlines()
    return len(lines[0].split()) if lines and _HEADER.fullmatch(lines[0]) else 0


def read_xmc(source: Source) -> Dataset:
    """The examples of an XMC-repository text file, in the sizes that its header states.

    Raises:
        DataError: for whatever departs from the rules above.
    """
    return xmc_parts(source).whole()


def xmc_parts(source: Source, start: Place = BEGIN) -> Parts:
    """The same in parts.

    Args:
        source: the file.
        start: the place behind the examples that somebody has already; the header is before all.

    Raises:
        DataError: for whatever departs from the rules above, as soon as it is met.
    """
    rest, sizes = _after_header(source, _OF_EXAMPLES)
    reader = _Reader(source.name, *sizes)
    return Parts(reader.parts(rest, start), reader.n_features, reader.n_labels)


def read_matrix(source: Source) -> CSR:
    """The rows of a file with features alone, or labels, in the sizes that its header states.

    Raises:
        DataError: for whatever departs from the same rules.
    """
    parts, (_, n_columns) = matrix_parts(source)
    rows = [CSR.empty(0, n_columns), *parts]
    return CSR.stack(rows, n_columns)


def matrix_parts(source: Source) -> tuple[Iterator[CSR], tuple[int, int]]:
    """The same in parts, and the numbers of rows and columns that the header states."""
    rest, (n_rows, n_columns) = _after_header(source, _OF_MATRIX)
    reader = _Reader(source.name, n_rows, n_columns, MAX_COLUMNS)
    return _rows_alone(reader.parts(rest), n_columns, source.name), (n_rows, n_columns)


def _rows_alone(parts: Iterator[Part], n_columns: int, name: Path) -> Iterator[CSR]:
    """The features of examples, or DataError at one that has a label."""
    line = 2
    for part in parts:
        rows, y = part.examples.features, part.examples.y
        if y.nnz:
            sentence = f"{str(y.indices[0])!r} is no entry, expected index:value in a file whose "
            sentence += "header has two numbers: correct the line"
            raise DataError(sentence, name, line + int(y.row_numbers()[0]))
        line += rows.n_rows
        yield replace(rows, n_cols=n_columns)


def _after_header(source: Source, names: tuple[str, ...]) -> tuple[Iterator[bytes], list[int]]:
    """The lines after a header, and the numbers in it."""
    blocks = source.lines()
    header, newline, rest = next(blocks).partition(b"\n")
    sizes = _sizes(TextBlock(header + newline, source.name, 1), names)
    return chain([rest], blocks), sizes


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the lines after a header with these numbers; places count from there."""

    name: Path
    n_samples: int
    n_features: int
    n_labels: int

    def parts(self, blocks: Iterable[bytes], start: Place = BEGIN) -> Iterator[Part]:
        """The examples in blocks of lines."""
        end = start
        for part in in_order(self.examples, stretches(blocks, start)):
            assert part.end is not None
            end = part.end
            yield part
        if end.n_lines < self.n_samples:
            sentence = (
                f"the file ends after {end.n_lines} of the {self.n_samples} examples that its "
                "header states: fetch the file again or correct the header"
            )
            raise DataError(sentence, self.name, 1 + end.n_lines)

    def examples(self, stretch: Stretch) -> Part:
        """The examples in some lines; those after the last one are blank."""
        n_before = stretch.begin.n_lines
        lines, surplus = _split_after(stretch.lines, max(0, self.n_samples - n_before))
        line = 2 + n_before
        part = parse_lines(TextBlock(lines, self.name, line, self.n_features, self.n_labels))
        _demand_blank(TextBlock(surplus, self.name, line + part.n_samples), self.n_samples)
        return Part(part, stretch.end)


def xmc_text(dataset: Dataset) -> Iterator[str]:
    """The text of an XMC file, in pieces of whole lines."""
    yield f"{dataset.n_samples} {dataset.n_features} {dataset.n_labels}\n"
    yield from example_lines(dataset)


def _sizes(header: TextBlock, names: tuple[str, ...]) -> list[int]:
    """The numbers of these names."""
    refuse_unknown_bytes(header)
    line = header.lines.rstrip(b"\n")
    if n_in_header(line) != len(names):
        count = {2: "two", 3: "three"}[len(names)]
        sentence = (
            f"the first line is {quote(line)}, expected {count} whole numbers {' '.join(names)!r}: "
            "write that header line"
        )
        if names == _OF_EXAMPLES:
            sentence += ", or call the file .svm if it is svmlight"
        raise header.error(1, sentence)
    return [_size(header, *each) for each in zip(line.split(), names, strict=True)]


def _size(header: TextBlock, digits: bytes, what: str) -> int:
    most = 10**MAX_DIGITS - 1 if what in ("n_samples", "n_rows") else MAX_COLUMNS
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
