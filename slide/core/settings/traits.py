"""What can be counted in a training set, for the rules that choose settings."""

from __future__ import annotations

from dataclasses import dataclass

from slide.core.contract.arrays import CSR
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped, is_even

FEW_LABELS = 1000  # which are solved as linear SVMs whatever the features are
FEW_COLUMNS = 32


@dataclass(frozen=True, slots=True)
class Traits:
    """What the rules look at.

    Args:
        n_samples, n_labels: of the training set.
        features_per_example, labels_per_example: means.
        is_dense: features are given as an array, or as rows that have most of them, of many labels:
            embeddings in a file. To mine negatives an index would go through all labels for each
            feature then. Few labels are solved from such rows, too.
        is_binary: all features of an example have one value above 0, and most examples have
            several: nobody has weighted them yet.
        has_skipped: some labels are known negatives, as in blocks of clicks.
    """

    n_samples: int
    n_labels: int
    features_per_example: float
    labels_per_example: float
    is_dense: bool
    is_binary: bool
    has_skipped: bool = False

    @classmethod
    def of(cls, train: Dataset) -> Traits:
        """Counted in a training set."""
        n, x = max(train.n_samples, 1), train.x
        if isinstance(train, Mapped):
            is_binary = train.is_binary
        else:
            is_binary = isinstance(x, CSR) and x.nnz > n and is_even(x)
        labels = train.y.positive().nnz
        has_skipped = train.y.nnz > labels
        is_dense = not isinstance(x, CSR) or (train.n_labels > FEW_LABELS and is_full(x))
        return cls(n, train.n_labels, x.nnz / n, labels / n, is_dense, is_binary, has_skipped)


def is_full(x: CSR) -> bool:
    """Whether rows have most columns, and these are too many to be a few measured numbers."""
    return x.n_cols >= FEW_COLUMNS and 2 * x.nnz > x.n_rows * x.n_cols
