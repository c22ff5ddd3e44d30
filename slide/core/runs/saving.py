"""Checkpoints of a run: when its state is whole, what it is made of, and what is said of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slide.core.checkpoints.every import Checkpoints, Every, Pace
from slide.core.checkpoints.shelf import Shelf
from slide.core.checkpoints.snapshot import Snapshot
from slide.core.checkpoints.writer import Writer
from slide.core.contract.state import State
from slide.core.errors import (
    BackendError,
    ConfigError,
    ModelError,
    SlideWarning,
    said_anew,
    worded,
)
from slide.core.interrupts import Hearing, Interrupted
from slide.core.models.model import Model
from slide.core.runs.found import demand_heading

Tree = Callable[[], State]
TREES = "live", "frozen", "between"
"""What of a run is whole when: all but during a step; only before a step, which is long; or only
between epochs, as workers take steps of their own."""


class Unsaved:
    """What a run that no checkpoints are asked for has in place of `Saver`."""

    found: State | None = None
    write_best: None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing waits for the end of anything."""
        yield

    stepping = held

    def begin(self, tree: Tree, kind: str, step: int) -> None:
        """Nothing is to be written."""

    def point(self, step: int, is_epoch: bool = False) -> None:
        """Nothing is due."""

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Errors say all that there is to say."""
        yield


class Saver:
    """Writes the checkpoints of one run.

    Args:
        asked: where to, and how often.

    Attributes:
        found: the state to go on from; None to begin.
    """

    def __init__(self, asked: Checkpoints) -> None:
        self.asked, self.shelf, self.hearing = asked, Shelf(asked.folder), Hearing()
        self.found: State | None = None
        self.tree: Tree | None = None
        self.kind = TREES[0]
        self.frozen: State | None = None
        self.has_failed = False

    @contextmanager
    def opened(self) -> Iterator[Saver]:
        """Have the folder for this run alone, and what is in it.

        Raises:
            ModelError: another run has it, or it holds what may not be replaced, or nothing to go
                on from.
        """
        self.shelf.acquire()
        with self.hearing:
            try:
                self.look()
                yield self
            finally:
                with self.held():
                    self.close()

    def close(self) -> None:
        """Have what was begun on the disk, and let others have the folder."""
        if hasattr(self, "writer"):
            self.writer.wait()
        self.shelf.release()

    def look(self) -> None:
        """Find what there is to go on from, or that there is nothing, as is asked for."""
        asked, shelf = self.asked, self.shelf
        shelf.remove_partial()
        if asked.resume:
            self.found = shelf.last(warn)
            if self.found is None and asked.every is None:
                raise ModelError(nothing_in(asked.folder))
            if self.found is not None:
                demand_heading(self.found)
        elif shelf.steps() and not asked.fresh:
            raise ModelError(
                f"{asked.folder} has checkpoints of an interrupted run: go on by "
                f"{worded('resume=True', '--resume')}, or begin anew by {said_anew()}"
            )
        else:
            shelf.empty()
        good = None if self.found is None else step_of(self.found)
        self.writer = Writer(shelf, good)

    @property
    def every(self) -> Every:
        """How often, as is said now or was when the run began."""
        if self.found is not None and self.asked.every is None:
            return Every(self.found["run"]["every"])
        assert isinstance(self.asked.every, Every)
        return self.asked.every

    def begin(self, tree: Tree, kind: str, step: int) -> None:
        """From now on there is something to write.

        Args:
            tree: the state as it is.
            kind: of TREES.
            step: that was taken last.
        """
        more = {"every": self.every.said} | self.asked.note
        self.tree = lambda: with_run(tree(), more)
        self.kind, self.pace = kind, Pace(self.every, step)
        if kind == TREES[1]:
            self.frozen = self.tree()

    def held(self) -> Any:
        """What is done within it is done wholly, whatever interrupts it."""
        return self.hearing.held()

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """The same for a step; one that is long may be interrupted, and is taken again."""
        if self.kind != TREES[0]:
            yield
            return
        with self.held():
            yield

    def write_best(self, model: Model, record: dict[str, Any]) -> Path:
        """Write a model beside the checkpoints; where it is.

        Raises:
            ModelError: the operating system refuses.
        """
        try:
            return self.shelf.write_best(model.write_into, record["epoch"])
        except OSError as error:
            raise ModelError(
                f"cannot write the best model to {self.asked.folder}: {error.strerror}; make room"
            ) from None

    def point(self, step: int, is_epoch: bool = False) -> None:
        """Here the state is whole, after this step: write it if one is due."""
        assert self.tree is not None
        if self.kind == TREES[1]:
            self.frozen = self.tree()
        self.tell()
        may = is_epoch or self.kind != TREES[2]
        if not (may and self.pace.is_due(step, is_epoch)):
            if may and self.frozen is None:
                with self.held():  # a thread is begun wholly, or not at all
                    self.writer.get_ready(self.tree)
            return
        if self.writer.is_busy and self.every.seconds is not None:
            return  # the disk is slower than what is asked for
        self.writer.wait()
        self.tell()
        state = self.frozen or self.tree()
        self.shelf.prune_best(best_of(self.shelf, state))
        with self.held():
            self.writer.begin(state, step, moves=self.frozen is None)
        self.pace.written(step)

    def tell(self) -> None:
        """Warn of a checkpoint that could not be written."""
        error, self.writer.error = self.writer.error, None
        if error is None:
            self.has_failed = self.has_failed and self.writer.is_busy
        elif not self.has_failed:
            self.has_failed = True
            warn(
                f"cannot write a checkpoint to {self.asked.folder}: {reason_of(error)}; "
                f"training goes on, {self.last_good()}"
            )

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What ends the run says what there is to go on from; an interrupt writes that before."""
        try:
            yield
        except KeyboardInterrupt:
            if self.tree is None and self.writer.good is None:
                raise
            raise Interrupted(self.leave()) from None
        except (ConfigError, BackendError) as error:
            self.writer.wait()
            if self.tree is None:
                raise
            raise type(error)(f"{error}; {self.last_good()}") from None

    def leave(self) -> str:
        """Write the state that is whole, if it is not on the disk; what to say of it."""
        self.writer.wait()
        state = self.whole()
        if state is not None and step_of(state) != self.writer.good:
            self.writer.write(Snapshot.of(state), step_of(state))
        error = self.writer.error
        lost = f", no checkpoint could be written ({reason_of(error)})" if error else ""
        return f"interrupted{lost}; {self.last_good()}"

    def whole(self) -> State | None:
        """The state to be written after an interrupt, or None."""
        if self.frozen is not None or self.tree is None or self.hearing.is_broken:
            return self.frozen
        return self.tree() if self.kind == TREES[0] else None

    def last_good(self) -> str:
        """What is on the disk, in words."""
        if self.writer.good is None:
            return "there is no checkpoint to go on from"
        return last_is(self.writer.good, self.asked.folder)


@contextmanager
def saver_of(checkpoints: Checkpoints | None) -> Iterator[Saver | Unsaved]:
    """What writes checkpoints, if any are asked for."""
    if checkpoints is None:
        yield Unsaved()
        return
    with Saver(checkpoints).opened() as saver:
        yield saver


def last_is(step: int, folder: Path) -> str:
    """What there is to go on from, in words."""
    return (
        f"the last checkpoint is of step {step}, in {folder}: go on by "
        f"{worded('resume=True', '--resume')}"
    )


def step_of(state: State) -> int:
    """The number of a state among those of its run: of steps, and of parts of its end."""
    step: int = state["clock"]["step"] + state["place"]["n_finished"]
    return step


def with_run(state: State, more: State) -> State:
    """A state that says more of its run."""
    return state | {"run": state["run"] | more}


def reason_of(error: OSError | MemoryError) -> str:
    """Why nothing could be written, in words."""
    return getattr(error, "strerror", None) or str(error) or "out of memory"


def nothing_in(folder: Path) -> str:
    """That there is nothing to go on from, in words."""
    return (
        f"{folder} has no checkpoint to go on from: begin without "
        f"{worded('resume', '--resume')}, or say {worded('every', '--checkpoint-every')}, too, to "
        "begin where there is none"
    )


def best_of(shelf: Shelf, state: State) -> Path | None:
    """The best model that a state speaks of."""
    name = state["kept"]["folder"]
    return None if name is None else shelf.folder / name


def warn(sentence: str) -> None:
    """Say what is not as wished."""
    warnings.warn(sentence, SlideWarning, stacklevel=2)
