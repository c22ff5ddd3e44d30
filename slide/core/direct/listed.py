"""An inverted index by numbers of those labels alone that are on its lists.

A search adds up a total for each label that it meets, wherever the label's place is. Of many labels
most may have no example, and no connection: the totals of the others, one beside the other, fit
into a cache.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.concurrent import concurrently
from slide.core.contract.lists import spans
from slide.core.contract.sparse import InvertedIndex

MANY = 1 << 16  # labels up to which all totals fit into a cache


@dataclass(frozen=True, slots=True)
class ListedLabels:
    """The index of a network's weights, and what its labels are called there.

    Args:
        index: of labels by number; its base is nobody else's.
        labels: i32 (m,), ascending, the label of each number; None if numbers are labels.
        numbers: i32 (n_labels,), the number of each label, -1 if it has none; None likewise.
    """

    index: InvertedIndex
    labels: Array | None = None
    numbers: Array | None = None

    @classmethod
    def of(cls, index: InvertedIndex, weight: CSR, backend: Backend) -> ListedLabels:
        """With numbers of their own if at most half of many labels have connections.

        Args:
            index: of the weights, in arrays of the backend.
            weight: CSR (n_labels, n_inputs + 1), the bias of each label the last of its entries.
            backend: whose arrays these are.
        """
        n = weight.n_rows
        labels = np.flatnonzero(weight.row_lengths() > 1).astype(np.int32)
        if n <= MANY or 2 * len(labels) > n:
            return cls(replace(index, base=backend.put(index.base.copy())))
        numbers = np.full_like(labels, -1, shape=n)
        numbers[labels] = np.arange(len(labels), dtype=np.int32, like=labels)
        parts = [partial(np.take, numbers, index.ids[span]) for span in spans(len(index.ids))]
        ids = backend.put(np.concatenate(concurrently(backend, parts) or [index.ids]))
        base = backend.put(index.base[labels])
        return cls(replace(index, ids=ids, base=base), labels, numbers)

    def search(self, backend: Backend, x: CSR, excluded: CSR, k: int) -> tuple[Array, Array]:
        """The kernel of that name, of labels."""
        if self.labels is None:
            return backend.search(self.index, x, excluded, k)
        ids, scores = backend.search(self.index, x, self.by_number(excluded), k)
        labels = self.labels[np.maximum(ids, 0)] if len(self.labels) else ids
        return np.where(ids >= 0, labels, ids), scores

    def by_number(self, matrix: CSR) -> CSR:
        """A matrix of labels without those that have no number."""
        assert self.labels is not None
        assert self.numbers is not None
        numbers = self.numbers[matrix.indices]
        listed = matrix.with_values(numbers).where(numbers >= 0)
        return replace(listed, indices=listed.values, n_cols=len(self.labels))

    def move(self, labels: Array, biases: Array) -> None:
        """Let the scores of some labels, i32 (m,), start from these biases, f32 (m,)."""
        if self.numbers is not None:
            labels = self.numbers[labels]
            biases, labels = biases[labels >= 0], labels[labels >= 0]
        self.index.base[labels] = biases

    def whole(self, bias: Array) -> InvertedIndex:
        """The index of all labels, f32 (n_labels,) being their biases."""
        ids = self.index.ids
        return replace(self.index, ids=ids if self.labels is None else self.labels[ids], base=bias)
