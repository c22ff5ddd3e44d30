"""Training of linear SVMs, in rounds: find hard negatives, solve, find those that are hard now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.direct.network import Direct, logits
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.learner import N_MONITORED, StepReport, in_slices
from slide.core.settings.settings import Settings
from slide.core.svm.choosing import (
    Solution,
    chosen_power,
    first_balance,
    first_lists,
    held_out_rows,
    inputs_of,
    raced,
    solution,
    with_hard,
)
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import DRAWN, HARD, OWN, Shortlists
from slide.core.svm.solving import Balance, Problem

RACE = 2  # the round whose hard negatives the race is run on: those of the first are too easy
GAIN = 0.001  # of the mean of P@1 and P@5, less than which makes a round the last one


@dataclass(slots=True)
class SvmRun:
    """State of one training run, whose steps are rounds.

    Args:
        settings: of the run.
        backend: whose kernels compute.
        rng: the one generator that everything random is drawn from.
        data: the training set, its features replaced by inputs, in an order of its own.
        problem: the same as it is solved.
        usable, held_out: rows that are trained on, and those that the race is judged on.
        lists: the examples that each label is solved on.
        solved: the labels as they are; in the beginning centroids.
        idf_power: as it was chosen.
        n_steps: rounds that were taken.
        seconds_left: of a time budget.
        goodness: of each round.
        found_by: nothing: an index is built for each round.
    """

    settings: Settings[SvmSettings]
    backend: Backend
    rng: np.random.Generator
    data: Dataset
    problem: Problem
    usable: Array
    held_out: Array
    lists: Shortlists
    solved: Solution
    idf_power: float
    n_steps: int = 0
    seconds_left: float = np.inf
    goodness: list[float] = field(default_factory=list)
    found_by: Any = None

    @classmethod
    def begin(cls, settings: Settings[SvmSettings], backend: Backend, train: Dataset) -> SvmRun:
        """Hold examples out, choose how features become inputs; nothing is solved yet."""
        own, seed, active = settings.learner, settings.training.seed, settings.training.active
        rng = np.random.default_rng(seed)
        data = train.take(train.canonical_order())
        held_out = held_out_rows(data.n_samples, rng)
        power = chosen_power(own, data, held_out, active, backend, seed)
        inputs = inputs_of(own, data, power)
        data = Dataset(inputs.of(data.features), data.y)
        rows = np.arange(data.n_samples)
        usable = np.delete(rows, held_out)
        problem = Problem.of(own, inputs, data, np.isin(rows, usable), backend)
        lists, balance = first_lists(problem, usable, rng), first_balance(own)
        begun = Solution(balance, problem.unsolved(balance.centroid), lists.duals, {})
        return cls(settings, backend, rng, data, problem, usable, held_out, lists, begun, power)

    @property
    def network(self) -> Direct:
        """The weights, as they are."""
        return self.solved.network

    @property
    def order(self) -> Array:
        """The order of the examples' contents, which `begin` has brought them in."""
        return np.arange(self.data.n_samples)

    @property
    def output_weight(self) -> Array:
        """f32 (nnz,): those of a label, its bias last, after those of the label before."""
        return self.network.param.weight.values

    @property
    def batch_size(self) -> int:
        """All examples: a step is a round."""
        return self.data.n_samples

    @property
    def is_done(self) -> bool:
        """Whether the last round after the race has gained too little for another one."""
        later = self.goodness[RACE - 1 :]
        return len(later) > 1 and later[-1] < max(later[:-1]) + GAIN

    def learning_rate(self, progress: float) -> float:
        """None is needed."""
        return 0.0

    def attach(self, backend: Backend) -> None:
        """Compute by the kernels of another backend from now on, on the same arrays."""
        self.backend, self.problem = backend, replace(self.problem, backend=backend)

    def refresh(self) -> bool:
        """Nothing is due but in a round."""
        return False

    def step(self, batch: Dataset, lr: float) -> StepReport:
        """A round."""
        return self.train_on(batch, lr)

    def train_on(self, batch: Dataset, lr: float) -> StepReport:
        """A round: hard negatives of all examples, and all labels solved with them.

        The second one tries other balances, too.
        """
        began = time.perf_counter()
        self.n_steps += 1
        active = self.settings.training.active
        self.lists = with_hard(self.problem, self.lists, self.network, self.usable, active)
        solved_at = time.perf_counter()
        self.solved = self.solve(self.solved.balance)
        took = time.perf_counter() - solved_at

        def has_time() -> bool:
            return self.seconds_left - (time.perf_counter() - began) > 2 * took

        if self.n_steps == RACE and len(self.held_out):
            self.lists = replace(self.lists, duals=self.solved.duals)
            self.solved = raced(self.solved, self.settings.learner, self.solve, has_time)
        self.lists = replace(self.lists, duals=self.solved.duals)
        self.goodness.append(self.solved.goodness)
        return self.report()

    def solve(self, balance: Balance) -> Solution:
        """All labels, on their shortlists as they are."""
        salt = self.n_steps - 1
        return solution(self.problem, self.lists, balance, self.usable, self.held_out, salt)

    def finish(self) -> None:
        """Take the held-out examples in, and solve once more."""
        if not len(self.held_out) or not self.n_steps:
            return
        y, active = self.problem.y, self.settings.training.active
        rows = np.arange(y.n_rows)
        own = Shortlists.of(y, rows[:0], np.isin(rows, self.held_out)).cells
        self.problem = replace(self.problem, counts=y.column_counts())
        lists = self.lists.joined(own, OWN)
        self.lists = with_hard(self.problem, lists, self.network, self.held_out, active)
        network, duals = self.problem.solved(
            self.lists, self.solved.balance, y.n_rows, 1, self.n_steps
        )
        self.solved = replace(self.solved, network=network, duals=duals)

    def catch_up(self) -> None:
        """Nothing is owed to any label."""

    def refuse_unordered(self) -> None:
        """A round needs the one before it.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "linear SVMs are solved in rounds, which cannot be taken at once: choose a setting of "
            "training by steps, such as --lr 2, or --mode synchronous"
        )

    def report(self) -> StepReport:
        """Of the last round; its loss is that of all labels, on held-out examples."""
        reasons, n = self.lists.reasons, max(len(self.lists.cells), 1)
        return StepReport(
            loss=self.full_loss(),
            n_active=n / max(len(self.usable), 1),
            from_labels=float((reasons == OWN).sum()) / n,
            from_tables=float((reasons == HARD).sum()) / n,
            from_uniform=float((reasons == DRAWN).sum()) / n,
            inclusion_probability=1.0,
            touched_rows=int((self.problem.counts > 0).sum()),
        )

    def full_loss(self) -> float:
        """Squared hinge loss over all labels that have examples, mean over some examples."""
        rows = (self.held_out if len(self.held_out) else self.usable)[:N_MONITORED]
        weight = self.network.param.weight.map(self.backend.get)
        learned, total = self.problem.counts > 0, 0.0
        for part in in_slices(self.data.take(rows)):
            z = logits(part.features.with_constant(), weight)[:, learned]
            sides = np.where(part.y.positive().dense()[:, learned] > 0, 1, -1)
            total += float((np.maximum(1 - sides * z, 0) ** 2).sum())
        return total / max(len(rows), 1)

    def weight_sum(self) -> float:
        """Of all weights: not finite if one is not."""
        return float(self.network.without_bias(self.backend).values.sum())

    def diagnostics(self) -> dict[str, float]:
        """Scores on held-out examples, what was chosen by them, labels without examples."""
        scores = {f"held_out_{name}": score for name, score in self.solved.scores.items()}
        balance = self.solved.balance
        return scores | {
            "full_loss": self.full_loss(),
            "n_held_out": len(self.held_out),
            "C": balance.C,
            "centroid": balance.centroid,
            "idf_power": self.idf_power,
            "dead_neurons": 1 - float((self.problem.counts > 0).mean()),
        }
