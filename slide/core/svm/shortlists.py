"""The examples that each label is solved on: its own, hard negatives, and some that are drawn.

A pair of a label and an example is one whole number, its cell: label * n_samples + example. Lists
of pairs are in the order of their cells, so that those of a label lie together. Pairs take more
memory than the examples do: where these are on disk, the lists are there, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import indptr_of, spans
from slide.core.examples.scratch import MEMORY, Scratch, few_at_a_time
from slide.core.svm.cells import Cells

DRAWN, OWN, HARD = 0, 1, 2
"""Why a pair is there: its example was drawn, has the label, or scored high without having it."""
KNOWN = -1  # it was there before
JOINED_AT_A_TIME = 1 << 16  # pairs, so that all that is made of them fits a cache
SOLVED_AT_A_TIME = 1 << 22  # inputs of labels that are solved together, where lists are on disk
TERMS_OF_PAIR = 20  # that a label and an example take time for beside their features
RANKS = KNOWN, HARD, OWN, DRAWN  # the first of the reasons for a pair is what counts


@dataclass(frozen=True, slots=True)
class Shortlists:
    """Pairs of labels and examples, with what is known of each.

    Args:
        cells: i64, ascending, none twice.
        reasons: i8, DRAWN, OWN or HARD.
        duals: f32, at least 0: dual variables as they were solved last.
        shape: numbers of labels and of examples.
        scratch: where lists go that are made of these.
    """

    cells: Array
    reasons: Array
    duals: Array
    shape: tuple[int, int]
    scratch: Scratch = MEMORY

    @classmethod
    def of(cls, y: CSR, usable: Array, scratch: Scratch = MEMORY) -> Shortlists:
        """Examples that have a label, of those that are usable.

        Args:
            y: CSR (n_samples, n_labels), labels.
            usable: i64, rows.
            scratch: where lists go that are made of these.
        """
        shape = y.n_cols, y.n_rows
        rows = y.row_numbers()
        is_usable = np.isin(np.arange(y.n_rows), usable)
        own = np.sort((y.indices.astype(np.int64) * y.n_rows + rows)[is_usable[rows]])
        zeros = np.zeros(len(own), np.float32)
        return cls(own, np.full(len(own), OWN, np.int8), zeros, shape, scratch)

    def joined(self, *more: tuple[Cells, int]) -> Shortlists:
        """With more pairs, whose duals are 0; a pair that was drawn may become a hard one.

        Args:
            more: pairs, and the reason for them.
        """
        cuts = np.arange(0, max(len(self.cells), 1), JOINED_AT_A_TIME)
        runs = [
            (run, firsts, RANKS.index(why))
            for cells, why in more
            for run, firsts in cells.cut_at(self.cells[cuts[1:]])
        ]

        def parts() -> Iterator[tuple[Array, Array, Array]]:
            for number, first in enumerate(cuts):
                new = [
                    4 * run[firsts[number] : firsts[number + 1]] + rank
                    for run, firsts, rank in runs
                ]
                part = slice(first, min(first + JOINED_AT_A_TIME, len(self.cells)))
                yield self.span(part).merged(np.concatenate(new))

        return self.made_of(parts())

    def made_of(self, parts: Iterator[tuple[Array, Array, Array]]) -> Shortlists:
        """Others of the same labels and examples, of cells, reasons and duals that follow these."""
        cells, reasons, duals = self.scratch.columns(parts)
        return Shortlists(cells, reasons, duals, self.shape, self.scratch)

    def with_duals(self, parts: Iterator[Array]) -> Shortlists:
        """The same pairs with other duals."""
        (duals,) = self.scratch.columns((part,) for part in parts)
        return replace(self, duals=duals)

    def span(self, part: slice) -> Shortlists:
        """The pairs from one place to another."""
        return Shortlists(self.cells[part], self.reasons[part], self.duals[part], self.shape)

    def of_labels(self, labels: slice) -> Shortlists:
        """The pairs of some labels, which are counted from the first of them."""
        n_labels, n = labels.stop - labels.start, self.shape[1]
        if n_labels == self.shape[0]:
            return self
        first, last = np.searchsorted(self.cells, [labels.start * n, labels.stop * n])
        part = self.span(slice(first, last))
        return replace(part, cells=part.cells - labels.start * n, shape=(n_labels, n))

    def few_labels(self, x: CSR) -> Iterator[slice]:
        """Labels that have few inputs together, or are one, where lists are on disk; or all.

        Args:
            x: CSR (n_samples, n_inputs).
        """
        n_labels, n_samples = self.shape
        if self.scratch.folder is None:
            yield slice(0, n_labels)
            return
        lengths, terms = x.row_lengths() + TERMS_OF_PAIR, np.zeros(n_labels)
        for span in spans(len(self.cells)):
            labels, rows = np.divmod(self.cells[span], n_samples)
            terms += np.bincount(labels, lengths[rows], n_labels)
        yield from few_at_a_time(indptr_of(terms.astype(np.int64)), SOLVED_AT_A_TIME)

    def merged(self, new: Array) -> tuple[Array, Array, Array]:
        """Cells, reasons and duals together with those of new pairs.

        Args:
            new: i64, 4 * cell + the rank of its reason.
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

    def without(self, rows: Array) -> tuple[Shortlists, Array | slice]:
        """The pairs of other examples, and where these are among all."""
        if not len(rows):
            return self, slice(None)
        others = np.ones(self.shape[1], bool)
        others[rows] = False
        kept = np.flatnonzero(others[self.cells % self.shape[1]])
        part = replace(
            self, cells=self.cells[kept], reasons=self.reasons[kept], duals=self.duals[kept]
        )
        return part, kept

    def duals_with(self, places: Array | slice, duals: Array) -> Array:
        """All duals, with others at some places."""
        whole = np.array(self.duals)
        whole[places] = duals
        return whole

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
        bounds, indptr = np.arange(n_labels + 1) * n_samples, self.offsets
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

    @property
    def offsets(self) -> Array:
        """Where the pairs of each label begin, and where the last end: i64 (n_labels + 1,)."""
        n_labels, n_samples = self.shape
        return np.searchsorted(self.cells, np.arange(n_labels + 1) * n_samples)

    def drawn_counts(self) -> Array:
        """Examples of each label that were drawn, i64 (n_labels,)."""
        n_labels, n_samples = self.shape
        counts = np.zeros(n_labels, np.int64)
        for span in spans(len(self.cells)):
            drawn = self.cells[span][self.reasons[span] == DRAWN]
            counts += np.bincount(drawn // n_samples, minlength=n_labels)
        return counts

    def reason_counts(self) -> Array:
        """Pairs of each reason, i64 (3,)."""
        counts = np.zeros(3, np.int64)
        for span in spans(len(self.cells)):
            counts += np.bincount(self.reasons[span], minlength=3)
        return counts

    def unsatisfied(self) -> Shortlists:
        """Without negatives that are easy by now, whose duals are 0."""

        def parts() -> Iterator[tuple[Array, Array, Array]]:
            yield np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0, np.float32)
            for span in spans(len(self.cells)):
                some = self.span(span)
                kept = (some.reasons == OWN) | (some.duals > 0)
                yield some.cells[kept], some.reasons[kept], some.duals[kept]

        return self.made_of(parts())


def sums(values: Array, bounds: Array) -> Array:
    """Of values from each bound to the next: f64 (len(bounds) - 1,)."""
    total = np.zeros(len(values) + 1)
    np.cumsum(values, dtype=np.float64, out=total[1:])
    return np.diff(total[bounds])
