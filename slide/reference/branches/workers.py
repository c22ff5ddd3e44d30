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


class WorkerMarks:
    """Marks modules in each worker that `multiprocessing` spawns, as they are marked here.

    It is pickled with the preparation data of a worker: to unpickle it is to install the hook.

    Args:
        folder: for the notes.
        top: see `Hook`.
        but: see `Hook`.
    """

    def __init__(self, folder: Path, top: str, but: tuple[str, ...]) -> None:
        self.folder, self.top, self.but = folder, top, but

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Install the hook in a worker, which leaves its notes in the folder at its end."""
        hook = Hook(state["top"], Recorder(), state["but"])
        hook.recorder.is_on = True
        sys.meta_path.insert(0, hook)
        atexit.register(write_notes, hook, state["folder"] / f"{os.getpid()}.notes")

    def install(self) -> None:
        """Add it to the preparation data of every worker from now on."""
        prepared = spawn.get_preparation_data

        def with_marks(name: str) -> dict[str, Any]:
            return prepared(name) | {"branch_marks": self}

        spawn.get_preparation_data = with_marks


def write_notes(hook: Hook, path: Path) -> None:
    """Write the notes of this process to a file: by source and mark."""
    notes = {
        str(one.path): {key: note_of(hook.recorder, mark) for key, mark in one.marks.items()}
        for one in hook.marked
    }
    path.write_bytes(pickle.dumps(notes))


def note_of(recorder: Recorder, mark: int) -> Note:
    """What a mark has noted."""
    return bytes(recorder.ways[2 * mark : 2 * mark + 2]), recorder.largest.get(mark, -1)


def collect_notes(hook: Hook, folder: Path) -> bool:
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
