"""Marks in the worker processes that a backend starts: what they note comes back in files."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import pickle
import sys
from multiprocessing import spawn
from pathlib import Path
from typing import Any

from slide.reference.branches.marking import Hook, Key
from slide.reference.branches.recording import Recorder

PATIENCE = 10  # seconds for workers to leave by themselves
Note = tuple[bytes, int]
"""The two cells of a mark, and the largest number that came by."""


class Stowaway:
    """Goes along with what `multiprocessing` tells a worker that it spawns, and marks as here.

    Args:
        folder: for the notes.
        top: see `Hook`.
        but: see `Hook`.
    """

    def __init__(self, folder: Path, top: str, but: tuple[str, ...]) -> None:
        self.folder, self.top, self.but = folder, top, but

    def __setstate__(self, state: dict[str, Any]) -> None:
        """It has arrived."""
        hook = Hook(state["top"], Recorder(), state["but"])
        hook.recorder.is_on = True
        sys.meta_path.insert(0, hook)
        atexit.register(write, hook, state["folder"] / f"{os.getpid()}.notes")

    def board(self) -> None:
        """Go along with every worker from now on."""
        prepared = spawn.get_preparation_data

        def with_stowaway(name: str) -> dict[str, Any]:
            return prepared(name) | {"stowaway": self}

        spawn.get_preparation_data = with_stowaway


def write(hook: Hook, path: Path) -> None:
    """Leave the notes of this process: by file and mark."""
    notes = {
        str(one.path): {key: note_of(hook.recorder, mark) for key, mark in one.marks.items()}
        for one in hook.marked
    }
    path.write_bytes(pickle.dumps(notes))


def note_of(recorder: Recorder, mark: int) -> Note:
    """What a mark has noted."""
    return bytes(recorder.ways[2 * mark : 2 * mark + 2]), recorder.largest.get(mark, -1)


def collect(hook: Hook, folder: Path) -> bool:
    """Add the notes of all workers, which have nobody to work for any more, to those from here.

    Returns:
        Whether all workers have left.
    """
    gc.collect()
    for worker in multiprocessing.active_children():
        worker.join(PATIENCE)
    for path in folder.glob("*.notes"):
        notes: dict[str, dict[Key, Note]] = pickle.loads(path.read_bytes())
        for one in hook.marked:
            for key, (ways, largest) in notes.get(str(one.path), {}).items():
                hook.recorder.add(one.marks[key], ways, largest)
    return not multiprocessing.active_children()
