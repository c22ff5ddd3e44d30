"""The examples that each label is solved on: its own, hard negatives, and some that are drawn.

A pair of a label and an example is one whole number, its cell: label * n_samples + example. Lists
of pairs are in the order of their cells, so that those of a label lie together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from slide.core.contract.arrays import CSR, Array

DRAWN, OWN, HARD = 0, 1, 2
"""Why a pair is there: its example was drawn, has the label, or scored high without having it."""
KNOWN = -1  # it was there before
JOINED_AT_A_TIME = 1 << 16  # pairs, so that all that is made of them fits a cache
RANKS = KNOWN, HARD, OWN, DRAWN  # the first of the reasons for a pair is what counts


@dataclass(frozen=True, slots=True)
class Shortlists:
    """Pairs of labels and examples, with what is known of each.

    Args:
        cells: i64, ascending, none twice.
        reasons: i8, DRAWN, OWN or HARD.
        duals: f32, at least 0: dual variables as they were solved last.
        shape: numbers of labels and of examples.
    """

    cells: Array
    reasons: Array
    duals: Array
    shape: tuple[int, int]

    @classmethod
    def of(cls, y: CSR, usable: Array) -> Shortlists:
        """Examples that have a label, of those that are usable.

        Args:
            y: CSR (n_samples, n_labels), labels.
            usable: i64, rows.
        """
        shape = y.n_cols, y.n_rows
        rows = y.row_numbers()
        is_usable = np.isin(np.arange(y.n_rows), usable)
        own = np.sort((y.indices.astype(np.int64) * y.n_rows + rows)[is_usable[rows]])
        return cls(own, np.full(len(own), OWN, np.int8), np.zeros(len(own), np.float32), shape)

    def joined(self, *more: tuple[Array, int]) -> Shortlists:
        """With more pairs, whose duals are 0; a pair that was drawn may become a hard one.

        Args:
            more: i64 cells, in any order, repeated or not, and the reason for them.
        """
        new = np.sort(np.concatenate([4 * cells + RANKS.index(why) for cells, why in more]))
        cuts = np.arange(0, max(len(self.cells), 1), JOINED_AT_A_TIME)
        firsts = np.append(cuts, len(self.cells))
        new_firsts = np.searchsorted(new, 4 * self.cells[cuts[1:]])
        new_firsts = np.concatenate([[0], new_firsts, [len(new)]])
        ends = zip(firsts, new_firsts, strict=True)
        parts = [
            self.span(first, last).merged(new[first_new:last_new])
            for (first, first_new), (last, last_new) in pairwise(ends)
        ]
        cells, reasons, duals = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Shortlists(cells, reasons, duals, self.shape)

    def span(self, first: int, last: int) -> Shortlists:
        """The pairs from one place to another."""
        part = slice(first, last)
        return Shortlists(self.cells[part], self.reasons[part], self.duals[part], self.shape)

    def merged(self, new: Array) -> tuple[Array, Array, Array]:
        """Cells, reasons and duals together with those of new pairs.

        Args:
            new: i64, ascending, 4 * cell + the rank of its reason.
        """
        keys = np.sort(np.concatenate([4 * self.cells, new]))
        is_first = np.diff(keys >> 2, prepend=-1) > 0
        is_found_hard = np.append(keys[1:] - keys[:-1] == RANKS.index(HARD), False)[is_first]
        keys = keys[is_first]
        ranks = (keys & 3).astype(np.int8)
        known = ranks == RANKS.index(KNOWN)
        reasons, duals = np.array(RANKS, np.int8)[ranks], np.zeros(len(keys), np.float32)
        reasons[known], duals[known] = self.reasons, self.duals
        reasons[known & is_found_hard & (reasons == DRAWN)] = HARD
        return keys >> 2, reasons, duals

    def of_examples(self, rows: Array, wanted: bool) -> Shortlists:
        """The pairs of some examples, or those of all others."""
        chosen = np.zeros(self.shape[1], bool)
        chosen[rows] = True
        kept = chosen[self.cells % self.shape[1]] == wanted
        return Shortlists(self.cells[kept], self.reasons[kept], self.duals[kept], self.shape)

    def together(self, other: Shortlists) -> Shortlists:
        """With the pairs of other lists, which are of other examples."""
        cells = np.concatenate([self.cells, other.cells])
        order = np.argsort(cells, kind="stable")
        reasons = np.concatenate([self.reasons, other.reasons])[order]
        duals = np.concatenate([self.duals, other.duals])[order]
        return Shortlists(cells[order], reasons, duals, self.shape)

    def costs(self, cost: float, n_usable: float, weights: Array | None = None) -> CSR:
        """What each pair costs, its sign saying whether the example has the label.

        Those that were drawn stand for all examples that lack the label and are not on its list.

        Args:
            cost: of an example that stands for itself.
            n_usable: examples that there are, or the sum of their weights.
            weights: f32 (n_samples,), how many examples each one counts for; None for one.

        Returns:
            CSR (n_labels, n_samples).
        """
        n_labels, n_samples = self.shape
        bounds = np.arange(n_labels + 1) * n_samples
        indptr = np.searchsorted(self.cells, bounds)
        lengths = np.diff(indptr)
        indices = (self.cells - np.repeat(bounds[:-1], lengths)).astype(np.int32)
        values = np.where(self.reasons == OWN, np.float32(cost), np.float32(-cost))
        drawn = np.flatnonzero(self.reasons == DRAWN)
        bounds_drawn = np.searchsorted(drawn, indptr)
        n_drawn, counted, drawn_counted = np.diff(bounds_drawn), lengths, np.diff(bounds_drawn)
        if weights is not None:
            own = weights[indices]
            values *= own
            counted, drawn_counted = sums(own, indptr), sums(own[drawn], bounds_drawn)
        share = (n_usable - (counted - drawn_counted)) / np.where(n_drawn, drawn_counted, 1)
        values[drawn] *= np.repeat(np.maximum(share, 1).astype(np.float32), n_drawn)
        return CSR(indptr, indices, values, n_samples)

    def drawn_counts(self) -> Array:
        """Examples of each label that were drawn, i64 (n_labels,)."""
        n_labels, n_samples = self.shape
        drawn = self.cells[self.reasons == DRAWN]
        return np.diff(np.searchsorted(drawn, np.arange(n_labels + 1) * n_samples))

    def unsatisfied(self) -> Shortlists:
        """Without negatives that are easy by now, whose duals are 0."""
        kept = (self.reasons == OWN) | (self.duals > 0)
        return Shortlists(self.cells[kept], self.reasons[kept], self.duals[kept], self.shape)


def sums(values: Array, bounds: Array) -> Array:
    """Of values from each bound to the next: f64 (len(bounds) - 1,)."""
    total = np.zeros(len(values) + 1)
    np.cumsum(values, dtype=np.float64, out=total[1:])
    return np.diff(total[bounds])


def drawn_cells(
    counts: Array, wanted: Array, rows: Array, n: int, rng: np.random.Generator
) -> Array:
    """Cells of examples drawn for each label that has any, with replacement: i64.

    Args:
        counts: i64 (n_labels,), examples that have each label.
        wanted: i64 (n_labels,), how many to draw for it.
        rows: i64, of the examples to draw from.
        n: examples that there are.
        rng: draws.
    """
    labels = np.repeat(
        np.arange(len(counts)), np.where(counts > 0, np.minimum(wanted, len(rows)), 0)
    )
    return labels * n + rows[rng.integers(len(rows), size=len(labels))]


def found_cells(found: Array, kept: Array, rows: Array, n: int) -> Array:
    """Cells of labels found for some examples: i64.

    Args:
        found: i32 (B, k), labels.
        kept: bool (B, k), which of them.
        rows: i64 (B,), the examples.
        n: examples that there are.
    """
    cells: Array = (found.astype(np.int64) * n + rows[:, None])[kept]
    return cells
