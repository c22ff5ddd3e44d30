"""A file's plain text, decompressed and cut into blocks of whole lines, never all at once."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

from slide.core.errors import DataError
from slide.data.compression import decompressed, refuse_archive
from slide.data.streams import is_stream, pieces_of, shown

# A few hundred kB of text and the arrays made from it stay in a core's cache.
CHUNK_SIZE = 1 << 19
LONGEST_HEAD = 1 << 16
LONGEST_LINE = 1 << 26  # bytes; an example of so many would have millions of features

MARK = b"\xef\xbb\xbf"  # UTF-8's byte order mark, which Windows puts before text
_WIDE_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


_LINE_END = re.compile(rb"\r\n?|\n")


Watch = Callable[[int], None]
"""Is told how far reading, or writing, is."""


def unwatched(n: int) -> None:
    """Where nobody looks on."""


def behind(n_before: int, watch: Watch) -> Watch:
    """What is told of one file, for whoever counts those before it, too."""
    return lambda n: watch(n_before + n)


class Place(NamedTuple):
    """How far a text was read: bytes as `Source.lines` gives them, and the lines that they are."""

    n_bytes: int = 0
    n_lines: int = 0


class Stretch(NamedTuple):
    """Whole lines of a text, and where they begin and end."""

    lines: bytes
    begin: Place
    end: Place


BEGIN = Place()


def stretches(blocks: Iterable[bytes], start: Place = BEGIN) -> Iterator[Stretch]:
    """Blocks of whole lines with their places, from where somebody has read to.

    Blocks before `start` are passed over. One that it lies within is given from its beginning:
    the file has other blocks than it had, and whoever cares compares `begin`.
    """
    here = BEGIN
    for lines in blocks:
        end = Place(here.n_bytes + len(lines), here.n_lines + lines.count(b"\n"))
        if end.n_bytes > start.n_bytes:
            yield Stretch(lines, here, end)
        here = end


def chunks(path: Path, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
    """The decompressed bytes of a file or of standard input, piece by piece.

    Args:
        path: the file, or `-`; its first bytes tell whether it is compressed.
        chunk_size: bytes to read at a time.

    Raises:
        DataError: the file cannot be opened, or its compressed stream is damaged.
    """
    return decompressed(pieces_of(path, chunk_size), shown(path))


class Source:
    """A file, or standard input, that is opened once and read from its first byte to its last.

    Args:
        path: the file, or `-`.
        chunk_size: bytes to read at a time; a block is longer only where a line is.
        watch: is told how many bytes were read, at each piece.

    Attributes:
        name: the file in sentences.
        n_read: bytes of it that were read, compressed as they are.
    """

    def __init__(self, path: Path, chunk_size: int = CHUNK_SIZE, watch: Watch = unwatched) -> None:
        self.path, self.watch = path, watch
        self.name = shown(path)
        self.n_read = 0
        self._pieces = self._plain(chunk_size)
        self._head: bytes | None = None
        self._is_sought = False

    @property
    def head(self) -> bytes:
        """The first bytes, to the end of the first line unless that is very long.

        Raises:
            DataError: see `chunks`.
        """
        if self._head is None:
            self._head = b""
            for piece in self._pieces:
                self._head += piece
                is_long = len(self._head) >= LONGEST_HEAD and not piece.endswith(b"\r")
                if b"\n" in piece or is_long:
                    break
        return self._head

    def _plain(self, chunk_size: int) -> Iterator[bytes]:
        """All bytes without compression; nothing is opened before the first is wanted."""
        yield from decompressed(self._counted(pieces_of(self.path, chunk_size)), self.name)

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.n_read += len(piece)
            self.watch(self.n_read)
            yield piece

    def pieces(self) -> Iterator[bytes]:
        """All bytes, the head first; once only."""
        return chain([self.head] if self.head else [], self._pieces)

    def seekable(self) -> Path | IO[bytes]:
        """The same bytes as something to seek in: in memory where they come through a pipe."""
        is_file = not is_stream(self.path) and os.path.isfile(self.path)
        if is_file and next(pieces_of(self.path, 2), b"") == self.head[:2]:  # not compressed
            self._is_sought = True
            return self.path
        return io.BytesIO(b"".join(self.pieces()))

    def has_read(self, share: float) -> None:
        """Say how much of a file was read that is sought in; of others it is known."""
        if self._is_sought:
            self.n_read = int(share * os.path.getsize(self.path))

    def lines(self) -> Iterator[bytes]:
        r"""The text as blocks of whole lines, each ending in a newline.

        A byte order mark is taken away, and Windows' `\r\n` is a newline; so is the `\r` of old
        Macs, if the first line ends in one.

        Raises:
            DataError: the file is empty, or no text that can be read.
        """
        if not self.head.removeprefix(MARK):
            raise DataError(
                "the file is empty, expected examples: check how it was made", self.name
            )
        refuse_archive(self.head, self.name)
        self._refuse_wide()
        pieces = self.pieces()
        text: Iterator[bytes] = chain([next(pieces).removeprefix(MARK)], pieces)
        text = self._of_old_mac(text) if self._is_of_old_mac() else text
        for block in _cut_at_newlines(text, self.name):
            yield block.replace(b"\r\n", b"\n") if b"\r" in block else block

    def _refuse_wide(self) -> None:
        for mark, name in _WIDE_MARKS.items():
            if self.head.startswith(mark):
                sentence = f"the text is {name}, expected ASCII or UTF-8: convert it with "
                raise DataError(f"{sentence}`iconv -f {name} -t UTF-8`", self.name, line=1)

    def _is_of_old_mac(self) -> bool:
        end = _LINE_END.search(self.head)
        return end is not None and end[0] == b"\r"

    def _of_old_mac(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        n_lines = 1
        for piece in pieces:
            mixed = piece.find(b"\n")
            if mixed >= 0:
                n_lines += piece.count(b"\r", 0, mixed)
                sentence = "got a newline after lines that end in carriage returns: "
                raise DataError(sentence + "convert all line ends to one kind", self.name, n_lines)
            n_lines += piece.count(b"\r")
            yield piece.replace(b"\r", b"\n")


def _cut_at_newlines(pieces: Iterable[bytes], name: Path) -> Iterator[bytes]:
    tail: list[bytes] = []  # of a line whose end has not come yet; joined once, when it comes
    n_tail = n_lines = 0
    for piece in pieces:
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield b"".join([*tail, piece[:cut]])
            tail, n_tail = [], 0
            n_lines += piece.count(b"\n")
        tail.append(piece[cut:])
        n_tail += len(piece) - cut
        if n_tail > LONGEST_LINE:
            sentence = f"the line has more than {LONGEST_LINE} bytes, expected an example a line"
            raise DataError(f"{sentence}: put a newline after each", name, n_lines + 1)
    last = b"".join(tail)
    if last:
        yield last + b"\n"
