"""Examples drawn by chance, with the sizes and the skew of a real problem and nothing to learn."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.examples.dataset import Dataset

FEATURES_PER_EXAMPLE, LABELS_PER_EXAMPLE = 75, 5


def zipf(n: int, size: int, rng: np.random.Generator) -> Array:
    """Ids below n, the r-th most frequent with a probability of about 1 / (r + n / 1000)."""
    shift = n / 1000
    ranks = shift * (1001 ** rng.random(size) - 1)  # the inverse of the cumulated probabilities
    return rng.permutation(n)[np.minimum(ranks.astype(np.int64), n - 1)]


def draw_examples(n_samples: int, n_features: int, n_labels: int, seed: int = 0) -> Dataset:
    """Examples of 75 features and 5 labels or a few less, for repetitions count once."""
    rng = np.random.default_rng(seed)
    x = rows_of(n_samples, FEATURES_PER_EXAMPLE, n_features, rng)
    return Dataset(x, rows_of(n_samples, LABELS_PER_EXAMPLE, n_labels, rng))


def rows_of(n_rows: int, n_each: int, n_cols: int, rng: np.random.Generator) -> CSR:
    """Ones at random columns, the same columns more often than others in all rows."""
    columns = zipf(n_cols, n_rows * n_each, rng)
    cells = np.sort(np.repeat(np.arange(n_rows), n_each) * n_cols + columns)
    cells = cells[np.flatnonzero(np.diff(cells, prepend=-1))]  # sooner than by np.unique
    rows, columns = np.divmod(cells, n_cols)
    indptr = np.searchsorted(rows, np.arange(n_rows + 1))
    return CSR(indptr, columns.astype(np.int32), np.ones(len(cells), np.float32), n_cols)
