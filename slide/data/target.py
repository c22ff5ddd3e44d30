"""Writing: a file that appears whole or not at all, and the text of examples."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.compression import compressing
from slide.data.source import Watch, unwatched
from slide.data.streams import into_stream, is_stream, is_taken, open_error

_ROWS_AT_A_TIME = 4096


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that takes its name only when the block ends without an exception.

    `-` is standard output, and pipes and devices are written to as they stand.

    Raises:
        DataError: something of that name exists, or the operating system refuses.
    """
    if is_stream(path):
        with into_stream(path) as file:
            yield file
        return
    refuse_taken(path)
    draft = draft_of(path)
    try:
        with draft.open("xb") as file:
            yield file
        os.replace(draft, path)
    except OSError as error:
        raise open_error(error, path) from None
    finally:
        with suppress(OSError):  # it has its name by now, or was never there
            draft.unlink()


def refuse_taken(path: Path) -> None:
    """Raise DataError unless a file of this name can be new."""
    if not path.name:
        raise DataError(f"{str(path)!r} is no name for a file: name one that does not exist", path)
    if is_taken(path):
        raise DataError("it exists and is not overwritten: remove it or name another", path)


def refuse_unwritable(path: Path) -> None:
    """Raise DataError unless a file can be made there, which is tried before the work is done."""
    if is_stream(path):
        return
    draft = draft_of(path)
    try:
        draft.touch(exist_ok=False)
        draft.unlink()
    except OSError as error:
        raise open_error(error, path) from None


def draft_of(path: Path) -> Path:
    """A hidden name beside a file, which nobody else uses."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def save_text(pieces: Iterable[str], file: IO[bytes], path: Path, watch: Watch = unwatched) -> None:
    """Write text, compressed as the suffix of path says; the same text gives the same bytes.

    Whoever looks on is told how many lines were written.
    """
    n_lines = 0
    with compressing(file, path) as stream:
        for piece in pieces:
            stream.write(piece.encode())
            n_lines += piece.count("\n")
            watch(n_lines)


def example_lines(dataset: Dataset) -> Iterator[str]:
    """`l1,l2,... f1:v1 f2:v2 ...` for each example, many lines at a time."""
    for begin in range(0, dataset.n_samples, _ROWS_AT_A_TIME):
        part = dataset.take(np.arange(begin, min(begin + _ROWS_AT_A_TIME, dataset.n_samples)))
        labels = _joined(part.y, [str(i) for i in part.y.indices.tolist()], ",")
        spelled = zip(part.features.indices.tolist(), _spellings(part.features.values), strict=True)
        features = _joined(part.features, [f"{i}:{value}" for i, value in spelled], " ")
        yield "".join(
            f"{y} {x}\n" if x else f"{y}\n" for y, x in zip(labels, features, strict=True)
        )


def _joined(matrix: CSR, words: list[str], by: str) -> list[str]:
    """The words of each row, joined."""
    return [by.join(words[a:b]) for a, b in pairwise(matrix.indptr.tolist())]


def _spellings(values: Array) -> list[str]:
    """The shortest decimal of each float32 that is read back as the same bits."""
    bits, which = np.unique(values.view(np.uint32), return_inverse=True)  # 0.0 and -0.0 differ
    spellings = [_spelling(value) for value in bits.view(np.float32)]
    return [spellings[i] for i in which.tolist()]


def _spelling(value: np.float32) -> str:
    shortest = str(value).removesuffix(".0")
    # The shortest for float32 may round elsewhere by way of float64: 7.038531e-26 does.
    return shortest if np.float32(float(shortest)) == value else repr(float(value))
