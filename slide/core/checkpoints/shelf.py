"""The checkpoints of one run, and its best model: a folder that one run at a time has."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from slide.core.checkpoints.files import (
    DamagedError,
    read_checkpoint,
    read_heading,
    sync_file,
    sync_folder,
    write_checkpoint,
    write_text,
)
from slide.core.checkpoints.snapshot import Snapshot
from slide.core.contract.state import State
from slide.core.errors import ModelError, said_anew, worded

KEPT = 2  # of the last checkpoints: one may be found damaged
LOCK, ENDED = "lock", "ended.json"
STEP, BEST = re.compile(r"step-(\d+)"), re.compile(r"best-\d+")
SHARDS = re.compile(r"shards-(\d+)")  # what shards of the run have after a step, if it has shards

Reader = Callable[[Path], State]


class Shelf:
    """The folder.

    Args:
        folder: of the checkpoints, made when it is locked.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock: IO[str] | None = None

    def acquire(self) -> None:
        """Have it for this run alone, until `release` or the end of the process.

        Raises:
            ModelError: another run has it, or it cannot be made.
        """
        try:
            while self.lock is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self.lock = locked(self.folder / LOCK)
        except BlockingIOError:
            raise ModelError(
                f"another run writes checkpoints to {self.folder}: wait for its end, or choose "
                f"another {worded('folder', '--model')}"
            ) from None
        except OSError as error:
            other = worded("folder", "--model")
            without = worded("checkpoints", "--checkpoint-every")
            raise ModelError(
                f"cannot write checkpoints to {self.folder}: {error.strerror}; make room, choose "
                f"another {other}, or leave out {without}"
            ) from None

    def release(self) -> None:
        """Let others have it; whatever has come to it stays, an empty folder does not."""
        if self.lock is None:
            return
        if not self.steps() and not self.best_models():
            self.clear()
        self.lock.close()
        self.lock = None

    def empty(self) -> None:
        """Remove all checkpoints, and models beside them."""
        for path in [*self.steps(), *self.best_models(), *self.of_shards().values()]:
            shutil.rmtree(path, ignore_errors=True)

    def clear(self) -> None:
        """Remove all that runs left, and the folder if nothing else is in it.

        That a run has ended is said until nothing else is there.
        """
        self.empty()
        self.remove_partial()
        for name in (LOCK, ENDED):
            (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def note_end(self, text: str) -> None:
        """Have it on the disk that the run has ended, in these words."""
        write_text(self.folder, ENDED, text)

    def end(self) -> str | None:
        """What was said when the run had ended; None if it has not, as far as is known."""
        try:
            return (self.folder / ENDED).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def steps(self) -> list[Path]:
        """Whole checkpoints, the last one first."""
        found = [(int(match[1]), path) for path, match in self.matching(STEP)]
        return [path for _, path in sorted(found, reverse=True)]

    def best_models(self) -> list[Path]:
        """Models of epochs that were the best of their time."""
        return [path for path, _ in self.matching(BEST)]

    def of_shards(self) -> dict[int, Path]:
        """What shards have kept, by the number of the step."""
        return {int(match[1]): path for path, match in self.matching(SHARDS)}

    def matching(self, form: re.Pattern[str]) -> Iterator[tuple[Path, re.Match[str]]]:
        """What is there by such a name."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if match := form.fullmatch(path.name):
                yield path, match

    def last(self, warn: Callable[[str], None]) -> State | None:
        """The state of the last checkpoint that is whole; None where there is none at all.

        Args:
            warn: is told of those that are not.

        Raises:
            ModelError: none is whole, or one is of another version.
        """
        return self._last(read_checkpoint, warn)

    def last_heading(self) -> State | None:
        """The same, but without arrays, and whatever they may be."""
        return self._last(read_heading, lambda sentence: None)

    def _last(self, read: Reader, warn: Callable[[str], None]) -> State | None:
        sentence = ""
        for path in self.steps():
            try:
                state = read(path)
            except DamagedError as error:
                sentence = str(error)
                continue
            if sentence:
                warn(f"{sentence}; goes on from the one before, {path}")
            return state
        if sentence:
            raise ModelError(f"{sentence}, and there is no other: begin anew by {said_anew()}")
        return None

    def write(self, snapshot: Snapshot, step: int) -> None:
        """Add a checkpoint, taken after this step, and remove those that are too old.

        Raises:
            OSError: the operating system refuses; what was there before is still there.
            MemoryError: see `write_checkpoint`.
        """
        with self.staged(f"step-{step:012d}") as partial:
            write_checkpoint(partial, snapshot)
        for path in self.steps()[KEPT:]:
            shutil.rmtree(path, ignore_errors=True)

    def write_best(self, write: Callable[[Path], None], epoch: int) -> Path:
        """Add a model by what writes it into a folder."""
        with self.staged(f"best-{epoch}") as partial:
            write(partial)
            for path in partial.iterdir():
                sync_file(path)
            sync_folder(partial)
        return self.folder / f"best-{epoch}"

    @contextmanager
    def staged(self, name: str) -> Iterator[Path]:
        """A new folder that has this name when the block ends without an error."""
        partial = self.folder / f".{name}.partial-{secrets.token_hex(4)}"
        try:
            partial.mkdir()
            yield partial
            if (self.folder / name).exists():
                shutil.rmtree(self.folder / name)
            partial.rename(self.folder / name)
            sync_folder(self.folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def prune_best(self, best: Path | None) -> None:
        """Remove models that are neither the best nor what a checkpoint speaks of."""
        needed = {best} | {self.best_of(path) for path in self.steps()}
        for path in self.best_models():
            if path not in needed:
                shutil.rmtree(path, ignore_errors=True)

    def remove_partial(self) -> None:
        """Remove what a killed run has left half written."""
        for path in self.folder.glob(".*.partial-*"):
            shutil.rmtree(path, ignore_errors=True)

    def best_of(self, step: Path) -> Path | None:
        """The best model that a checkpoint speaks of."""
        try:
            name = read_heading(step)["kept"]["folder"]
        except (ModelError, LookupError, TypeError):
            return None
        return None if name is None else self.folder / name


def locked(path: Path) -> IO[str] | None:
    """The file, locked for as long as it is open; None if it was removed at the same time.

    Raises:
        BlockingIOError: another process has locked it.
    """
    file = path.open("a", encoding="utf-8")
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows: there it is the user who sees to it
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        file.close()
        raise
    if os.fstat(file.fileno()).st_nlink:
        return file
    file.close()
    return None
