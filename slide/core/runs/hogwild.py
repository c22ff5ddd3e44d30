"""HOGWILD: workers take training steps of their own, on weights that nobody locks.

Every worker has the same learner, whose weights, optimizer state, tables and training set lie in
shared memory (fields with `metadata={"stays": True}` do not, and are None there), and takes whole
steps on batches of its own. Two that update a row at the same time
may lose an update of one of them. Meanwhile the parent keeps the hash tables, or the index: its
kernels are computed by the same workers, a part each between two of their steps.

`Hogwild` and `Epoch` run in the parent; `join`, `adopt` and `step` run in workers.

Source: Niu, Recht, Re and Wright (NeurIPS 2011); SLIDE (arXiv 1903.03129) section 3.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, cast

import numpy as np

from slide.core.contract.arrays import CSR, Array, Param, RowGrad
from slide.core.contract.backend import Backend
from slide.core.contract.optim import Optimizer
from slide.core.contract.sparse import SparseParam
from slide.core.contract.workers import Context, Task, Workers
from slide.core.learner import Batch, Batches, Learner, StepReport

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
        rows = dz.column_ids()
        before = self.counts[rows]
        self.backend.update_entries(param, dz, x, lr)
        self.count(rows, before)

    def count(self, rows: Array, before: Array) -> None:
        """One more update of these rows."""
        self.counts[rows] = before + 1
        self.n_updates += len(rows)


@dataclass(frozen=True, slots=True)
class Joined:
    """What a worker has of the run that it takes part in.

    Args:
        learner: whose arrays all workers share.
        counted: the backend that the learner computes with.
    """

    learner: Learner
    counted: Counted


def join(context: Context, packet: tuple[Learner, Array]) -> None:
    """Take part in this run from now on: a learner, and the counts of `Counted`."""
    learner, counts = packet
    counted = Counted(context.backend, learner.output_weight, counts)
    learner.attach(cast(Backend, counted))
    context.state = Joined(learner, counted)


def adopt(context: Context, found_by: Any) -> None:
    """Choose the active neurons by these tables, or this index, from now on."""
    joined: Joined = context.state
    joined.learner.found_by = found_by


def step(
    context: Context, rows: Array, lr: float, number: int, seed: int
) -> tuple[StepReport, int]:
    """Take a training step.

    Returns:
        its report, and how many rows of the output layer were updated.
    """
    joined: Joined = context.state
    learner, before = joined.learner, joined.counted.n_updates
    learner.n_steps = number - 1
    learner.rng = np.random.default_rng([seed, number])
    report = learner.train_on(learner.data.take(rows), lr)
    return report, joined.counted.n_updates - before


@dataclass(slots=True)
class Epoch:
    """An epoch by several workers: what was asked of whom, and what has come back.

    Args:
        workers: who take the steps.
        learner: whose steps they are.
        batches: that nobody was asked for yet.
        counts: i64 (n_labels,), updates of rows of the output layer that were not lost, about.
        n_begun: steps that were asked for so far, those of epochs before among them.
        n_ahead: steps that were asked of each worker, and are not done.
        n_updates: of rows of the output layer so far.
        reports: of steps that are done, not passed on yet.
    """

    workers: Workers
    learner: Learner
    batches: Iterator[Batch]
    counts: Array
    n_begun: int
    n_ahead: list[int]
    n_updates: int = 0
    reports: deque[StepReport] = field(default_factory=deque)

    @classmethod
    def begin(cls, workers: Workers, learner: Learner, batches: Batches) -> Epoch:
        """One in which nothing was asked for."""
        counts = workers.share(np.zeros(learner.data.n_labels, np.int64))
        n_ahead = [0] * workers.n_workers
        return cls(workers, learner, iter(batches), counts, learner.n_steps, n_ahead)

    @property
    def lost_updates(self) -> float:
        """The share of row updates that were lost, about; at most, rather."""
        return 1 - float(self.counts.sum()) / max(self.n_updates, 1)

    def run(self) -> Iterator[StepReport]:
        """Take a step on each batch; reports come in the order in which steps end."""
        self.workers.start(len(self.n_ahead))
        try:
            self.learner.refresh()
            self.share()
            for worker in range(len(self.n_ahead)):
                self.feed(worker)
            while any(self.n_ahead):
                self.advance()
                yield from drained(self.reports)
        finally:
            self.batches = iter(())  # answers may still come, to which nobody is fed any more
            self.workers.first_tasks = []

    def feed(self, worker: int) -> None:
        """Ask a worker for as many steps as it may be ahead."""
        while self.n_ahead[worker] < STEPS_AHEAD:
            batch = next(self.batches, None)
            if batch is None:
                return
            self.n_begun += 1
            self.n_ahead[worker] += 1
            self.workers.ask(worker, self.step_on(batch, worker))

    def step_on(self, batch: Batch, worker: int) -> Task:
        """A step on a batch."""
        rest = batch.lr, self.n_begun, self.learner.settings.training.seed
        done = partial(self.step_taken, worker)
        return Task("taking a training step", step, self.workers.pack(batch.rows), rest, done)

    def step_taken(self, worker: int, answer: tuple[StepReport, int]) -> None:
        """Note that a worker has taken a step, and ask it for another one."""
        report, n_updates = answer
        self.reports.append(report)
        self.n_updates += n_updates
        self.n_ahead[worker] -= 1
        self.feed(worker)

    def advance(self) -> None:
        """Wait for an answer, then do what is due for tables, or the index."""
        with self.workers.lock:
            self.workers.wait()
            self.learner.n_steps = self.n_begun
            if self.learner.refresh():
                self.publish()

    def share(self) -> None:
        """Put the learner into shared memory, and let all workers join the run."""
        shared = self.workers.share(lent(self.learner), self.learner.backend)
        for each in fields(self.learner):
            if each.name not in staying(self.learner):
                setattr(self.learner, each.name, getattr(shared, each.name))
        joining = self.joining()
        self.ask_all(joining)
        self.workers.first_tasks = [joining]

    def publish(self) -> None:
        """Tell all workers of new tables, or of a new index; the old ones stay until they know."""
        self.learner.found_by = self.workers.share(self.learner.found_by)
        found_by = self.workers.pack(self.learner.found_by)
        before = self.workers.first_tasks  # which keep the old ones
        self.ask_all(Task("taking over new tables", adopt, found_by, kept=before))
        self.workers.first_tasks = [self.joining()]

    def joining(self) -> Task:
        """Joins the run as it is; what finds its active neurons stays as long as the task."""
        packet = lent(self.learner), self.counts
        packed = self.workers.pack(packet, self.learner.backend)
        return Task("joining the run", join, packed, kept=self.learner.found_by)

    def ask_all(self, task: Task) -> None:
        """Let all workers do the same."""
        for worker in range(len(self.n_ahead)):
            self.workers.ask(worker, task)


def staying(learner: Learner) -> set[str]:
    """The fields that no step reads, so that workers go without them."""
    return {each.name for each in fields(learner) if each.metadata.get("stays")}


def lent(learner: Learner) -> Learner:
    """The learner as workers have it."""
    return replace(learner, **dict.fromkeys(staying(learner)))


class Hogwild:
    """Steps by several workers at once: a `Runner`.

    Args:
        workers: who take them.

    Attributes:
        lost_updates: of the last epoch, see `Epoch`.
    """

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.lost_updates = 0.0

    def steps(self, learner: Learner, batches: Batches) -> Iterator[StepReport]:
        """A training step on each batch, and its report.

        Raises:
            ConfigError: the settings need steps that have an order.
        """
        learner.refuse_unordered()
        epoch = Epoch.begin(self.workers, learner, batches)
        yield from epoch.run()
        self.lost_updates = epoch.lost_updates

    def figures(self) -> dict[str, float]:
        """Of the last epoch: the share of row updates that were lost."""
        return {"lost_updates": self.lost_updates}


def drained(reports: deque[StepReport]) -> Iterator[StepReport]:
    """Those that have come so far."""
    while reports:
        yield reports.popleft()
