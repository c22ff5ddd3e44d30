"""Lines of a text file, decoded and counted."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from itertools import chain

from slide.core.errors import DataError
from slide.data.source import Source


def numbered_lines(source: Source) -> Iterator[tuple[int, str]]:
    r"""Lines without their `\n`, and their 1-based numbers.

    Raises:
        DataError: the file cannot be read, is empty, or a line is no UTF-8.
    """
    for number, line in enumerate(text_lines(source), 1):
        yield number, line[:-1]


def text_lines(source: Source) -> Iterator[str]:
    r"""Lines, each ending in its `\n` and in no other character that may end a line elsewhere.

    Raises:
        DataError: see `numbered_lines`.
    """
    return chain.from_iterable(_lines_of_blocks(source))


def _lines_of_blocks(source: Source) -> Iterator[Iterator[str]]:
    n_before = 0
    for block in source.lines():
        try:
            yield StringIO(block.decode("utf-8"), newline="\n")
        except UnicodeDecodeError:
            lines = enumerate(block[:-1].split(b"\n"), n_before + 1)
            yield (decoded(line, source, number) + "\n" for number, line in lines)
        n_before += block.count(b"\n")


def decoded(line: bytes, source: Source, number: int) -> str:
    """A line as text, or DataError."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = line[error.start : error.start + 1].hex()
        sentence = f"the byte 0x{byte} at place {error.start + 1} of the line is no UTF-8"
        raise DataError(
            f"{sentence}: convert the file, with `iconv -t UTF-8` for instance", source.name, number
        ) from None
