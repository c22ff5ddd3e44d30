"""The bytes of a file, decompressed and cut into blocks of whole lines, never all at once."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import zstandard

from slide.core.errors import DataError

COMPRESSIONS = (".gz", ".zst")
# A few hundred kB of text and the arrays made from it stay in a core's cache.
CHUNK_SIZE = 1 << 19

_DISGUISED = {
    b"\x1f\x8b": "gzip data: give the file a name that ends in .gz",
    b"\x28\xb5\x2f\xfd": "zstd data: give the file a name that ends in .zst",
    b"PK\x03\x04": "a zip archive: unpack it, or if it is an npz file, give it a name in .npz",
}


def open_error(error: OSError, path: Path) -> DataError:
    """What the operating system says, as one sentence with a remedy."""
    if isinstance(error, FileNotFoundError):
        return DataError("there is no such file or folder: check the path", path)
    if isinstance(error, IsADirectoryError):
        return DataError("this is a folder, expected a file: name a file in it", path)
    if isinstance(error, PermissionError):
        return DataError("no permission: change the file's or the folder's mode", path)
    reason = error.strerror or str(error)
    return DataError(f"the operating system refuses ({reason}): check the disk", path)


def line_blocks(path: Path, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
    """The text of a file as blocks of whole lines, each ending in a newline.

    Args:
        path: a file, decompressed by its suffix (.gz, .zst).
        chunk_size: bytes to read at a time; a block is longer only where a line is.

    Raises:
        DataError: the file cannot be opened, is empty, or is damaged.
    """
    empty = True
    for block in _cut_at_newlines(chunks(path, chunk_size)):
        if empty:
            _refuse_disguised(block, path)
            empty = False
        yield block
    if empty:
        raise DataError("the file is empty, expected examples: check how it was made", path)


def _refuse_disguised(block: bytes, path: Path) -> None:
    for magic, remedy in _DISGUISED.items():
        if block.startswith(magic):
            raise DataError(f"expected plain text, got {remedy}", path, line=1)


def _cut_at_newlines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    tail: list[bytes] = []  # of a line whose end has not come yet; joined once, when it comes
    for piece in pieces:
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield b"".join([*tail, piece[:cut]])
            tail = []
        tail.append(piece[cut:])
    last = b"".join(tail)
    if last:
        yield last + b"\n"


def chunks(path: Path, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
    """The decompressed bytes of a file, piece by piece.

    Raises:
        DataError: the file cannot be opened, or its compressed stream is damaged.
    """
    name = path.name.lower()
    try:
        if name.endswith(".gz"):
            yield from _gunzipped(path, chunk_size)
        elif name.endswith(".zst"):
            yield from _unzstd(path, chunk_size)
        else:
            yield from _raw(path, chunk_size)
    except EOFError:
        raise DataError("the compressed file ends too early: fetch it again", path) from None
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        sentence = f"the compressed file is damaged, or is none ({error}): fetch it again"
        raise DataError(sentence, path) from None
    except OSError as error:
        raise open_error(error, path) from None


def _raw(path: Path, chunk_size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(chunk_size):
            yield piece


def _gunzipped(path: Path, chunk_size: int) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        while piece := file.read(chunk_size):
            yield piece


def _unzstd(path: Path, chunk_size: int) -> Iterator[bytes]:
    # Not ZstdDecompressor.stream_reader: it takes a file that ends too early for a whole one.
    # A compressed piece grows several times over, so a fraction of the chunk is read.
    frame = None
    for piece in _raw(path, max(1, chunk_size // 8)):
        rest = piece
        while rest:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(rest)
            rest = frame.unused_data
            if frame.eof:
                frame = None
    if frame is not None:
        raise EOFError
