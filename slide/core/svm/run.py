"""Training of linear SVMs, in rounds: find hard negatives, solve, find those that are hard now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.state import State, csr_from, rng_from, state_of_csr, state_of_rng
from slide.core.direct.network import Direct, logits
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset
from slide.core.examples.scored import DEEPEST, Scored
from slide.core.learner import N_MONITORED, StepReport, in_slices
from slide.core.settings.settings import Settings
from slide.core.svm.choosing import (
    Solution,
    drawn_for,
    inputs_of,
    next_lists,
    raced,
    solution,
)
from slide.core.svm.restoring import demand_state
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import DRAWN, HARD, OWN, Shortlists
from slide.core.svm.solving import NOTHING_FOUND, Balance, Problem
from slide.core.svm.splitting import Split

FEWEST_ROUNDS = 3  # before which no gain says nothing: the second meets what the first left out
GAIN = 0.01  # of the mean of P@1, P@3 and P@5: a round that has less is followed by the last one
PLAIN = "n_steps", "seconds", "loss", "goodness"  # stored as they are
ROUNDS_OF_LAST = 2  # that the last one takes as long as


@dataclass(slots=True)
class SvmRun:
    """State of one training run, whose steps are rounds.

    Args:
        settings: of the run.
        backend: whose kernels compute.
        rng: the one generator that everything random is drawn from.
        data: the training set, its features replaced by inputs, in an order of its own.
        problem: the same as it is solved.
        split: examples that are trained on, and those that the race is judged on.
        lists: the examples that each label is solved on.
        solved: the labels as they are; in the beginning centroids.
        idf_power: as it was chosen.
        n_steps: rounds that were taken.
        seconds_left: of a time budget.
        seconds: of the last round.
        goodness: of each round.
        loss: over all labels on held-out examples, when they were last held out.
        held_out: answers to examples that were held out, before the last round takes them in.
        found_by: nothing: an index is built for each round.
    """

    settings: Settings[SvmSettings]
    backend: Backend
    rng: np.random.Generator
    data: Dataset
    problem: Problem
    split: Split
    lists: Shortlists
    solved: Solution
    idf_power: float
    n_steps: int = 0
    seconds_left: float = np.inf
    seconds: float = 0.0
    goodness: list[float] = field(default_factory=list)
    loss: float = 0.0
    held_out: Scored | None = None
    found_by: Any = None

    @classmethod
    def begin(cls, settings: Settings[SvmSettings], backend: Backend, train: Dataset) -> SvmRun:
        """Hold examples out, choose how features become inputs; nothing is solved yet."""
        own, seed, active = settings.learner, settings.training.seed, settings.training.active
        rng = np.random.default_rng(seed)
        data = train.distinct()
        data = data.take(data.canonical_order())
        split = Split.of(data, rng, backend)
        power, balance = raced(own, data, split, active, backend, seed)
        inputs = inputs_of(own, data, power)
        data = replace(data, x=inputs.of(data.features))
        problem = Problem.of(own, inputs, data, split.usable, backend)
        lists = Shortlists.of(data.y.positive(), split.usable)
        begun = Solution(balance, problem.unsolved(balance.centroid), lists.duals, NOTHING_FOUND)
        return cls(settings, backend, rng, data, problem, split, lists, begun, power)

    @classmethod
    def resume(
        cls, settings: Settings[SvmSettings], backend: Backend, train: Dataset, state: State
    ) -> SvmRun:
        """Go on from such a state; nothing is raced again."""
        data = train.distinct()
        demand_state(state, data)
        network = Direct.restored(state["network"], backend)
        data = data.take(data.canonical_order())
        data = replace(data, x=network.inputs.of(data.features))
        x, centroids = data.features.map(backend.put), csr_from(state["centroids"])
        problem = Problem(
            settings.learner, backend, network.inputs, x, data.y.positive(), state["counts"],
            centroids, data.weights,
        )  # fmt: skip
        lists = Shortlists(**state["lists"], shape=(data.n_labels, data.n_samples))
        solved = Solution(Balance(**state["balance"]), network, lists.duals, state["hits"])
        split, rng = Split(**state["split"]), rng_from(state["rng"])
        run = cls(settings, backend, rng, data, problem, split, lists, solved, state["idf_power"])
        for name in PLAIN:
            setattr(run, name, state[name])
        run.held_out = state["held_out"] and Scored.restored(state["held_out"])
        return run

    def state(self) -> State:
        """Weights, shortlists with their duals, what was chosen, and the generator.

        Nothing is copied: a round makes everything anew.
        """
        lists, balance = self.lists, self.solved.balance
        plain = {name: getattr(self, name) for name in PLAIN}
        return plain | {
            "rng": state_of_rng(self.rng),
            "network": self.network.state(self.backend),
            "centroids": state_of_csr(self.problem.centroids),
            "counts": self.problem.counts,
            "lists": {"cells": lists.cells, "reasons": lists.reasons, "duals": lists.duals},
            "balance": {"cost": balance.cost, "centroid": balance.centroid},
            "hits": self.solved.hits,
            "split": {
                "usable": self.split.usable,
                "held_out": self.split.held_out,
                "has_parts": self.split.has_parts,
            },
            "idf_power": self.idf_power,
            "goodness": list(self.goodness),
            "held_out": self.held_out and self.held_out.state(),
        }

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
        """Whether the last round has gained too little for another one, or there is no time."""
        if self.seconds_left < (1 + ROUNDS_OF_LAST) * self.seconds:
            return True
        gains = self.goodness[FEWEST_ROUNDS - 1 :]
        return bool(gains) and gains[-1] < max(self.goodness[:-1]) + GAIN

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
        """A round: hard negatives of all examples, and all labels solved with them."""
        began = time.perf_counter()
        self.mine(self.split.usable)
        self.again()
        self.goodness.append(self.solved.mean_goodness)
        report = self.report()
        self.seconds = time.perf_counter() - began
        self.seconds_left -= self.seconds
        return report

    def mine(self, rows: Array) -> None:
        """Put other negatives of these examples on the shortlists."""
        active = self.settings.training.active
        self.lists = next_lists(
            self.problem, self.lists, self.network, rows, rows, active, self.rng
        )

    def again(self) -> None:
        """Solve all labels on their shortlists as they are, from the duals as they are."""
        self.n_steps += 1
        balance = self.solved.balance
        self.solved = solution(self.problem, self.lists, balance, self.split, self.n_steps)
        self.lists = replace(self.lists, duals=self.solved.duals)

    def finish(self) -> None:
        """Take in what was held out, if there is time for it.

        All labels are solved before hard negatives are looked for, so that these are hard for the
        new examples, too, and for labels that only they have.
        """
        if not len(self.split.held_out) or not self.n_steps:
            return
        self.held_out = self.answers()
        if self.seconds_left < ROUNDS_OF_LAST * self.seconds:
            return
        y, rows, hits = self.problem.y, self.order, self.solved.hits
        new = np.where(self.problem.counts == 0, y.column_counts(), 0)
        self.problem = replace(self.problem, counts=y.column_counts())
        self.split = Split(rows, rows[:0])
        drawn = drawn_for(self.problem, new, rows, self.rng, 0)
        self.lists = self.lists.joined((drawn, DRAWN), (Shortlists.of(y, rows).cells, OWN))
        self.again()
        self.mine(rows)
        self.again()
        self.solved = replace(self.solved, hits=hits)

    def answers(self) -> Scored:
        """To what is held out."""
        rows, k = self.split.held_out, min(DEEPEST, self.problem.y.n_cols)
        return Scored.of(*self.problem.best_labels(self.network, rows, k), self.data.take(rows))

    def catch_up(self) -> None:
        """Nothing is owed to any label."""

    def refuse_unordered(self) -> None:
        """A round needs the one before it.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "linear SVMs are solved in rounds, which cannot be taken at once: choose a setting of "
            f"training by steps, such as {said('lr', 2)}, or {said('mode', 'synchronous')}"
        )

    def report(self) -> StepReport:
        """Of the last round; its loss is that of all labels, on held-out examples."""
        self.loss = self.full_loss()
        reasons, n = self.lists.reasons, max(len(self.lists.cells), 1)
        return StepReport(
            loss=self.loss,
            n_active=n / max(len(self.split.usable), 1),
            from_labels=float((reasons == OWN).sum()) / n,
            from_tables=float((reasons == HARD).sum()) / n,
            from_uniform=float((reasons == DRAWN).sum()) / n,
            inclusion_probability=1.0,
            touched_rows=int((self.problem.counts > 0).sum()),
        )

    def full_loss(self) -> float:
        """Squared hinge loss over all labels that have examples, mean over some examples."""
        rows = (self.split.held_out if len(self.split.held_out) else self.split.usable)[
            :N_MONITORED
        ]
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
        """Scores and loss on held-out examples, while they were, and what was chosen by them."""
        scores = {f"held_out_{name}": score for name, score in self.solved.scores.items()}
        balance = self.solved.balance
        return scores | {
            "full_loss": self.loss,
            "cost": balance.cost,
            "centroid": balance.centroid,
            "idf_power": self.idf_power,
            "dead_neurons": 1 - float((self.problem.counts > 0).mean()),
        }
