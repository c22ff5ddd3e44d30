"""The examples that each label is solved on: its own, hard negatives, and some that are drawn.

A pair of a label and an example is one whole number, its cell: label * n_samples + example. Lists
of pairs are in the order of their cells, so that those of a label lie together. Pairs take more
memory than the examples do: where these are on disk, the lists are there, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.concurrent import concurrently
from slide.core.contract.lists import indptr_of, spans
from slide.core.examples.scratch import MEMORY, Scratch, few_at_a_time
from slide.core.svm.cells import Cells
from slide.core.svm.parts import in_turn, joined, parts_of

DRAWN, OWN, HARD = 0, 1, 2
"""Why a pair is there: its example was drawn, has the label, or scored high without having it."""
KNOWN = -1  # it was there before
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

    def joined(self, *more: tuple[Cells, int], backend: Backend | None = None) -> Shortlists:
        """With more pairs, whose duals are 0; a pair that was drawn may become a hard one.

        Args:
            more: pairs, and the reason for them.
            backend: whose threads join them; None for nobody's.
        """
        parts = parts_of(len(self.cells))
        firsts = self.cells[np.array([part.start for part in parts[1:]], np.int64)]
        runs = [
            (run, bounds, RANKS.index(why))
            for cells, why in more
            for run, bounds in cells.cut_at(firsts)
        ]

        def part(number: int) -> tuple[Array, Array, Array]:
            new = [
                4 * run[bounds[number] : bounds[number + 1]] + rank for run, bounds, rank in runs
            ]
            return self.span(parts[number]).merged(np.concatenate(new))

        calls = [partial(part, number) for number in range(len(parts))]
        return self.made_of(in_turn(backend, calls), backend)

    def made_of(
        self, parts: Iterator[tuple[Array, Array, Array]], backend: Backend | None
    ) -> Shortlists:
        """Others of the same labels and examples, of cells, reasons and duals that follow these."""
        cells, reasons, duals = joined(parts, self.scratch, backend)
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

    def without(
        self, rows: Array, backend: Backend | None = None
    ) -> tuple[Shortlists, Array | None]:
        """The pairs of other examples, and where these are among all; None if they are all.

        Args:
            rows: i64, the examples.
            backend: whose threads look for them; None for nobody's.
        """
        if not len(rows):
            return self, None
        others = np.ones(self.shape[1], bool)
        others[rows] = False

        def kept(part: slice) -> tuple[Array, Array, Array, Array]:
            some = self.span(part)
            kept = np.flatnonzero(others[some.examples])
            return some.cells[kept], some.reasons[kept], some.duals[kept], kept + part.start

        calls = [partial(kept, part) for part in parts_of(len(self.cells))]
        cells, reasons, duals, places = joined(concurrently(backend, calls), MEMORY, backend)
        return replace(self, cells=cells, reasons=reasons, duals=duals), places

    def duals_with(self, places: Array | None, duals: Array) -> Array:
        """All duals, with others at some places; None for all."""
        if places is None:
            return duals
        whole = np.array(self.duals)
        whole[places] = duals
        return whole

    @property
    def examples(self) -> Array:
        """The example of each pair, i64."""
        numbers: Array = self.cells - self.cells // self.shape[1] * self.shape[1]
        return numbers  # faster than a remainder

    def costs(
        self, cost: float, n_usable: float, weights: Array | None = None,
        backend: Backend | None = None,
    ) -> CSR:  # fmt: skip
        """What each pair costs, its sign saying whether the example has the label.

        Those that were drawn stand for all examples that lack the label and are not on its list.

        Args:
            cost: of an example that stands for itself.
            n_usable: examples that there are, or the sum of their weights.
            weights: f32 (n_samples,), how many examples each one counts for; None for one.
            backend: whose threads compute; None for nobody's.

        Returns:
            CSR (n_labels, n_samples).
        """
        n, indptr = len(self.cells), self.offsets
        indices, values = np.empty(n, np.int32), np.empty(n, np.float32)
        drawn = np.flatnonzero(self.reasons == DRAWN)

        def begin(part: slice) -> None:
            indices[part] = self.span(part).examples
            is_own = self.reasons[part] == OWN
            values[part] = np.where(is_own, np.float32(cost), np.float32(-cost))

        concurrently(backend, [partial(begin, part) for part in parts_of(n)])
        bounds_drawn = np.searchsorted(drawn, indptr)
        n_drawn, counted, drawn_counted = (
            np.diff(bounds_drawn),
            np.diff(indptr),
            np.diff(bounds_drawn),
        )
        if weights is not None:
            own = weights[indices]
            values *= own
            counted, drawn_counted = sums(own, indptr), sums(own[drawn], bounds_drawn)
        share = (n_usable - (counted - drawn_counted)) / np.where(n_drawn, drawn_counted, 1)
        shares = np.repeat(np.maximum(share, 1).astype(np.float32), n_drawn)

        def multiply(part: slice) -> None:
            values[drawn[part]] *= shares[part]

        concurrently(backend, [partial(multiply, part) for part in parts_of(len(drawn))])
        return CSR(indptr, indices, values, self.shape[1])

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
            counts += [np.count_nonzero(self.reasons[span] == why) for why in range(3)]
        return counts

    def unsatisfied(self, backend: Backend | None = None) -> Shortlists:
        """Without negatives that are easy by now, whose duals are 0.

        Args:
            backend: whose threads look for them; None for nobody's.
        """

        def kept(part: slice) -> tuple[Array, Array, Array]:
            some = self.span(part)
            kept = np.flatnonzero((some.reasons == OWN) | (some.duals > 0))
            return some.cells[kept], some.reasons[kept], some.duals[kept]

        calls = [partial(kept, part) for part in parts_of(len(self.cells))]
        return self.made_of(in_turn(backend, calls), backend)


def sums(values: Array, bounds: Array) -> Array:
    """Of values from each bound to the next: f64 (len(bounds) - 1,)."""
    total = np.zeros(len(values) + 1)
    np.cumsum(values, dtype=np.float64, out=total[1:])
    return np.diff(total[bounds])
