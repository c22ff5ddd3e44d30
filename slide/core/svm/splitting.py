"""Which examples are held out, to choose by.

An example with nearly the features of a held-out one and none of its labels is left out with it:
the two are parts of one thing, as of one user's items, and one would tell what the other is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.examples.dataset import Dataset
from slide.core.examples.fetching import taken
from slide.core.svm.near import nearest

HELD_OUT, MOST_HELD_OUT = 0.1, 4000  # share of the examples, and how many at most
ENOUGH, OF_FEW = 2000, 0.2  # fewer than so many are held out of few examples, but a larger share
LEFT_OUT = 0.3  # share of the examples that may be missing for them, other parts among them
FEWEST_HELD_OUT = 20  # with fewer nothing is held out: chance would decide
NEAR, PARTS = 0.6, 16  # cosine from which examples are near, and how many are looked for
NO_ROWS = np.zeros(0, np.int64)
COMMON = 1000  # examples of a feature that are looked at


@dataclass(frozen=True, slots=True)
class Split:
    """Which examples are trained on while others are held out.

    Args:
        usable: rows that are trained on, i64, ascending.
        held_out: rows that are scored; none where they would be too few.
        has_parts: whether most of what is held out has other parts.
        left_out: rows of this round alone that are neither, though they are on shortlists.
    """

    usable: Array
    held_out: Array
    has_parts: bool = False
    left_out: Array = field(default_factory=lambda: NO_ROWS)

    @classmethod
    def of(cls, data: Dataset, rng: np.random.Generator, backend: Backend) -> Split:
        """A random one, without other parts of what is held out.

        Args:
            data: features and labels.
            rng: draws.
            backend: finds the parts.
        """
        n = data.n_samples
        rows = rng.permutation(n)[: n_held_out(n)]
        missing, n_held, n_with_parts = np.zeros(n, bool), 0, 0
        for row, parts in zip(rows, other_parts(data, rows, backend), strict=True):
            if missing.sum() > LEFT_OUT * n:
                break
            missing[parts[parts >= 0]] = missing[row] = True
            n_held += 1
            n_with_parts += bool((parts >= 0).any())
        if n_held < FEWEST_HELD_OUT:
            return cls(np.arange(n), rows[:0])
        has_parts = 2 * n_with_parts > n_held
        return cls(np.flatnonzero(~missing), np.sort(rows[:n_held]), has_parts)

    def without(self, rows: Array) -> Split:
        """The same, but for some of the rows that are trained on."""
        return replace(self, usable=np.setdiff1d(self.usable, rows), left_out=rows)


def n_held_out(n: int) -> int:
    """How many of n examples are held out, if they have no other parts.

    The fewer there are, the more is a choice between them a matter of chance.
    """
    return min(max(int(HELD_OUT * n), min(int(OF_FEW * n), ENOUGH)), MOST_HELD_OUT)


def other_parts(data: Dataset, rows: Array, backend: Backend) -> Array:
    """For each of some examples those near to it without a label of it: i32 (len(rows), k), or -1.

    Args:
        data: features and labels.
        rows: the examples.
        backend: searches.
    """
    y, asked = data.y.positive(), taken(data.features, rows).with_unit_rows()
    found, cosines = nearest(data, asked, COMMON, min(PARTS, data.n_samples), backend)
    found = np.where(cosines >= NEAR, found, -1)
    which, places = np.nonzero(found >= 0)
    labels = y.to_scipy()
    shared = labels[rows[which]].multiply(labels[found[which, places]]).sum(axis=1)
    alike = np.asarray(shared).ravel() > 0
    found[which[alike], places[alike]] = -1
    return found
