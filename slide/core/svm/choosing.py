"""What is chosen on held-out examples: a race between values, each solved for and scored.

A heat is run on some of the labels, each with all of its examples: so few that it takes a fraction
of a round, and each label's problem is the one that it has in training. Some of the examples
alone would not do: labels would have fewer examples than they have, and want other values.

What is held out is scored, and taken in by the last round. What is best is best by the mean of P@1
and P@5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.direct.settings import DirectSettings
from slide.core.examples.dataset import Dataset
from slide.core.settings.traits import Traits
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import HARD, Shortlists, drawn_cells
from slide.core.svm.solving import Balance, Problem
from slide.core.svm.splitting import Split

COSTS = tuple(0.3 * 3.0**power for power in range(-5, 6))
CENTROIDS = (0.0, 1.0, 2.0, 4.0)
POWERS = (0.0, 0.5)  # of the inverse document frequency
FIRST = Balance(0.3, 1.0)  # what is tried first, and stays where nothing can be held out
TERMS_IN_HEATS = 3_000_000  # features of the examples that the labels of a heat have, about
TERMS_OF_PAIR = 8  # that a label and an example take time for beside their features
MINED_IN_HEATS = 5000  # examples whose hard negatives are found
FIRST_PASSES, PASSES = 2, 2  # over the shortlists: cold, and warm


@dataclass(frozen=True, slots=True)
class Solution:
    """Labels solved with some balance, and how good that is on held-out examples.

    Args:
        balance: cost and length of centroids.
        network: the weights.
        duals: f32, of the shortlists.
        scores: P@1, P@3, P@5 on the held-out examples; empty if there are none.
    """

    balance: Balance
    network: Direct
    duals: Array
    scores: dict[str, float]

    @property
    def goodness(self) -> float:
        """One number to choose by."""
        found = self.scores or {"precision_at_1": 0.0, "precision_at_5": 0.0}
        return (found["precision_at_1"] + found["precision_at_5"]) / 2


def raced(
    settings: SvmSettings, data: Dataset, split: Split, active: int, backend: Backend, seed: int
) -> tuple[float, Balance]:
    """The power of the inverse document frequency, and the balance, one scale after another.

    Args:
        settings: what was said in them is not raced.
        data: features and labels.
        split: of its examples.
        active: hard negatives of an example.
        backend: computes.
        seed: of what is drawn.
    """
    begun = first_balance(settings, split)
    if not len(split.held_out):
        return settings.idf_power or POWERS[0], begun
    heats = [
        Heats.of(settings, data, split, active, backend, seed, power)
        for power in powers_of(settings, data)
    ]
    goodness = [each.run(begun) for each in heats]
    best = int(np.argmax(goodness))
    found = Found(begun, goodness[best])
    for name, scale in (("cost", COSTS), ("centroid", CENTROIDS)):
        if getattr(settings, name) is None and not (name == "centroid" and split.has_parts):
            found = found.along(name, scale, heats[best])
    return heats[best].power, found.balance


def powers_of(settings: SvmSettings, data: Dataset) -> tuple[float, ...]:
    """Those to choose from; features of many values are weighted by whoever made them."""
    if settings.idf_power is not None:
        return (settings.idf_power,)
    return POWERS if Traits.of(data).is_binary else POWERS[:1]


@dataclass(frozen=True, slots=True)
class Found:
    """The best balance so far, and how good it is."""

    balance: Balance
    goodness: float

    def along(self, name: str, scale: tuple[float, ...], heats: Heats) -> Found:
        """The best that walking along a scale finds: up, or if that is no gain, down."""
        value = getattr(self.balance, name)
        for walk in walks(scale, value):
            found = self.walked(name, walk, heats)
            if found is not self:
                return found
        return self

    def walked(self, name: str, values: Iterable[float], heats: Heats) -> Found:
        """The last of some values up to which each was better than the one before."""
        best = self
        for value in values:
            balance = replace(best.balance, **{name: value})
            goodness = heats.run(balance)
            if goodness <= best.goodness:
                break
            best = Found(balance, goodness)
        return best


@dataclass(frozen=True, slots=True)
class Heats:
    """Some of the labels, to try balances on.

    Args:
        problem: all examples with these labels.
        split: of the examples; held out are those that have one of the labels.
        active: hard negatives of an example, of these labels.
        seed: of what is drawn.
        power: of the inverse document frequency of its inputs.
    """

    problem: Problem
    split: Split
    active: int
    seed: int
    power: float

    @classmethod
    def of(
        cls, settings: SvmSettings, data: Dataset, split: Split, active: int, backend: Backend,
        seed: int, power: float,
    ) -> Heats:  # fmt: skip
        """Labels drawn at random, and features with this power of their rarity."""
        inputs, y = inputs_of(settings, data, power), data.y.positive()
        labels = drawn_labels(data, np.random.default_rng(seed))
        share = len(labels) / y.n_cols
        places = np.full(y.n_cols, -1, np.int32)
        places[labels] = np.arange(len(labels))
        some = y.where(places[y.indices] >= 0)
        some = CSR(some.indptr, places[some.indices], some.values, len(labels))
        scored = split.held_out[some.row_lengths()[split.held_out] > 0]
        x = Dataset(inputs.of(data.features), some)
        problem = Problem.of(settings, inputs, x, split.usable, backend)
        return cls(problem, replace(split, held_out=scored), math.ceil(active * share), seed, power)

    def run(self, balance: Balance) -> float:
        """How good labels are after two rounds with this balance."""
        usable, problem = self.split.usable, self.problem
        lists = first_lists(problem, usable, np.random.default_rng(self.seed))
        network = problem.unsolved(balance.centroid)
        for number, passes in enumerate((FIRST_PASSES, PASSES)):
            lists = with_hard(problem, lists, network, usable[:MINED_IN_HEATS], self.active)
            solved = solution(problem, lists, balance, self.split, passes, FIRST_PASSES * number)
            network, lists = solved.network, replace(lists, duals=solved.duals)
        return solved.goodness


def drawn_labels(data: Dataset, rng: np.random.Generator) -> Array:
    """Labels that have examples, ascending: all, or so many as give enough to compute."""
    y = data.y.positive()
    lengths = data.features.row_lengths() + TERMS_OF_PAIR
    terms = np.bincount(y.indices, lengths[y.row_numbers()], y.n_cols)
    labels = rng.permutation(np.flatnonzero(terms))
    n = 1 + int(np.searchsorted(np.cumsum(terms[labels]), TERMS_IN_HEATS))
    return np.sort(labels[:n])


def walks(scale: tuple[float, ...], value: float) -> Iterator[tuple[float, ...]]:
    """The values above a value, and those below it, nearest first."""
    yield tuple(other for other in scale if other > value * 1.01)
    yield tuple(other for other in reversed(scale) if other < value * 0.99)


def first_balance(settings: SvmSettings, split: Split) -> Balance:
    """What was said of it, or else what is tried first.

    Where examples are parts of one thing, a centroid tells of a user what is known of it already:
    it is no help, and those held out, whose other parts are left out, cannot say so.
    """
    centroid = 0.0 if split.has_parts else FIRST.centroid
    return Balance(
        FIRST.cost if settings.cost is None else settings.cost,
        centroid if settings.centroid is None else settings.centroid,
    )


def inputs_of(settings: SvmSettings, data: Dataset, power: float) -> Inputs:
    """How features become inputs, with this power of their inverse document frequency."""
    return Inputs.fitted(DirectSettings(idf_power=power, pairs=settings.pairs), data.features)


def first_lists(problem: Problem, usable: Array, rng: np.random.Generator) -> Shortlists:
    """Each label's own examples, and some that are drawn."""
    return Shortlists.of(problem.y, drawn_for(problem, problem.counts, usable, rng), usable)


def drawn_for(problem: Problem, counts: Array, usable: Array, rng: np.random.Generator) -> Array:
    """Cells of examples drawn for labels with so many examples; none for those without."""
    settings = problem.settings
    wanted = settings.negatives + (settings.negatives_per_example * counts).astype(np.int64)
    return drawn_cells(counts, wanted, usable, problem.y.n_rows, rng)


def with_hard(
    problem: Problem, lists: Shortlists, network: Direct, rows: Array, active: int
) -> Shortlists:
    """With the highest wrong labels of each of these examples."""
    cells = problem.hard_cells(network, rows, min(active, problem.y.n_cols))
    return lists.unsatisfied().joined(cells, HARD)


def solution(
    problem: Problem, lists: Shortlists, balance: Balance, split: Split, passes: int, salt: int
) -> Solution:
    """Labels solved on their shortlists.

    Args:
        problem: the training set.
        lists: with the duals to start from.
        balance: cost and length of centroids.
        split: the examples solved on, and those scored.
        passes: over the shortlists.
        salt: of the orders of examples.
    """
    network, duals = problem.solved(lists, balance, len(split.usable), passes, salt)
    scores = problem.goodness(network, split.held_out) if len(split.held_out) else {}
    return Solution(balance, network, duals, scores)
