"""What is chosen on held-out examples: a race between values, each solved for and scored.

An example is held out of everything but its features' rarity until the last solve, which takes it
in. What is best is best by the mean of P@1 and P@5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.direct.settings import DirectSettings
from slide.core.examples.dataset import Dataset
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import HARD, Shortlists, drawn_cells, found_cells
from slide.core.svm.solving import Balance, Problem

COSTS = tuple(0.3 * 3.0**power for power in range(-5, 6))
CENTROIDS = (0.0, 1.0, 2.0, 4.0)
POWERS = (0.0, 0.5)  # of the inverse document frequency
FIRST = Balance(0.3, 1.0)  # what is tried first, and stays where nothing can be held out
HELD_OUT, MOST_HELD_OUT = 0.1, 2000  # share of the examples, and how many at most
FEWEST_HELD_OUT = 20  # with fewer there is no race: chance would decide it
MOST_IN_HEATS = 5000  # examples that powers are compared on
FIRST_PASSES, PASSES = 3, 2  # over the shortlists: cold, and warm


@dataclass(frozen=True, slots=True)
class Solution:
    """Labels solved with some balance, and how good that is on held-out examples.

    Args:
        balance: C and length of centroids.
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


def held_out_rows(n_samples: int, rng: np.random.Generator) -> Array:
    """Examples that are held out, ascending; none where they would be too few."""
    n = min(int(HELD_OUT * n_samples), MOST_HELD_OUT)
    return np.sort(rng.permutation(n_samples)[: n if n >= FEWEST_HELD_OUT else 0])


def raced(
    begun: Solution,
    settings: SvmSettings,
    solve: Callable[[Balance], Solution],
    has_time: Callable[[], bool],
) -> Solution:
    """The best balance that walking along each scale from `begun` finds, one after the other.

    Args:
        begun: where to start.
        settings: what was said in them is not raced.
        solve: for another balance, from the duals of `begun`.
        has_time: whether there is time for another.
    """
    best = begun
    for name, scale in (("C", COSTS), ("centroid", CENTROIDS)):
        if getattr(settings, name) is not None:
            continue
        for walk in walks(scale, getattr(best.balance, name)):
            start = best
            for value in walk:
                if not has_time():
                    return best
                tried = solve(replace(best.balance, **{name: value}))
                if tried.goodness <= best.goodness:
                    break
                best = tried
            if best is not start:
                break
    return best


def walks(scale: tuple[float, ...], value: float) -> Iterator[tuple[float, ...]]:
    """The values above a value, and those below it, nearest first."""
    yield tuple(other for other in scale if other > value * 1.01)
    yield tuple(other for other in reversed(scale) if other < value * 0.99)


def first_balance(settings: SvmSettings) -> Balance:
    """What was said of it, or else what is tried first."""
    return Balance(
        FIRST.C if settings.C is None else settings.C,
        FIRST.centroid if settings.centroid is None else settings.centroid,
    )


def inputs_of(settings: SvmSettings, data: Dataset, power: float) -> Inputs:
    """How features become inputs, with this power of their inverse document frequency."""
    return Inputs.fitted(DirectSettings(idf_power=power, pairs=settings.pairs), data.features)


def chosen_power(
    settings: SvmSettings, data: Dataset, held_out: Array, active: int, backend: Backend, seed: int
) -> float:
    """The power of the inverse document frequency: the better one on some of the examples.

    Args:
        settings: of the learner.
        data: features and labels.
        held_out: rows that are held out; may be none, which leaves the features as they are.
        active: hard negatives of an example.
        backend: computes.
        seed: of what is drawn.
    """
    if settings.idf_power is not None:
        return settings.idf_power
    if not len(held_out):
        return POWERS[0]
    usable = np.delete(np.arange(data.n_samples), held_out)[:MOST_IN_HEATS]
    some = data.take(np.concatenate([usable, held_out]))
    rows = np.arange(some.n_samples)
    usable, held_out = rows[: len(usable)], rows[len(usable) :]
    goodness = []
    for power in POWERS:
        inputs = inputs_of(settings, some, power)
        x = Dataset(inputs.of(some.features), some.y)
        problem = Problem.of(settings, inputs, x, rows < len(usable), backend)
        lists = first_lists(problem, usable, np.random.default_rng(seed))
        balance = first_balance(settings)
        lists = with_hard(problem, lists, problem.unsolved(balance.centroid), usable, active)
        goodness.append(solution(problem, lists, balance, usable, held_out, 0).goodness)
    return POWERS[int(np.argmax(goodness))]


def first_lists(problem: Problem, usable: Array, rng: np.random.Generator) -> Shortlists:
    """Each label's own examples, and some that are drawn."""
    settings, n = problem.settings, problem.y.n_rows
    wanted = settings.negatives + (settings.negatives_per_example * problem.counts).astype(np.int64)
    drawn = drawn_cells(problem.counts, wanted, usable, n, rng)
    return Shortlists.of(problem.y, drawn, np.isin(np.arange(n), usable))


def with_hard(
    problem: Problem, lists: Shortlists, network: Direct, rows: Array, active: int
) -> Shortlists:
    """With the highest wrong labels of each of these examples."""
    k = min(active, problem.y.n_cols)
    found = problem.search(network, rows, k, problem.settings.list_limit, others=True)
    return lists.joined(found_cells(found, rows, problem.y.n_rows), HARD)


def solution(
    problem: Problem, lists: Shortlists, balance: Balance, usable: Array, held_out: Array, salt: int
) -> Solution:
    """Labels solved on their shortlists.

    Args:
        problem: the training set.
        lists: with the duals to start from; as cold ones take more passes, 0 is the first salt.
        balance: C and length of centroids.
        usable, held_out: the examples solved on, and those scored.
        salt: of the orders of examples.
    """
    passes = PASSES if salt else FIRST_PASSES
    network, duals = problem.solved(lists, balance, len(usable), passes, salt)
    scores = problem.goodness(network, held_out) if len(held_out) else {}
    return Solution(balance, network, duals, scores)
