"""HOGWILD: workers take training steps of their own, on weights that nobody locks.

Every worker has the same run before it, whose weights, optimizer state, tables and training set lie
in shared memory, and takes whole steps on batches of its own. Two that update a row at the same
time may lose an update of one of them. Meanwhile the parent keeps the hash tables, or the index:
its kernels are computed by the same workers, a part each between two of their steps.

Source: Niu, Recht, Re and Wright (NeurIPS 2011); SLIDE (arXiv 1903.03129) section 3.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np

from slide.backends.shared.messages import packed, unpacked
from slide.backends.shared.workers import Task, Team
from slide.backends.shared.working import Desk
from slide.core.contract.arrays import CSR, Array, Param, RowGrad
from slide.core.contract.backend import Backend
from slide.core.contract.optim import Optimizer
from slide.core.contract.sparse import SparseParam
from slide.core.learner import Batches, Learner, StepReport

STEPS_AHEAD = 2  # asked of a worker at once, so that it never waits for the parent


class Counted:
    """A backend that counts the updates of the output layer's rows as unsafely as it does them.

    A count is read before a row is updated and written afterwards, so it is lost when another
    worker has updated the row in between. The weights themselves are read later and written
    sooner: of them no more is lost.

    Args:
        backend: does the work.
        weight: of the output layer, an array of it.
        counts: i64 (n_labels,), shared by all workers.

    Attributes:
        n_updates: of rows, that this worker has made.
    """

    def __init__(self, backend: Backend, weight: Array, counts: Array) -> None:
        self.backend, self.weight, self.counts = backend, weight, counts
        self.n_updates = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def update_rows(
        self, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
    ) -> None:
        """Update, and count if it is the output layer."""
        rows = grad.rows if param.weight is self.weight else grad.rows[:0]
        before = self.counts[rows]
        self.backend.update_rows(param, grad, optimizer, lr, step)
        self.count(rows, before)

    def update_entries(self, param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
        """Update and count."""
        rows = np.unique(dz.indices)
        before = self.counts[rows]
        self.backend.update_entries(param, dz, x, lr)
        self.count(rows, before)

    def count(self, rows: Array, before: Array) -> None:
        """One more update of these rows."""
        self.counts[rows] = before + 1
        self.n_updates += len(rows)


def join(desk: Desk, packet: tuple[Learner, Array]) -> None:
    """Have this run before oneself."""
    learner, counts = packet
    desk.learner = learner
    learner.attach(Counted(desk.backend, learner.output_weight, counts))


def adopt(desk: Desk, found_by: Any) -> None:
    """Choose the active neurons by these tables, or this index, from now on."""
    desk.learner.found_by = found_by


def step(desk: Desk, rows: Array, lr: float, number: int, seed: int) -> tuple[StepReport, int]:
    """Take a training step.

    Returns:
        its report, and the rows of the output layer that were updated.
    """
    learner = desk.learner
    learner.n_steps = number - 1
    learner.rng = np.random.default_rng([seed, number])
    before = learner.backend.n_updates
    report = learner.train_on(learner.data.take(rows), lr)
    return report, learner.backend.n_updates - before


class Hogwild:
    """Steps by several workers of a team at once.

    Args:
        team: who takes them.
        n_workers: how many of them.
        n_labels: of the training set.

    Attributes:
        n_updates: of rows of the output layer so far.
        counts: i64 (n_labels,), those of them that were not lost, about.
    """

    def __init__(self, team: Team, n_workers: int, n_labels: int) -> None:
        self.team, self.n_workers = team, n_workers
        self.n_updates = 0
        self.counts = team.store.put(np.zeros(n_labels, np.int64))

    @property
    def lost_updates(self) -> float:
        """The share of row updates that were lost, about; at most, rather."""
        return 1 - float(self.counts.sum()) / max(self.n_updates, 1)

    def steps(self, learner: Learner, batches: Batches) -> Iterator[StepReport]:
        """Take a step on each batch; reports come in the order in which steps end."""
        learner.refuse_unordered()
        team, left = self.team, iter(batches)
        team.hire(self.n_workers)
        reports: deque[StepReport] = deque()
        n_begun, n_ahead, is_ready = learner.n_steps, [0] * self.n_workers, False

        def feed(worker: int) -> None:
            nonlocal n_begun
            while is_ready and n_ahead[worker] < STEPS_AHEAD:
                batch = next(left, None)
                if batch is None:
                    return
                n_begun += 1
                n_ahead[worker] += 1
                message, copies = packed(batch[0], team.store)
                rest = (batch[1], n_begun, learner.settings.training.seed)
                done = partial(take, worker)
                phase = "taking a training step"
                team.ask(worker, Task(phase, step, message, rest, copies, done))

        def take(worker: int, answer: tuple[StepReport, int]) -> None:
            reports.append(answer[0])
            self.n_updates += answer[1]
            n_ahead[worker] -= 1
            feed(worker)

        try:
            learner.refresh()
            self.share(learner)
            is_ready = True
            for worker in range(self.n_workers):
                feed(worker)
            while any(n_ahead):
                with team.lock:
                    team.pump()
                    learner.n_steps = n_begun
                    if learner.refresh():
                        self.publish(learner)
                yield from drained(reports)
        finally:
            team.opening = []

    def share(self, learner: Learner) -> None:
        """Put all that a run consists of into shared memory, and let all workers join it."""
        message, _ = packed(learner, self.team.store, small=0, absent=type(learner.backend))
        shared = unpacked(message, self.team.store, learner.backend)
        for field in fields(learner):
            setattr(learner, field.name, getattr(shared, field.name))
        joining = self.joining(learner)
        for worker in range(self.n_workers):
            self.team.ask(worker, joining)
        self.team.opening = [joining]

    def publish(self, learner: Learner) -> None:
        """Tell all workers of new tables, or of a new index; the old ones stay until they know."""
        message, _ = packed(learner.found_by, self.team.store, small=0)
        learner.found_by = unpacked(message, self.team.store)
        task = Task("taking over new tables", adopt, message, (), self.team.opening, ignore)
        for worker in range(self.n_workers):
            self.team.ask(worker, task)
        self.team.opening = [self.joining(learner)]

    def joining(self, learner: Learner) -> Task:
        """Joins the run as it is; what finds its active neurons stays as long as the task."""
        packet = learner, self.counts
        message, copies = packed(packet, self.team.store, absent=type(learner.backend))
        return Task("joining the run", join, message, (), [copies, learner.found_by], ignore)


def drained(reports: deque[StepReport]) -> Iterator[StepReport]:
    """Those that have come so far."""
    while reports:
        yield reports.popleft()


def ignore(answer: Any) -> None:
    """Nothing to be done with it."""
