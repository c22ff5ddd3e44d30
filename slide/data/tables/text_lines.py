"""Lines of a text file, decoded and counted."""

from __future__ import annotations

from collections.abc import Iterator

from slide.core.errors import DataError
from slide.data.source import Source


def numbered_lines(source: Source) -> Iterator[tuple[int, str]]:
    r"""Lines without their `\n`, and their 1-based numbers.

    Raises:
        DataError: the file cannot be read, is empty, or a line is no UTF-8.
    """
    number = 0
    for block in source.lines():
        for line in block[:-1].split(b"\n"):
            number += 1
            yield number, decoded(line, source, number)


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
