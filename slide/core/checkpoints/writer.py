"""Writes checkpoints beside training, one at a time, on a thread that mostly waits for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from slide.core.checkpoints.shelf import Shelf
from slide.core.checkpoints.snapshot import Memory, Snapshot, n_bytes_of
from slide.core.contract.state import State


class Writer:
    """The thread, and the memory for what it writes.

    Args:
        shelf: where checkpoints go.
        good: step of the last one that is on the disk; None if there is none.

    Attributes:
        error: why the last one is not, until somebody has taken note.
    """

    def __init__(self, shelf: Shelf, good: int | None) -> None:
        self.shelf, self.good = shelf, good
        self.error: OSError | MemoryError | None = None
        self.thread: threading.Thread | None = None
        self.memory: Memory | None = None
        self.snapshot: Snapshot | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the one before is still being written."""
        return self.thread is not None and self.thread.is_alive()

    def get_ready(self, tree: Callable[[], State]) -> None:
        """Have memory for the copy of a state before the first one is due."""
        if self.memory is None:
            self.memory = Memory()
            self.start(self.obtain, self.memory, n_bytes_of(tree()))

    def begin(self, state: State, step: int, moves: bool) -> None:
        """Write a state.

        Args:
            state: as it is now.
            step: that was taken last.
            moves: whether later steps write into its arrays.
        """
        self.wait()
        self.memory = self.memory or Memory()
        with self.trying():
            self.snapshot = Snapshot.copied(state, self.memory) if moves else Snapshot.of(state)
            self.start(self.write, self.snapshot, step)

    def start(self, work: Callable[..., None], *arguments: object) -> None:
        """Do something on the thread."""
        self.thread = threading.Thread(target=work, args=arguments)
        self.thread.start()

    def obtain(self, memory: Memory, n_bytes: int) -> None:
        """See `get_ready`."""
        with self.trying():
            memory.obtain(n_bytes)

    def write(self, snapshot: Snapshot, step: int) -> None:
        """Write one; `good` or `error` tells what became of it."""
        with self.trying():
            self.shelf.write(snapshot, step)
            self.good = step

    @contextmanager
    def trying(self) -> Iterator[None]:
        """What fails within it is told by `error`."""
        self.error = None
        try:
            yield
        except (OSError, MemoryError) as error:
            self.error = error

    def wait(self) -> None:
        """Until the one before is written."""
        if self.thread is not None:
            self.thread.join()
        self.thread = self.snapshot = None
