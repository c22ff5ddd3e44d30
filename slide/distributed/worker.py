"""A worker that takes steps on its part of the examples, from wherever it is told to begin."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from threadpoolctl import threadpool_limits

from slide.backends import load, use_threads
from slide.core.contract.arrays import CSR
from slide.core.contract.backend import Backend
from slide.core.contract.state import State
from slide.core.direct.inputs import Inputs
from slide.core.learner import Learner, StepReport
from slide.core.learners.kinds import kind_of
from slide.core.runs.clock import Place
from slide.core.settings.settings import Settings
from slide.distributed.means import Arrays, averaged_of
from slide.distributed.parts import Part
from slide.distributed.starting import Counted, sums_of


def backend_of(name: str | None, threads: int) -> Backend:
    """A backend by name, None for the default one; it has so many threads, and BLAS has one."""
    backend = load(name)
    threadpool_limits(limits=1, user_api="blas")  # what the backend has brought among them
    use_threads(backend, threads)
    return backend


@dataclass(frozen=True, slots=True)
class Own:
    """What a worker has of its own between two periods.

    Args:
        learner: the state of its learner, but for what all workers have alike.
        n_periods: since the start of the run.
        n_done: steps since the start of the epoch.
        drawn_from: state of the generator that the epoch's order was drawn from, if it was.
    """

    learner: State
    n_periods: int = 0
    n_done: int = 0
    drawn_from: State | None = None


class Worker:
    """Trains on a part of the examples, from what it is given: it may be made anew at any time.

    Args:
        part: its examples.
        settings: of the run.
        backend: name of the one that computes; None for the default one.
        threads: that it computes with.
    """

    def __init__(
        self, part: Part, settings: Settings[Any], backend: str | None, threads: int
    ) -> None:
        self.data, self.settings, self.is_alone = part.read(), settings, part.n_parts == 1
        self.backend = backend_of(backend, threads)
        self.averaged = averaged_of(settings)
        self.learner: Learner | None = None
        self.n_periods = 0  # that the learner has behind it

    def counted(self) -> Counted:
        """See `Counted`."""
        return Counted.of(self.data, self.settings.learner)

    def sums(self, inputs: Inputs, labels: slice) -> CSR:
        """See `sums_of`."""
        return sums_of(self.backend, self.data, inputs, labels)

    def steps(
        self, fixed: State, shared: Arrays, own: Own, rates: Sequence[float], is_last: bool
    ) -> tuple[Arrays, Own, list[StepReport]]:
        """Take a step on each of the next batches of an epoch, or on as many as are left of it.

        Args:
            fixed, shared: see `slide.distributed.means`.
            own: where the worker is.
            rates: learning rate of each step.
            is_last: whether the epoch ends with them.

        Returns:
            shared and own after them, and a report of each step.
        """
        learner = self._learner(fixed, shared, own)
        if own.n_periods and not self.is_alone:
            self.averaged.adopt(learner, shared)
        place = Place(drawn_from=own.drawn_from)
        order, size = place.order(learner), learner.batch_size
        starts = [size * (own.n_done + number) for number in range(len(rates))]
        reports = [
            learner.step(learner.data.take(order[start : start + size]), lr)
            for start, lr in zip(starts, rates, strict=True)
            if start < len(order)
        ]
        learner.catch_up()
        self.n_periods = own.n_periods + 1
        state, n_done, drawn_from = learner.state(), own.n_done + len(rates), place.drawn_from
        if is_last:
            n_done, drawn_from = 0, None
        after = Own(self.averaged.own(state), self.n_periods, n_done, drawn_from)
        return self.averaged.shared(state), after, reports

    def go_on(self, fixed: State, shared: Arrays, own: Own) -> None:
        """Be where the worker of an interrupted run was.

        Raises:
            ValueError, KeyError: a run of these examples cannot go on from there.
        """
        self.learner = None
        self._learner(fixed, shared, own)
        self.n_periods = own.n_periods

    def _learner(self, fixed: State, shared: Arrays, own: Own) -> Learner:
        """The one that has come so far, or one that goes on from there."""
        if self.learner is None or self.n_periods != own.n_periods:
            state = self.averaged.joined(fixed, shared, deepcopy(own.learner))  # written into
            kind = kind_of(self.settings)
            self.learner = kind.resume(self.settings, self.backend, self.data, state)
        return self.learner
