"""Pairs that are to come onto shortlists, as cells (see `shortlists`), in runs that are sorted.

There may be many more of them than memory has room for. Whoever takes them in looks at those of a
few labels at a time, which lie together in each run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.lists import indptr_of
from slide.core.examples.scratch import MEMORY, Scratch, few_at_a_time

DRAWN_AT_A_TIME = 1 << 20
NO_CELLS = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Cells:
    """Runs of cells.

    Args:
        cells: i64, ascending within each run; repeated or not.
        bounds: i64 (n_runs + 1,), where each run begins, and the last one ends.
    """

    cells: Array
    bounds: Array

    @classmethod
    def of(cls, runs: Iterable[Array], scratch: Scratch = MEMORY) -> Cells:
        """Cells that come in runs which are not sorted, i64.

        Args:
            runs: so few cells in each that memory has room for them.
            scratch: where they go.
        """
        lengths = [0]

        def ordered() -> Iterator[tuple[Array]]:
            yield (NO_CELLS,)
            for run in runs:
                lengths.append(len(run))
                yield (np.sort(run),)

        (cells,) = scratch.columns(ordered())
        return cls(cells, indptr_of(np.array(lengths)))

    def cut_at(self, cells: Array) -> list[tuple[Array, Array]]:
        """Each run, and where it is to be cut to have parts that begin at these cells.

        Args:
            cells: i64 (n,), ascending.

        Returns:
            For each run its cells, and i64 (n + 2,), from 0 to their number.
        """
        runs = (
            self.cells[begin:end] for begin, end in zip(self.bounds, self.bounds[1:], strict=False)
        )
        return [(run, np.r_[0, np.searchsorted(run, cells), len(run)]) for run in runs]


def drawn_cells(
    counts: Array, wanted: Array, rows: Array, n: int, rng: np.random.Generator
) -> Iterator[Array]:
    """Cells of examples drawn for each label that has any, with replacement: i64, in runs.

    Args:
        counts: i64 (n_labels,), examples that have each label.
        wanted: i64 (n_labels,), how many to draw for it.
        rows: i64, of the examples to draw from.
        n: examples that there are.
        rng: draws; the numbers do not depend on the runs.
    """
    wanted = np.where(counts > 0, np.minimum(wanted, len(rows)), 0)
    for some in few_at_a_time(indptr_of(wanted), DRAWN_AT_A_TIME):
        labels = np.repeat(np.arange(some.start, some.stop), wanted[some])
        yield labels * n + rows[rng.integers(len(rows), size=len(labels))]


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
