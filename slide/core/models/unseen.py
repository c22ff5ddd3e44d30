"""Features and labels that training never met: left out, or counted as misses, and told of."""

from __future__ import annotations

import warnings
from dataclasses import astuple, dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import SlideWarning
from slide.core.examples.dataset import Dataset, features_of
from slide.core.examples.numbering import Numbering


class UnseenWarning(SlideWarning):
    """Examples have features or labels that training never met: its one argument, an `Unseen`."""

    def __str__(self) -> str:
        return str(self.args[0].sentence)


@dataclass(frozen=True, slots=True)
class Unseen:
    """How much of some examples training never met.

    Args:
        features, labels: distinct ids.
        with_features, with_labels: examples that have any of them.
    """

    features: int = 0
    with_features: int = 0
    labels: int = 0
    with_labels: int = 0

    def __or__(self, other: Unseen) -> Unseen:
        """Of features from one and of labels from the other."""
        return Unseen(*map(max, astuple(self), astuple(other)))

    @property
    def is_any(self) -> bool:
        """Whether there is anything to tell."""
        return any(astuple(self))

    @property
    def sentence(self) -> str:
        """What was met, and what becomes of it."""
        return self.told(": left out", ": counted as missed")

    def told(self, of_features: str = "", of_labels: str = "") -> str:
        """What was met, and such words after it."""
        parts = []
        if self.features:
            met = counted(self.features, "feature", self.with_features)
            parts.append(f"{met} never seen in training{of_features}")
        if self.labels:
            met = counted(self.labels, "label", self.with_labels)
            parts.append(f"{met} never seen in training{of_labels}")
        return "; ".join(parts)

    def warn(self) -> None:
        """Warn whoever called who calls this, if there is anything to tell."""
        if self.is_any:
            warnings.warn(UnseenWarning(self), stacklevel=3)


def counted(n_ids: int, what: str, n_examples: int) -> str:
    """`3 features in 2 examples were`, or `1 feature in 1 example was`."""
    ids = f"{n_ids} {what}{'s' if n_ids > 1 else ''}"
    examples = f"{n_examples} example{'s' if n_examples > 1 else ''}"
    return f"{ids} in {examples} {'were' if n_ids > 1 else 'was'}"


def known(
    data: Dataset, features: Numbering, labels: Numbering, counts: Array
) -> tuple[Dataset, Unseen]:
    """Examples by the columns of a model; see `known_features` and `labels_apart`.

    Pairs to leave out whose label the model does not know are none: it never names that label.
    """
    x, unseen = known_features(data.x, features)
    y, missed = labels_apart(data.y, labels, counts)
    left_out = data.left_out and replace(inside(data.left_out, labels), n_cols=y.n_cols)
    return Dataset(x, y, left_out), unseen | missed


def inside(matrix: CSR, numbering: Numbering) -> CSR:
    """A matrix by columns, without the ids that have none."""
    columns = numbering.columns_of(matrix.indices)
    return replace(matrix, indices=columns, n_cols=numbering.n).where(columns >= 0)


def known_features(x: CSR | Block, numbering: Numbering) -> tuple[CSR | Block, Unseen]:
    """Features by the columns of a model, without those that it does not know.

    Args:
        x: (B, any), by ids.
        numbering: of the model's features.

    Returns:
        The rows (B, numbering.n), with the type of x unless ids are not columns, and how many
        features were left out, of how many examples.

    Cost: linear in the entries; nothing where x has no more columns than the model.
    """
    if numbering.ids is None and x.n_cols <= numbering.n:
        return replace(x, n_cols=numbering.n), Unseen()
    sparse = features_of(x)
    columns = numbering.columns_of(sparse.indices)
    unseen = Unseen(*distinct(sparse, columns < 0))
    if isinstance(x, Block) and numbering.ids is None:
        inside = x.ids < numbering.n
        return Block(x.ids[inside], x.values[:, inside], numbering.n), unseen
    kept = replace(sparse, indices=columns).where(columns >= 0)
    return replace(kept, n_cols=numbering.n), unseen


def labels_apart(y: CSR, numbering: Numbering, counts: Array) -> tuple[CSR, Unseen]:
    """Labels by the columns of a model, and those that it does not know by columns beyond.

    Args:
        y: CSR (B, any), by ids.
        numbering: of the model's labels.
        counts: i64 (numbering.n,), training examples of each.

    Returns:
        CSR (B, numbering.n + unknown ids), without labels that are not above 0, and how many of
        them have no training example, of how many examples.
    """
    y = y.positive()
    columns = numbering.columns_of(y.indices)
    unknown = columns < 0
    missed = unknown.copy()
    missed[~unknown] = counts[columns[~unknown]] == 0
    unseen = Unseen(0, 0, *distinct(y, missed))
    others, places = np.unique(y.indices[unknown], return_inverse=True)
    columns[unknown] = numbering.n + places
    shape = y.n_rows, numbering.n + len(others)
    cells = y.row_numbers() * shape[1] + columns
    order = np.argsort(cells, kind="stable")
    return CSR.of_cells(cells[order], y.values[order], shape), unseen


def distinct(matrix: CSR, chosen: Array) -> tuple[int, int]:
    """Distinct ids of the chosen entries, bool (nnz,), and rows that have any of them."""
    if not chosen.any():
        return 0, 0
    return len(np.unique(matrix.indices[chosen])), len(np.unique(matrix.row_numbers()[chosen]))
