"""The hidden layer of linear SVMs: what its units are in training, and whether it stays.

Units must not have seen the answer of the example that they are active for, or the layer would
learn to believe them more than it may later. Some rounds of the first pass leave out a fold of the
examples each, and what they then say of that fold are scores as of new examples. So they are of
what is held out, and no example is among those near to itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import distinct
from slide.core.contract.state import State
from slide.core.direct.hidden import AT_A_TIME, SCORED, Hidden, Units, found
from slide.core.direct.network import Direct
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset, batches
from slide.core.examples.scratch import Scratch, row_runs
from slide.core.settings.settings import Settings
from slide.core.svm.choosing import within_error
from slide.core.svm.layer import Layer
from slide.core.svm.settings import SvmSettings
from slide.core.svm.solving import Problem
from slide.core.svm.splitting import Split, other_parts

FOLDS = 3
MOST_ENTRIES = 1 << 24  # inputs of the examples that the model keeps: 128 MiB of them
WHOLE, AFTER_FOLDS = 0, 1 + FOLDS  # rounds in which nothing is left out
FIRST_OF_LAYER = AFTER_FOLDS + 1  # on the shortlists of the pass before
ROUNDS = FIRST_OF_LAYER + 2  # of which the last one looks for hard negatives
WHOLE_ROUNDS = WHOLE, AFTER_FOLDS, ROUNDS - 1  # that end with all labels solved on all examples


@dataclass(slots=True)
class Stacking:
    """What is kept for a hidden layer.

    Args:
        folds: i8 (n_samples,), the fold of each example.
        units: of all examples, as far as they are known.
        is_wanted: whether the layer stays in any case.
        below: the first pass, once the second one has begun.
    """

    folds: Array
    units: Units
    is_wanted: bool
    below: Layer | None = None

    @classmethod
    def drawn(cls, n: int, is_wanted: bool, rng: np.random.Generator) -> Stacking:
        """Before the first round, of n examples."""
        return cls(rng.integers(FOLDS, size=n).astype(np.int8), Units.unknown(n), is_wanted)

    def state(self) -> State:
        """All of it; nothing is written into later."""
        below = None if self.below is None else self.below.state()
        return {"folds": self.folds, "units": self.units.state(), "below": below}

    def left_out(self, number: int, usable: Array) -> Array:
        """The rows that this round leaves out."""
        if number in (WHOLE, AFTER_FOLDS):
            return usable[:0]
        rows: Array = usable[self.folds[usable] == number - 1]
        return rows

    def score(self, network: Direct, layer: Layer, rows: Array) -> None:
        """Let a network that has not seen some examples say what their units are."""
        problem = layer.problem
        index, backend = network.index(problem.backend), problem.backend
        scored, scores = np.array(self.units.scored), np.array(self.units.scores)
        for part in batches(len(rows), AT_A_TIME):
            some = rows[part]
            x = problem.x.take(backend.put(some))
            scored[some], scores[some] = found(index, x, SCORED, backend)
        self.units = replace(self.units, scored=scored, scores=scores)

    def begin_layer(self, layer: Layer, data: Dataset, split: Split) -> Layer:
        """The second pass, begun on the shortlists and from the duals of the first."""
        backend, problem = layer.problem.backend, layer.problem
        self.score(layer.solved.network, layer, split.held_out)
        index = layer.solved.network.index(backend)
        shown = sample_of(data.features)
        x = problem.x if len(shown) == data.n_samples else problem.x.take(backend.put(shown))
        hidden = Hidden.of(index, x, problem.y.take(shown), backend)
        self.vote(hidden, data, shown, split, backend)
        self.below = layer
        with_units = Problem.of(
            problem.settings,
            problem.inputs,
            beside(data, self.units),
            split.usable,
            backend,
            hidden,
        )
        return Layer.begin(with_units, layer.lists, layer.solved.balance)

    def vote(
        self, hidden: Hidden, data: Dataset, shown: Array, split: Split, backend: Backend
    ) -> None:
        """Let the examples near to each one say what its other units are.

        Args:
            hidden: finds them.
            data: inputs and labels of all examples.
            shown: those that `hidden` has, i64, ascending.
            split: says whether examples are parts of one thing.
            backend: computes.
        """
        voted, votes = np.array(self.units.voted), np.array(self.units.votes)
        for rows in batches(data.n_samples, AT_A_TIME):
            excluded = themselves(data, rows, shown, split, backend)
            x = data.features.take(rows).map(backend.put)
            voted[rows], votes[rows] = hidden.voted(x, excluded, backend)
        self.units = replace(self.units, voted=voted, votes=votes)

    def better(self, layer: Layer) -> Layer:
        """The second pass, unless it may be left out and is not told from the first one."""
        below = self.below
        if below is None or self.is_wanted:
            return layer
        if not within_error(layer.solved.goodness, below.solved.goodness):
            return layer
        self.below = None
        return below

    def taught_below(
        self, layer: Layer, split: Split, number: int, rng: np.random.Generator
    ) -> Layer:
        """The second pass on a first one that has learned from all examples, if there are two."""
        if self.below is None:
            return layer
        self.below = self.below.with_all(rng).again(split, number)
        index = self.below.solved.network.index(layer.problem.backend)
        return layer.upon(index)


def refuse_few_rounds(settings: Settings[SvmSettings]) -> None:
    """Raise ConfigError if a hidden layer is asked for, and more rounds than there may be."""
    epochs = settings.training.epochs
    if settings.learner.layers == 2 and epochs < ROUNDS:
        raise ConfigError(
            f"{said('layers', 2)} takes {ROUNDS} rounds, and {said('epochs', epochs)} allows fewer:"
            f" choose {said('epochs', ROUNDS)} or more, or {said('layers', 1)}"
        )


def begun_stacking(
    settings: Settings[SvmSettings], data: Dataset, split: Split, rng: np.random.Generator
) -> Stacking | None:
    """What a hidden layer takes, if one is asked for, or may be judged on held-out examples."""
    layers, epochs = settings.learner.layers, settings.training.epochs
    may_stay = layers is None and len(split.held_out) > 0 and epochs >= ROUNDS
    if not (layers == 2 or may_stay):
        return None
    return Stacking.drawn(data.n_samples, layers == 2, rng)


def restored(
    settings: SvmSettings, backend: Backend, data: Dataset, state: State
) -> tuple[Stacking | None, Layer]:
    """What is kept for a hidden layer, and the layer that is being solved, of a run's state."""
    stored = state["stacking"]
    if stored is None:
        return None, Layer.restored(settings, backend, data, state["layer"])
    below, units = stored["below"], Units.restored(stored["units"])
    if below is not None:
        below, data = Layer.restored(settings, backend, data, below), beside(data, units)
    layer = Layer.restored(settings, backend, data, state["layer"])
    return Stacking(stored["folds"], units, settings.layers == 2, below), layer


def sample_of(x: CSR) -> Array:
    """The examples that the model keeps, i64, ascending: all, or evenly many of too many."""
    n = max(x.n_rows * MOST_ENTRIES // max(x.nnz, MOST_ENTRIES), 1)
    return np.arange(n) * x.n_rows // n


def beside(data: Dataset, units: Units) -> Dataset:
    """The same examples with units beside their inputs."""
    x, n_labels = data.features, data.n_labels
    parts = (units.take(rows).beside(x.take(rows), n_labels) for rows in row_runs(x))
    return replace(data, x=Scratch.of(data).stacked(parts, x.n_cols + 2 * n_labels))


def themselves(data: Dataset, rows: Array, shown: Array, split: Split, backend: Backend) -> CSR:
    """What is not near to each example: itself, and other parts of the same thing.

    Args:
        data: inputs and labels of all examples.
        rows: the examples.
        shown: those that may be near, i64, ascending.
        split: says whether examples are parts of one thing.
        backend: computes.

    Returns:
        CSR (len(rows), len(shown)).
    """
    parts = rows[:, None]
    if split.has_parts:
        parts = np.concatenate([parts, other_parts(data, rows, backend)], axis=1)
    places = np.minimum(np.searchsorted(shown, parts), len(shown) - 1)
    which, at = np.nonzero(shown[places] == parts)
    cells = distinct(which * len(shown) + places[which, at])
    return CSR.of_cells(cells, np.ones(len(cells), np.float32), (len(rows), len(shown)))
