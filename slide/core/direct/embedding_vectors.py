"""Vectors that embeddings begin with: items that follow each other are alike.

They are the leading singular vectors of how much more often than by chance items do.

Source: shifted PMI and its singular vectors, Levy and Goldberg (NIPS 2014); counts to the power
0.75, Mikolov et al. (NIPS 2013); randomised range finder, Halko, Martinsson and Tropp (SIAM Review
2011).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.direct.embedding_rows import unit_rows
from slide.core.direct.things import of_ones, own_features
from slide.core.examples.dataset import Dataset

if TYPE_CHECKING:
    from scipy.sparse import csr_array

POWER = 0.75  # of counts, by which chance brings items, and negatives are drawn
SPARE, ROUNDS, SHRUNK = 8, 2, 0.25  # of the singular vectors: more of them, iterations, power
LONELY = 1e-3  # length of a vector of which next to nothing is known


def following(data: Dataset, dim: int, rng: np.random.Generator) -> Array:
    """Vectors by what follows what, f32 (n_labels, dim), drawn for items that nothing does."""
    from scipy.sparse import csr_array  # takes time to import

    own, y, n = own_features(data.features, data.n_labels), data.y.positive(), data.n_labels
    met = own.to_scipy().astype(np.float64).T @ of_ones(y).to_scipy()
    met = (met + met.T).tocoo()
    often = np.asarray(met.sum(axis=1)).ravel()
    seldom = often**POWER
    rows, columns = met.row, met.col
    information = np.log(met.data * seldom.sum() / (often[rows] * seldom[columns]))
    kept = information > 0
    alike = csr_array(
        (information[kept].astype(np.float32), (rows[kept], columns[kept])), shape=(n, n)
    )
    vectors = leading(alike, dim, rng)
    lonely = unit_rows(vectors)[1][:, 0] < LONELY
    vectors[lonely] = rng.standard_normal((int(lonely.sum()), dim))
    return unit_rows(vectors)[0]


def leading(matrix: csr_array, dim: int, rng: np.random.Generator) -> Array:
    """The leading left singular vectors of a square matrix, by a power of their values: f32."""
    turned = matrix.T.tocsr()
    n = min(dim + SPARE, matrix.shape[0])
    found = rng.standard_normal((matrix.shape[0], n)).astype(np.float32)
    for _ in range(ROUNDS):
        found = orthonormal(matrix @ orthonormal(turned @ found))
    projected = turned @ found
    values, turns = np.linalg.eigh((projected.T @ projected).astype(np.float64))
    order = np.argsort(-values)[:dim]
    scales = np.maximum(values[order], 0) ** (SHRUNK / 2)
    vectors = np.zeros((matrix.shape[0], dim), np.float32)
    vectors[:, : len(order)] = (found @ turns[:, order].astype(np.float32)) * scales
    return vectors


def orthonormal(columns: Array) -> Array:
    """Columns that span the same, f32, orthogonal up to rounding."""
    values, turns = np.linalg.eigh((columns.T @ columns).astype(np.float64))
    floor = np.maximum(values, 1e-9 * max(values[-1], np.finfo(np.float64).tiny))
    made: Array = (columns @ (turns / np.sqrt(floor)).astype(np.float32)).astype(np.float32)
    return made
