"""Writes checkpoints beside training, one at a time, on a thread that mostly waits for the disk."""

from __future__ import annotations

import threading

from slide.core.checkpoints.shelf import Shelf
from slide.core.contract.state import State


class Writer:
    """The thread.

    Args:
        shelf: where checkpoints go.

    Attributes:
        good: step of the last one that is on the disk; None if there is none.
        error: why the last one is not, until somebody has taken note.
    """

    def __init__(self, shelf: Shelf, good: int | None) -> None:
        self.shelf, self.good = shelf, good
        self.error: OSError | MemoryError | None = None
        self.thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the one before is still being written."""
        return self.thread is not None and self.thread.is_alive()

    def begin(self, state: State, step: int) -> None:
        """Write a state that nobody changes any more."""
        self.wait()
        self.thread = threading.Thread(target=self.write, args=(state, step))
        self.thread.start()

    def write(self, state: State, step: int) -> None:
        """Write one; `good` or `error` tells what became of it."""
        try:
            self.shelf.write(state, step)
            self.good, self.error = step, None
        except (OSError, MemoryError) as error:
            self.error = error

    def wait(self) -> None:
        """Until the one before is written."""
        if self.thread is not None:
            self.thread.join()
            self.thread = None
