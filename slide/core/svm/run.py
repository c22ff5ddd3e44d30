"""Training of linear SVMs, in rounds: find hard negatives, solve, find those that are hard now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import occupancy_of_lists
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.direct.network import Direct, logits
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset
from slide.core.examples.scored import DEEPEST, Scored
from slide.core.learner import N_MONITORED, StepReport, in_slices
from slide.core.settings.settings import Settings
from slide.core.svm.choosing import inputs_of, raced
from slide.core.svm.layer import Layer
from slide.core.svm.on_disk import as_inputs, in_order
from slide.core.svm.restoring import demand_state
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import DRAWN, HARD, OWN, Shortlists
from slide.core.svm.solving import Problem
from slide.core.svm.splitting import Split
from slide.core.svm.stacking import (
    AFTER_FOLDS,
    FIRST_OF_LAYER,
    ROUNDS,
    WHOLE_ROUNDS,
    Stacking,
    begun_stacking,
    refuse_few_rounds,
    restored,
)
from slide.core.svm.voting import Voting, begun_voting, voting_restored

FEWEST_ROUNDS = 3  # before which no gain says nothing: the second meets what the first left out
GAIN = 0.01  # of the mean of P@1, P@3 and P@5: a round that has less is followed by the last one
PLAIN = "n_steps", "seconds", "loss", "goodness", "has_all"  # stored as they are
ROUNDS_OF_LAST = 2  # that the last one takes as long as


@dataclass(slots=True)
class SvmRun:
    """State of one training run, whose steps are rounds.

    Args:
        settings: of the run.
        backend: whose kernels compute.
        rng: the one generator that everything random is drawn from.
        data: the training set, its features replaced by inputs, in an order of its own.
        split: examples that are trained on, and those that choices are judged on.
        layer: what is being solved: in the beginning centroids.
        idf_power: as it was chosen.
        stacking: what a second pass takes; None if there will be none.
        voting: what neighbours take beside the only pass; None if there will be none.
        n_steps: rounds that were taken.
        seconds_left: of a time budget.
        seconds: of the last round.
        goodness: of each round.
        loss: over all labels on held-out examples, when they were last held out.
        held_out: answers to examples that were held out, before the last round takes them in.
        has_all: whether it has, and all labels were solved with them once.
        found_by: nothing: an index is built for each round.
    """

    settings: Settings[SvmSettings]
    backend: Backend
    rng: np.random.Generator
    data: Dataset
    split: Split
    layer: Layer
    idf_power: float
    stacking: Stacking | None = None
    voting: Voting | None = None
    n_steps: int = 0
    seconds_left: float = np.inf
    seconds: float = 0.0
    goodness: list[float] = field(default_factory=list)
    loss: float = 0.0
    held_out: Scored | None = None
    has_all: bool = False
    found_by: Any = None

    @classmethod
    def begin(cls, settings: Settings[SvmSettings], backend: Backend, train: Dataset) -> SvmRun:
        """Hold examples out, choose how features become inputs; nothing is solved yet."""
        own, seed, active = settings.learner, settings.training.seed, settings.training.active
        refuse_few_rounds(settings)
        rng = np.random.default_rng(seed)
        data = in_order(train)
        split = Split.of(data, rng, backend)
        voting = begun_voting(own, data, split)
        power, balance = raced(own, data, split, active, backend, seed)
        inputs = inputs_of(own, data, power)
        data = as_inputs(data, inputs)
        problem = Problem.of(own, inputs, data, split.usable, backend)
        lists = Shortlists.of(data.y.positive(), split.usable, problem.scratch)
        layer, stacking = (
            Layer.begin(problem, lists, balance),
            begun_stacking(settings, data, split, rng) if voting is None else None,
        )
        return cls(settings, backend, rng, data, split, layer, power, stacking, voting)

    @classmethod
    def resume(
        cls, settings: Settings[SvmSettings], backend: Backend, train: Dataset, state: State
    ) -> SvmRun:
        """Go on from such a state; nothing is raced again."""
        data = in_order(train)
        demand_state(state, data)
        split, rng = Split(**state["split"]), rng_from(state["rng"])
        voting = voting_restored(settings.learner, data, state["voting"])
        inputs = Direct.restored(state["layer"]["network"], backend).inputs
        data = as_inputs(data, inputs)
        stacking, layer = restored(settings.learner, backend, data, state)
        run = cls(settings, backend, rng, data, split, layer, state["idf_power"], stacking, voting)
        for name in PLAIN:
            setattr(run, name, state[name])
        run.held_out = state["held_out"] and Scored.restored(state["held_out"])
        return run

    def state(self) -> State:
        """Weights, shortlists with their duals, what was chosen, and the generator.

        Of the layers nothing is copied: a round makes everything anew.
        """
        plain = {name: getattr(self, name) for name in PLAIN}
        return plain | {
            "rng": state_of_rng(self.rng),
            "layer": self.layer.state(),
            "stacking": self.stacking and self.stacking.state(),
            "voting": self.voting and self.voting.state(),
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
        """The weights, as they are, and neighbours beside them if they have been found to count."""
        alone = self.layer.solved.network
        return alone if self.voting is None else self.voting.beside(alone, self.backend)

    @property
    def order(self) -> Array:
        """The order of the examples' contents, which `begin` has brought them in."""
        return np.arange(self.data.n_samples)

    @property
    def output_weight(self) -> Array:
        """f32 (nnz,): those of a label, its bias last, after those of the label before."""
        return self.layer.solved.network.param.weight.values

    @property
    def batch_size(self) -> int:
        """All examples: a step is a round."""
        return self.data.n_samples

    @property
    def is_done(self) -> bool:
        """Whether the last round has gained too little for another one, or there is no time."""
        if self.seconds_left < (1 + ROUNDS_OF_LAST) * self.seconds:
            return True
        if self.stacking is not None:
            return self.n_steps >= ROUNDS
        gains = self.goodness[FEWEST_ROUNDS - 1 :]
        return bool(gains) and gains[-1] < max(self.goodness[:-1]) + GAIN

    @property
    def is_comparable(self) -> bool:
        """Not after rounds on the way to a hidden layer."""
        return self.stacking is None or self.n_steps - 1 in WHOLE_ROUNDS

    def learning_rate(self, progress: float) -> float:
        """None is needed."""
        return 0.0

    def attach(self, backend: Backend) -> None:
        """Compute by the kernels of another backend from now on, on the same arrays."""
        self.backend, self.layer = backend, self.layer.attached(backend)
        if self.stacking is not None and self.stacking.below is not None:
            self.stacking.below = self.stacking.below.attached(backend)

    def refresh(self) -> bool:
        """Nothing is due but in a round."""
        return False

    def step(self, batch: Dataset, lr: float) -> StepReport:
        """A round."""
        return self.train_on(batch, lr)

    def train_on(self, batch: Dataset, lr: float) -> StepReport:
        """A round: hard negatives of all examples, and all labels solved with them."""
        began = time.perf_counter()
        if self.stacking is None:
            self.mine_and_solve(self.layer, self.split.usable)
        else:
            self.round_of(self.stacking)
        self.goodness.append(self.layer.solved.mean_goodness)
        report = self.report()
        self.seconds = time.perf_counter() - began
        self.seconds_left -= self.seconds
        return report

    def mine_and_solve(self, layer: Layer, rows: Array) -> None:
        """Put other negatives of these examples on the shortlists, and solve all labels."""
        self.solve(layer.mined(rows, self.settings.training.active, self.rng))

    def solve(self, layer: Layer) -> None:
        """All labels of a layer, on its shortlists as they are."""
        self.n_steps += 1
        self.layer = layer.again(self.split, self.n_steps)

    def round_of(self, stacking: Stacking) -> None:
        """One of those that end in a hidden layer, whose kind its number tells."""
        number, usable = self.n_steps, self.split.usable
        if number == AFTER_FOLDS:
            self.solve(self.layer)
        elif number == FIRST_OF_LAYER:
            self.solve(stacking.begin_layer(self.layer, self.data, self.split))
        else:
            left_out, whole = stacking.left_out(number, usable), self.split
            self.split = whole.without(left_out)
            self.mine_and_solve(self.layer, self.split.usable)
            self.split = whole
            stacking.score(self.layer.solved.network, self.layer, left_out)

    def finish(self) -> bool:
        """Take in what was held out, if there is time for it; whether there is more to be done.

        All labels are solved before hard negatives are looked for, so that these are hard for the
        new examples, too, and for labels that only they have.
        """
        active = self.settings.training.active
        if self.has_all:
            self.solve_all(self.layer.mined(self.order, active, self.rng))
            return False
        if not len(self.split.held_out) or not self.n_steps:
            return False
        if self.stacking is not None:
            self.layer = self.stacking.better(self.layer)
        self.held_out = self.judged() or self.answers()
        if self.seconds_left < ROUNDS_OF_LAST * self.seconds:
            return False
        self.split = Split(self.order, self.order[:0])
        if self.stacking is not None:
            self.layer = self.stacking.taught_below(self.layer, self.split, self.n_steps, self.rng)
        self.solve_all(self.layer.with_all(self.rng))
        self.has_all = True
        return True

    def solve_all(self, layer: Layer) -> None:
        """The same when nothing is held out any more; what it was judged by stays."""
        hits = self.layer.solved.hits
        self.solve(layer)
        self.layer = replace(self.layer, solved=replace(self.layer.solved, hits=hits))

    def judged(self) -> Scored | None:
        """Answers to what is held out, with neighbours if they count; None if they are not tried.

        If time is up there are none.
        """
        if self.voting is None or not (self.voting.is_wanted or self.seconds_left > 0):
            return None
        return self.voting.judge(self.layer.solved.network, self.split, self.backend)

    def answers(self) -> Scored:
        """To what is held out."""
        rows, k = self.split.held_out, min(DEEPEST, self.layer.problem.y.n_cols)
        found = self.layer.problem.best_labels(self.layer.solved.network, rows, k)
        return Scored.of(*found, self.data.take(rows))

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
        lists = self.layer.lists
        counts, n = lists.reason_counts(), max(len(lists.cells), 1)
        return StepReport(
            loss=self.loss,
            n_active=n / max(len(self.split.usable), 1),
            from_labels=float(counts[OWN]) / n,
            from_tables=float(counts[HARD]) / n,
            from_uniform=float(counts[DRAWN]) / n,
            inclusion_probability=1.0,
            touched_rows=int((self.layer.problem.counts > 0).sum()),
        )

    def full_loss(self) -> float:
        """Squared hinge loss over all labels that have examples, mean over some examples."""
        rows = (self.split.held_out if len(self.split.held_out) else self.split.usable)[
            :N_MONITORED
        ]
        weight = self.layer.solved.network.param.weight.map(self.backend.get)
        learned, total = self.layer.problem.counts > 0, 0.0
        x = self.layer.problem.x.take(self.backend.put(rows)).map(self.backend.get)
        for part in in_slices(replace(self.data.take(rows), x=x)):
            z = logits(part.features.with_constant(), weight, self.backend)[:, learned]
            sides = np.where(part.y.positive().dense()[:, learned] > 0, 1, -1)
            total += float((np.maximum(1 - sides * z, 0) ** 2).sum())
        return total / max(len(rows), 1)

    def weight_sum(self) -> float:
        """Of all weights: not finite if one is not."""
        return float(self.layer.solved.network.without_bias(self.backend).values.sum())

    def diagnostics(self) -> dict[str, float]:
        """Scores and loss on held-out examples, while they were, and what was chosen by them."""
        scores = {f"held_out_{name}": score for name, score in self.layer.solved.scores.items()}
        balance = self.layer.solved.balance
        return (
            scores
            | {
                "full_loss": self.loss,
                "cost": balance.cost,
                "centroid": balance.centroid,
                "idf_power": self.idf_power,
                "layers": 1 if self.network.hidden is None else 2,
                "dead_neurons": 1 - float((self.layer.problem.counts > 0).mean()),
            }
            | occupancy_of_lists(self.layer.lists.offsets)
        )
