"""A problem whose best answer is known: labels that can be read off an example's features.

Each label has eight features of its own for a prototype (features are shared between prototypes by
chance); an example shows six of them, with values 1 to 3, among four features of nobody in
particular. The best answer is the label whose prototype has most of the features shown.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.examples.dataset import Dataset

N_LABELS = 10_000
FEATURES_A_LABEL = 2
PROTOTYPE, SHOWN, NOISE = 8, 6, 4


def prototypes(n_labels: int) -> Array:
    """Features of each label, i64 (n_labels, PROTOTYPE), without repetition."""
    rng = np.random.default_rng(7)
    drawn = rng.integers(FEATURES_A_LABEL * n_labels, size=(n_labels, 2 * PROTOTYPE))
    return np.array([np.unique(row)[rng.permutation(PROTOTYPE)] for row in drawn])


def planted(n_samples: int, seed: int, n_labels: int = N_LABELS) -> tuple[Dataset, float]:
    """Examples, and the P@1 of the best answer."""
    rng = np.random.default_rng(seed)
    table, n_features = prototypes(n_labels), FEATURES_A_LABEL * n_labels
    labels = rng.integers(n_labels, size=n_samples)
    shown = rng.permuted(table[labels], axis=1)[:, :SHOWN]
    noise = rng.integers(n_features, size=(n_samples, NOISE))
    features = np.concatenate([shown, noise], axis=1)  # (n_samples, 8)
    values = rng.integers(1, 4, features.shape)
    data = Dataset(rows_of(features, values, n_features), labels_of(labels, n_labels))
    return data, best_answer(features, labels, table)


def rows_of(features: Array, values: Array, n_features: int) -> CSR:
    """Rows of so many entries each, ascending, the first of equal features kept."""
    order = np.argsort(features, axis=1, kind="stable")
    features, values = (np.take_along_axis(array, order, 1) for array in (features, values))
    kept = np.diff(features, axis=1, prepend=-1) > 0
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return CSR(indptr, features[kept].astype(np.int32), values[kept].astype(np.float32), n_features)


def labels_of(labels: Array, n_labels: int) -> CSR:
    """One label an example."""
    ones = np.ones(len(labels), np.float32)
    return CSR(np.arange(len(labels) + 1), labels.astype(np.int32), ones, n_labels)


def best_answer(features: Array, labels: Array, table: Array) -> float:
    """P@1 of choosing the label whose prototype has most of the features, ties by chance."""
    owners: list[list[int]] = [[] for _ in range(FEATURES_A_LABEL * len(table))]
    for label, row in enumerate(table.tolist()):
        for feature in row:
            owners[feature].append(label)
    right = 0.0
    for row, label in zip(features.tolist(), labels.tolist(), strict=True):
        counts: dict[int, int] = {}
        for feature in set(row):
            for owner in owners[feature]:
                counts[owner] = counts.get(owner, 0) + 1
        most = max(counts.values())
        right += (counts[label] == most) / sum(count == most for count in counts.values())
    return right / len(labels)
