"""The end of a run with checkpoints: its model is where it belongs, and they are no longer needed.

Between these two a run may be killed. So it is written beside the checkpoints what the model will
be known by, before it comes to its place: who goes on then finds that there is nothing to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from slide.core.checkpoints.every import Checkpoints
from slide.core.checkpoints.files import sync_file, sync_folder
from slide.core.checkpoints.shelf import Shelf
from slide.core.errors import ModelError
from slide.core.interrupts import Interrupted
from slide.core.models.folder import METRICS
from slide.core.runs.saving import last_is

Figures = dict[str, Any]


def note_end(partial: Path, checkpoints: Checkpoints, figures: Figures) -> None:
    """Have a model on the disk that is about to come to its place, and by what it is known.

    Args:
        partial: its folder.
        checkpoints: of its run.
        figures: what the run reports, as JSON has it.

    Raises:
        ModelError: the operating system refuses.
    """
    shelf = Shelf(checkpoints.folder)
    if not shelf.steps():
        return
    try:
        for path in partial.iterdir():
            sync_file(path)
        sync_folder(partial)
    except OSError as error:
        raise ModelError(
            f"cannot bring the model to the disk: {error.strerror}; make room"
        ) from None
    with suppress(OSError):  # without room for it a killed run ends once more, to the same bits
        shelf.note_end(json.dumps({"metrics": digest_in(partial), "figures": figures}))


@contextmanager
def telling(
    checkpoints: Checkpoints | None, what: type[BaseException] = KeyboardInterrupt
) -> Iterator[None]:
    """Whatever of a kind ends a run says what there is to go on from, unless it has said so."""
    try:
        yield
    except Interrupted:
        raise
    except what as error:
        steps = [] if checkpoints is None else Shelf(checkpoints.folder).steps()
        if not steps:
            raise
        last = last_is(int(steps[0].name.split("-")[1]), steps[0].parent)
        if isinstance(error, ModelError):
            raise ModelError(f"{error}; {last}") from None
        raise Interrupted(f"interrupted; {last}") from None


def taken_over(folder: Path, checkpoints: Checkpoints | None) -> Figures | None:
    """What the run has reported that left a model there, and was killed before it was over.

    Its checkpoints are removed. None if there was no such run, or nobody wants to go on.

    Args:
        folder: of the model.
        checkpoints: of the run.

    Raises:
        ModelError: another run has them.
    """
    if checkpoints is None or not checkpoints.resume:
        return None
    shelf = Shelf(checkpoints.folder)
    figures = reported(shelf.end(), folder)
    if figures is not None:
        shelf.acquire()
        shelf.clear()
        shelf.release()
    return figures


def reported(end: str | None, folder: Path) -> Figures | None:
    """The figures of such a note, if it is about the model in this folder."""
    try:
        note = json.loads(end or "{}")
        is_there = note.get("metrics") == digest_in(folder)
        figures: Figures | None = note["figures"] if is_there else None
    except (OSError, ValueError, AttributeError, LookupError):
        return None
    return figures


def digest_in(folder: Path) -> str:
    """Of the lines that a run has left of its epochs: no other run has taken as many seconds."""
    return hashlib.blake2b((folder / METRICS).read_bytes(), digest_size=16).hexdigest()
