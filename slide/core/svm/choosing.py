"""What is chosen on held-out examples: a race between values, each solved for and scored.

A heat is run on some of the labels, each with all of its examples: so few that it takes a fraction
of a round, and each label's problem is the one that it has in training. Some of the examples
alone would not do: labels would have fewer examples than they have, and want other values.

What is held out is scored, and taken in by the last round. What is best is best by the mean of P@1,
P@3 and P@5, which is less a matter of chance than any of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.direct.settings import DirectSettings
from slide.core.examples.dataset import Dataset
from slide.core.examples.metrics import RANKS
from slide.core.settings.traits import Traits
from slide.core.svm.cells import Cells, drawn_cells
from slide.core.svm.on_disk import as_inputs
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import DRAWN, HARD, TERMS_OF_PAIR, Shortlists
from slide.core.svm.solving import REFINING, Balance, Problem
from slide.core.svm.splitting import Split

FACTOR, MOST_STEPS = 3.0, 5  # by which costs go up or down, and how often
ERRORS_OF_STEP = 2.0  # standard errors: several costs are tried, and one may seem better
POWERS = (0.0, 0.5)  # of the inverse document frequency
FIRST = Balance(0.3, 2.0)  # cost that is tried first, and length of centroids
TERMS_IN_HEATS = 3_000_000  # features of the examples that the labels of a heat have, at least
SHARE_IN_HEATS = 0.1  # of the terms of all labels: few of very many would leave much to chance
MINED_IN_HEATS = 5000  # examples whose hard negatives are found
ROUNDS_OF_HEAT = 2
SALTS_OF_ROUND = 1 + REFINING  # so that no pass has the order of another


@dataclass(frozen=True, slots=True)
class Solution:
    """Labels solved with some balance, and how good that is on held-out examples.

    Args:
        balance: cost, and length of centroids.
        network: the weights.
        lists: the shortlists, with their duals.
        hits: bool (n_held_out, ANSWERS), whether the best labels of those examples are theirs.
    """

    balance: Balance
    network: Direct
    lists: Shortlists
    hits: Array

    @property
    def goodness(self) -> Array:
        """One number to choose by, of each held-out example."""
        goodness: Array = np.mean([self.hits[:, :k].mean(axis=1) for k in RANKS], axis=0)
        return goodness

    @property
    def mean_goodness(self) -> float:
        """Of them all; 0 if nothing is held out."""
        return float(self.goodness.sum()) / max(len(self.hits), 1)

    @property
    def scores(self) -> dict[str, float]:
        """P@1, P@3 and P@5 by their names in metrics.jsonl; none if nothing is held out."""
        if not len(self.hits):
            return {}
        return {f"precision_at_{k}": float(self.hits[:, :k].mean()) for k in RANKS}


def raced(
    settings: SvmSettings, data: Dataset, split: Split, active: int, backend: Backend, seed: int
) -> tuple[float, Balance]:
    """The power of the inverse document frequency, and the balance, one after the other.

    Args:
        settings: what was said in them is not raced.
        data: features and labels.
        split: of its examples.
        active: hard negatives of an example.
        backend: computes.
        seed: of what is drawn.
    """
    begun = first_balance(settings, split)
    powers = powers_of(settings, data)
    is_said = settings.cost is not None and len(powers) == 1
    if is_said or not len(split.held_out):
        return powers[0], begun
    heats = [Heats.of(settings, data, split, active, backend, seed, power) for power in powers]
    goodness = [each.run(begun) for each in heats]
    best = int(np.argmax([each.mean() for each in goodness]))
    if settings.cost is not None:
        return heats[best].power, begun
    return heats[best].power, walked(heats[best], begun, goodness[best])


def powers_of(settings: SvmSettings, data: Dataset) -> tuple[float, ...]:
    """Those to choose from; features of many values are weighted by whoever made them."""
    if settings.idf_power is not None:
        return (settings.idf_power,)
    return POWERS if Traits.of(data).is_binary else POWERS[:1]


def walked(heats: Heats, begun: Balance, goodness: Array) -> Balance:
    """The best that walking along costs finds: up, or if that is no gain, down.

    No step is taken for a gain that may be chance: what is tried first is good for most sets, and a
    cost three times too small or too large is bad for any.

    Where examples are parts of one thing, the other parts of what is asked for later are trained
    on, as lacking it, and the more they cost the better that is learned. Those held out cannot say
    so. There the least cost that was tried is taken from which the best is not told apart.

    Args:
        heats: to run.
        begun: where the walk begins.
        goodness: there, of each held-out example.
    """
    tried = {begun: goodness}
    best = begun
    for factor in (FACTOR, 1 / FACTOR):
        for _ in range(MOST_STEPS if best is begun else 0):
            other = replace(best, cost=factor * best.cost)
            tried[other] = heats.run(other)
            if within_error(tried[other], tried[best], ERRORS_OF_STEP):
                break
            best = other
    if not heats.split.has_parts:
        return best
    near = [each for each in tried if within_error(tried[best], tried[each])]
    return min(near, key=lambda each: each.cost)


def within_error(best: Array, other: Array, errors: float = 1.0) -> bool:
    """Whether the best is better by no more than so many standard errors of the difference.

    Source: the one-standard-error rule of Breiman et al. (CART, 1984), of pairs.
    """
    gain = best - other
    return bool(gain.mean() <= errors * gain.std() / math.sqrt(len(gain)))


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
        few = replace(as_inputs(data, inputs), y=some)
        problem = Problem.of(settings, inputs, few, split.usable, backend)
        return cls(problem, replace(split, held_out=scored), math.ceil(active * share), seed, power)

    def run(self, balance: Balance) -> Array:
        """How good labels are after two rounds with this balance, for each held-out example."""
        usable, problem = self.split.usable, self.problem
        rng = np.random.default_rng(self.seed)
        lists = Shortlists.of(problem.y, usable, problem.scratch)
        network = problem.unsolved(balance.centroid)
        for number in range(ROUNDS_OF_HEAT):
            mined = usable[:MINED_IN_HEATS]
            lists = next_lists(problem, lists, network, usable, mined, self.active, rng)
            solved = solution(problem, lists, balance, self.split, number)
            network, lists = solved.network, solved.lists
        return solved.goodness


def drawn_labels(data: Dataset, rng: np.random.Generator) -> Array:
    """Labels that have examples, ascending: all, or so many as give enough to compute."""
    y = data.y.positive()
    lengths = data.features.row_lengths() + TERMS_OF_PAIR
    terms = np.bincount(y.indices, lengths[y.row_numbers()], y.n_cols)
    labels = rng.permutation(np.flatnonzero(terms))
    enough = max(TERMS_IN_HEATS, SHARE_IN_HEATS * terms.sum())
    n = 1 + int(np.searchsorted(np.cumsum(terms[labels]), enough))
    return np.sort(labels[:n])


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


def drawn_for(
    problem: Problem, counts: Array, usable: Array, rng: np.random.Generator, n_drawn: Array | int
) -> Cells:
    """Cells of examples drawn for labels with so many examples; none for those without.

    Args:
        problem: the training set.
        counts: i64 (n_labels,), examples of each label.
        usable: rows to draw from.
        rng: draws.
        n_drawn: i64 (n_labels,), examples that were drawn before and are still there.
    """
    settings = problem.settings
    wanted = settings.negatives + (settings.negatives_per_example * counts).astype(np.int64)
    wanted = np.maximum(wanted - n_drawn, 0)
    return Cells.of(drawn_cells(counts, wanted, usable, problem.y.n_rows, rng), problem.scratch)


def next_lists(
    problem: Problem, lists: Shortlists, network: Direct, usable: Array, mined: Array, active: int,
    rng: np.random.Generator,
) -> Shortlists:  # fmt: skip
    """Of the next round: negatives that are easy go, others come.

    Args:
        problem: the training set.
        lists: of the round before.
        network: the labels as they are.
        usable: rows that others are drawn from.
        mined: rows whose highest wrong labels are found.
        active: so many of each.
        rng: draws.
    """
    lists = lists.unsatisfied(problem.backend)
    drawn = drawn_for(problem, problem.counts, usable, rng, lists.drawn_counts())
    found = problem.hard_cells(network, mined, min(active, problem.y.n_cols))
    hard = Cells.of(found, problem.scratch)
    return lists.joined((drawn, DRAWN), (hard, HARD), backend=problem.backend)


def solution(
    problem: Problem, lists: Shortlists, balance: Balance, split: Split, number: int
) -> Solution:
    """Labels solved on their shortlists.

    Args:
        problem: the training set.
        lists: with the duals to start from.
        balance: cost and length of centroids.
        split: the examples solved on, and those scored.
        number: of the solutions before this one.
    """
    salt = SALTS_OF_ROUND * number
    network, lists = problem.solved(lists, balance, split.usable, split.left_out, salt)
    return Solution(balance, network, lists, problem.hits(network, split.held_out))
