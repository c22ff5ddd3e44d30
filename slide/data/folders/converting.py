"""From files to a data folder, in little memory; what is interrupted goes on where it was.

The folder is written under a hidden name beside its place, with `progress.json` that says how far
it is: every so many bytes all is brought to the disk, and then said. Whatever comes behind that is
cut off by whoever goes on.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from slide.core.errors import FAULTS, DataError, SlideError
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped
from slide.data.called import Called, shared
from slide.data.folders.arrays import write_durably
from slide.data.folders.manifest import VERSION
from slide.data.folders.opening import open_folder
from slide.data.folders.writing import FolderWriter, is_there
from slide.data.parts import Parts
from slide.data.source import BEGIN, CHUNK_SIZE, Place, Source, Watch, unwatched
from slide.data.streams import is_stream, open_error
from slide.data.target import refuse_taken

EVERY = 1 << 27  # bytes of numbers between two places to go on from
PROGRESS, LOCK = "progress.json", "lock"

Opener = Callable[[Source, Place], Parts]


def convert_to_folder(
    paths: Sequence[Path],
    target: Path,
    opened: Opener,
    watch: Watch = unwatched,
    said: str | None = "",
    every: int = EVERY,
    chunk_size: int = CHUNK_SIZE,
) -> Mapped:
    """Write the examples of files, one file after the other, into a new data folder.

    Args:
        paths: the files; they are never held as a whole.
        target: the folder, which is not there yet.
        opened: the examples of one file behind a place in it.
        watch: is told how many bytes of all files were read.
        said: whatever else decides what is written: other words begin anew, and so does None.
        every: bytes of numbers between two places to go on from.
        chunk_size: bytes of text to read at a time.

    Returns:
        The folder, opened.

    Raises:
        DataError: a file cannot be read, and nothing is left; or the folder cannot be written, and
            what was written stays, hidden, for the same call to go on from.
    """
    refuse_taken(target)
    partial = target.with_name(f".{target.name}.converting")
    identity = [VERSION, said, *map(_identity, paths)]
    with _owned(partial, target):
        try:
            return _converted(paths, target, partial, identity, opened, watch, every, chunk_size)
        except SlideError:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _converted(
    paths: Sequence[Path],
    target: Path,
    partial: Path,
    identity: list[Any],
    opened: Opener,
    watch: Watch,
    every: int,
    chunk_size: int,
) -> Mapped:
    state = _state(partial, identity)
    number, start = (state["number"], Place(*state["place"])) if state else (0, BEGIN)
    writer = FolderWriter(partial, state)
    concludes = list[Callable[[Dataset], None]]()
    all_called = [_called_before(path, opened) for path in paths[:number]]
    n_before = sum(_n_bytes(path) for path in paths[:number])

    def keep(number: int, place: Place) -> None:
        said = {"identity": identity, "number": number, "place": place}
        write_durably(partial / PROGRESS, json.dumps(writer.sync() | said))

    try:
        for n, path in enumerate(paths[number:], number):
            source = Source(path, chunk_size)
            parts = opened(source, start)
            writer.counted.widen(parts.n_features, parts.n_labels)
            kept_at = writer.n_bytes
            for part in parts.parts:
                writer.append(part.examples)
                watch(n_before + source.n_read)
                if part.end is not None and writer.n_bytes - kept_at >= every:
                    keep(n, part.end)
                    kept_at = writer.n_bytes
            concludes.append(parts.conclude)
            all_called.append(parts.called)
            n_before, start = n_before + source.n_read, BEGIN
            keep(n + 1, BEGIN)
        writer.finish(shared([called() for called in all_called]))
    finally:
        writer.close()
    return _in_place(partial, target, concludes)


def _called_before(path: Path, opened: Opener) -> Callable[[], Called]:
    """What columns of a file are called that was converted before an interruption."""
    return opened(Source(path), BEGIN).called if path.is_dir() else Called


def _in_place(partial: Path, target: Path, concludes: list[Callable[[Dataset], None]]) -> Mapped:
    """Give a complete folder its name."""
    data = open_folder(partial)
    for conclude in concludes[:1]:  # what looks odd is told once, of all examples
        conclude(data)
    refuse_taken(target)
    (partial / PROGRESS).unlink()
    (partial / LOCK).unlink()
    partial.rename(target)
    _sync_folder(target.parent)
    return open_folder(target)


@contextmanager
def _owned(partial: Path, target: Path) -> Iterator[None]:
    """The hidden folder, of which nobody else makes a data folder meanwhile.

    Raises:
        DataError: somebody does, or the operating system refuses something.
    """
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with (partial / LOCK).open("ab") as file:
            if not _is_locked_by_us(file):
                sentence = "another conversion into this folder is running"
                raise DataError(f"{sentence}: wait for it, or name another", target)
            yield
    except OSError as error:
        raise open_error(error, Path(error.filename or target)) from None


def _is_locked_by_us(file: IO[bytes]) -> bool:
    """Lock a file for as long as it is open; True where the system has no such locks."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _identity(path: Path) -> list[Any]:
    """What tells a file from another, and from itself when it has changed."""
    if is_stream(path) or not path.exists():
        return [str(path), None, None]
    known = path.stat()
    return [str(path.resolve()), known.st_size, known.st_mtime_ns]


def _n_bytes(path: Path) -> int:
    return 0 if is_stream(path) or not path.exists() else path.stat().st_size


def _state(partial: Path, identity: list[Any]) -> dict[str, Any] | None:
    """What an interrupted conversion of the same files has left; None if there is none."""
    if identity[1] is None or any(None in each for each in identity[2:]):  # what comes once
        return None
    try:
        state: dict[str, Any] = json.loads((partial / PROGRESS).read_text(encoding="utf-8"))
        return state if state["identity"] == identity and is_there(partial, state) else None
    except (OSError, *FAULTS):
        return None


def _sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)
