"""What can be counted in a training set, for the rules that choose settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.examples.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Traits:
    """What the rules look at.

    Args:
        n_samples, n_labels: of the training set.
        features_per_example, labels_per_example: means.
        is_dense: features are given as an array.
        is_binary: all features of an example have one value above 0, and most examples have
            several: nobody has weighted them yet.
    """

    n_samples: int
    n_labels: int
    features_per_example: float
    labels_per_example: float
    is_dense: bool
    is_binary: bool

    @classmethod
    def of(cls, train: Dataset) -> Traits:
        """Counted in a training set."""
        n, x = max(train.n_samples, 1), train.x
        one_value = isinstance(x, CSR) and bool(np.all(x.values == first_of_row(x)))
        is_binary = one_value and x.nnz > n and bool(np.all(x.values > 0))
        labels = train.y.positive().nnz
        return cls(n, train.n_labels, x.nnz / n, labels / n, not isinstance(x, CSR), is_binary)


def first_of_row(x: CSR) -> Array:
    """For each entry the value of the first one of its row."""
    starts = x.indptr[:-1][x.row_lengths() > 0]
    return np.repeat(x.values[starts], x.row_lengths()[x.row_lengths() > 0])
