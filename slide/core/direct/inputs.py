"""What direct connections start from: features as they weigh, and pairs of features.

A sum over features cannot say that two of them mean something together. Where examples have few
features, as the words before a word, every pair of them that was seen twice is an input as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.invariants import demand
from slide.core.direct.settings import DirectSettings
from slide.core.errors import ConfigError, worded
from slide.core.examples.dataset import batches

LONGEST = 16  # features of an example that has pairs: they are 120 then
LEAST_RARE = 0.01  # a feature of all examples still tells their values apart
ROWS_AT_A_TIME = 1 << 18  # whose pairs are counted
MOST = 2**31 - 2  # inputs: they and the constant one are columns
PAIRLESS = np.zeros(0, np.int64), np.zeros(0, np.int64)  # no pair was counted
PAIR_WEIGHT = 2.0  # of a pair beside its features: it tells more (docs/decisions/0019)


@dataclass(frozen=True, slots=True)
class Inputs:
    """How features become inputs.

    Args:
        weights: f32 (n_features,), what each feature is multiplied by.
        pairs: i64 (n_pairs,), ascending: f * n_features + g for f < g.
    """

    weights: Array
    pairs: Array

    @property
    def n_features(self) -> int:
        return len(self.weights)

    @property
    def n_inputs(self) -> int:
        """Features and pairs."""
        return len(self.weights) + len(self.pairs)

    def __post_init__(self) -> None:
        if self.n_inputs > MOST:
            raise ConfigError(
                f"{self.n_features} features and {len(self.pairs)} pairs of features: expected "
                f"{MOST} at most, so train with {worded('pairs=False', '--set pairs=false')}"
            )

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        pairs = self.pairs
        demand(bool((pairs[1:] > pairs[:-1]).all()), "pairs of features do not ascend")
        are_within = pairs.min(initial=0) >= 0 and pairs.max(initial=-1) < self.n_features**2
        demand(bool(are_within), "pairs of features that there are not")

    @classmethod
    def fitted(cls, settings: DirectSettings, x: CSR) -> Inputs:
        """Weights by how rare a feature is, and the pairs that come twice, as the settings say."""
        seen = pairs_counted(x) if settings.pairs else PAIRLESS
        return cls.of_counts(settings, x.n_rows, x.column_counts(), seen)

    @classmethod
    def of_counts(
        cls, settings: DirectSettings, n_rows: int, counts: Array, seen: tuple[Array, Array]
    ) -> Inputs:
        """The same of what was counted: sums over parts of the examples do as well.

        Args:
            settings: how much rarity counts.
            n_rows: examples.
            counts: i64 (n_features,), those that have each feature.
            seen: see `pairs_counted`; PAIRLESS if no pair is to be an input.
        """
        rarity = np.log((n_rows + 1) / (counts + 1))
        weights = (np.maximum(rarity, LEAST_RARE) ** settings.idf_power).astype(np.float32)
        pairs, n_seen = seen
        return cls(weights, pairs[n_seen > 1])

    def widened(self, places: Array, weights: Array) -> Inputs:
        """The same of more features, and no more pairs.

        Args:
            places: i32 (n_features,), the column that each feature has then, ascending.
            weights: f32, of all features; those of the ones here stay as they are.
        """
        weights, n = weights.copy(), len(weights)
        weights[places] = self.weights
        first, second = places[self.pairs // self.n_features], places[self.pairs % self.n_features]
        return Inputs(weights, first.astype(np.int64) * n + second)

    def of(self, x: CSR) -> CSR:
        """Rows of unit length: CSR (B, n_inputs)."""
        x = x.with_unit_rows()  # before anything is multiplied, for values may be very large
        x = x.with_values(x.values * self.weights[x.indices]).with_unit_rows()
        if not len(self.pairs):
            return x
        rows, pairs, values = pairs_of(x)
        places = np.minimum(np.searchsorted(self.pairs, pairs), len(self.pairs) - 1)
        known = self.pairs[places] == pairs
        x = replace(x, n_cols=self.n_inputs)
        of_pairs = rows[known] * self.n_inputs + self.n_features + places[known]
        cells = np.concatenate([x.cells(), of_pairs])
        values = np.concatenate([x.values, np.float32(PAIR_WEIGHT) * values[known]])
        order = np.argsort(cells)
        return CSR.of_cells(cells[order], values[order], x.shape).with_unit_rows()


def pairs_counted(x: CSR) -> tuple[Array, Array]:
    """The pairs of features that examples have, i64, ascending, see `Inputs`; how many have each.

    Memory follows the different pairs that there are, and not the examples.
    """
    seen = PAIRLESS
    for rows in batches(x.n_rows, ROWS_AT_A_TIME):
        found = np.unique(pairs_of(x.take(rows).with_unit_rows())[1], return_counts=True)
        seen = pairs_added(seen, found)
    return seen


def pairs_added(seen: tuple[Array, Array], more: tuple[Array, Array]) -> tuple[Array, Array]:
    """What was counted in some examples, and in others: see `pairs_counted`."""
    pairs, places = np.unique(np.concatenate([seen[0], more[0]]), return_inverse=True)
    counts = np.bincount(places, np.concatenate([seen[1], more[1]]), len(pairs))
    return pairs, counts.astype(np.int64)


def pairs_of(x: CSR) -> tuple[Array, Array, Array]:
    """All pairs of features of each row that is not too long: row, f * n_cols + g, product."""
    lengths = x.row_lengths()
    rows, pairs, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [x.values[:0]]
    for second in range(1, LONGEST):
        chosen = np.flatnonzero((lengths > second) & (lengths <= LONGEST))
        for first in range(second if len(chosen) else 0):
            f, g = x.indptr[chosen] + first, x.indptr[chosen] + second
            rows.append(chosen)
            pairs.append(x.indices[f].astype(np.int64) * x.n_cols + x.indices[g])
            values.append(x.values[f] * x.values[g])
    return np.concatenate(rows), np.concatenate(pairs), np.concatenate(values)
