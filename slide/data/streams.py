"""Files by name, and what stands for one: `-` is standard input or output, pipes are read once."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from slide.core.errors import DataError

DASH = Path("-")
STDIN, STDOUT = Path("<stdin>"), Path("<stdout>")  # in sentences

_DESCRIPTOR = re.compile(r"/dev/(stdin|stdout|stderr|fd/\d+)|/proc/(self|\d+)/fd/\d+")


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


def is_stream(path: Path) -> bool:
    """Whether bytes come and go there once: standard input and output, pipes, devices."""
    if path == DASH or _DESCRIPTOR.fullmatch(str(path)):
        return True
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def refuse_twice(*paths: str | Path | None) -> None:
    """Raise DataError if standard input is named more than once."""
    if [str(path) for path in paths if path is not None].count(str(DASH)) > 1:
        raise DataError("it can be read once only: name a file for one of both", STDIN)


def pieces_of(path: Path, size: int) -> Iterator[bytes]:
    """The bytes of a file or of standard input as they are, at most `size` at a time.

    Raises:
        DataError: it cannot be opened or read.
    """
    try:
        with _opened(path) as file:
            while piece := file.read(size):
                yield piece
    except OSError as error:
        raise open_error(error, shown(path)) from None


def shown(path: Path) -> Path:
    """What a sentence calls a file that is read."""
    return STDIN if path == DASH else path


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path != DASH:
        with path.open("rb") as file:
            yield file
    elif sys.stdin is None:
        raise DataError("standard input is closed: pipe a file into it, or name one", STDIN)
    else:
        yield sys.stdin.buffer


@contextmanager
def into_stream(path: Path) -> Iterator[IO[bytes]]:
    """Standard output, or a pipe or device, to write to.

    Raises:
        DataError: the operating system refuses.
        BrokenPipeError: whoever read it has gone.
    """
    try:
        if path != DASH:
            with path.open("wb") as file:
                yield file
            return
        if getattr(sys.stdout, "name", "") == os.devnull:  # what stands in for a closed one
            raise DataError("standard output is closed: leave it open, or name a file", STDOUT)
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise open_error(error, STDOUT if path == DASH else path) from None


def is_taken(path: Path) -> bool:
    """Whether something has this name that is not written to as it stands."""
    return os.path.lexists(path) and not is_stream(path)
