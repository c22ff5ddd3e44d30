"""Which ids are in use, and the columns that they have inside a model.

Raw ids, of products for instance, are few in a huge range. What a model holds has a column for each
id in use then, and its border translates; elsewhere an id is its column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.lists import distinct, spans
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped

MANY = 1 << 16  # ids up to which unused ones cost nothing worth saving
SPARE = 8  # ids for one in use from which they are few of many
SPARSE = 16  # ids an entry from which sorting the entries costs less than marking the ids


@dataclass(frozen=True, slots=True)
class Numbering:
    """Ids, and their columns.

    Args:
        n: columns that there are.
        ids: i32 (n,), ascending: the id of each column; None where that is the column itself.
    """

    n: int
    ids: Array | None = None

    @classmethod
    def of(cls, matrix: CSR | Block) -> Numbering:
        """One column for each id in use if those are few of many, and otherwise for each id."""
        n = matrix.n_cols
        if n <= MANY or isinstance(matrix, Block):
            return cls(n)
        ids = used(matrix)
        return cls(len(ids), ids) if SPARE * len(ids) <= n else cls(n)

    def widened(self, matrix: CSR | Block) -> Numbering:
        """With those of another matrix after, or among, the ids that are in use here."""
        if self.ids is None or isinstance(matrix, Block):
            return Numbering(max(self.n, matrix.n_cols))
        ids = distinct(np.concatenate([self.ids, used(matrix)]))
        return Numbering(len(ids), ids)

    def places_in(self, other: Numbering) -> Array:
        """The columns that another numbering has for the ids here, i32 (n,)."""
        return other.columns_of(self.ids_of(np.arange(self.n, dtype=np.int32)))

    def columns_of(self, ids: Array) -> Array:
        """The column of each id, i32; -1 where it has none."""
        if self.ids is None:
            return np.where(ids < self.n, ids, -1).astype(np.int32)
        if not self.n:
            return np.full(len(ids), -1, np.int32)
        places = np.minimum(np.searchsorted(self.ids, ids), self.n - 1)
        return np.where(self.ids[places] == ids, places, -1).astype(np.int32)

    def ids_of(self, columns: Array) -> Array:
        """The id of each column, i32; -1 where that is -1."""
        if self.ids is None:
            return columns
        return np.where(columns >= 0, self.ids[columns], -1).astype(np.int32)

    def within(self, matrix: CSR | Block) -> CSR | Block:
        """A matrix whose ids are all in use, by columns: of n_cols n, itself if ids are columns."""
        if isinstance(matrix, Block) and self.n > matrix.n_cols:
            return Block.of(np.pad(matrix.dense(), ((0, 0), (0, self.n - matrix.n_cols))))
        if isinstance(matrix, Block):
            return matrix
        if self.ids is None:
            return matrix if matrix.n_cols == self.n else replace(matrix, n_cols=self.n)
        return replace(matrix, indices=self.columns_of(matrix.indices), n_cols=self.n)


def used(matrix: CSR) -> Array:
    """The ids that a matrix stores, i32, ascending; memory follows its entries."""
    if matrix.n_cols > SPARSE * matrix.nnz:
        return matrix.column_ids()
    marks = np.zeros(matrix.n_cols, bool)
    for span in spans(matrix.nnz):
        marks[matrix.indices[span]] = True
    return np.flatnonzero(marks).astype(np.int32)


def by_columns(
    data: Dataset, before: tuple[Numbering, Numbering] | None = None
) -> tuple[Dataset, Numbering, Numbering]:
    """Examples by the columns of their features and of their labels, and both numberings.

    Args:
        data: examples, by ids.
        before: numberings of features and labels that a model has, whose columns are to be there.
    """
    if before is None:
        features, labels = Numbering.of(data.x), Numbering.of(data.y)
    else:
        features, labels = before[0].widened(data.x), before[1].widened(data.y)
    are_columns = features.ids is None and labels.ids is None
    are_all = (features.n, labels.n) == (data.n_features, data.n_labels)
    if isinstance(data, Mapped) and are_columns and are_all:
        return replace(data, left_out=None), features, labels
    y = labels.within(data.y)
    assert isinstance(y, CSR)
    by_column = Dataset(features.within(data.x), y, weights=data.weights, times=data.times)
    return by_column, features, labels
