"""What can be counted in a set of examples before anything is learned from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped, is_even
from slide.core.examples.measures import PARTS, parts_of
from slide.core.examples.numbering import by_columns

Values = Literal["none", "binary", "even", "weighted", "dense"]


class Spread(NamedTuple):
    """How many of something things have: the mean, the least, quartiles, and the most."""

    mean: float
    least: int
    quarter: float
    half: float
    three_quarters: float
    most: int


@dataclass(frozen=True, slots=True)
class Part:
    """Labels of the head, the torso or the tail (`slide.core.examples.measures.parts_of`).

    Args:
        name: of the part.
        n_labels: that it has.
        least, most: examples of one of them.
        share: of all pairs of an example and its label.
    """

    name: str
    n_labels: int
    least: int
    most: int
    share: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is in a set of examples.

    Args:
        n_samples, n_features, n_labels: rows, and the ids that there may be.
        features_in_use, labels_in_use: ids that an example has.
        n_values, n_pairs: entries of features, and pairs of an example and its label.
        density: share of the features in use that an example has.
        features_per_example, labels_per_example: of each example; None without examples.
        examples_per_label: of each label in use; None without any.
        parts: head, torso and tail of the labels in use, as far as they are there.
        without_features, without_labels: examples that have none.
        duplicates: examples that are equal to one before them, features and labels.
        negatives: labels that were shown and not chosen (-1).
        left_out: pairs that are neither right nor wrong.
        values: none at all; all 1; one value an example; several; or dense rows.
        smallest, largest: value of a feature; None without any.
        feature_names, label_names: how many there are; None where there are none.
        has_weights, has_times: of examples.
        n_bytes: of all arrays, in memory or mapped.
    """

    n_samples: int
    n_features: int
    n_labels: int
    features_in_use: int
    labels_in_use: int
    n_values: int
    n_pairs: int
    density: float
    features_per_example: Spread | None
    labels_per_example: Spread | None
    examples_per_label: Spread | None
    parts: tuple[Part, ...]
    without_features: int
    without_labels: int
    duplicates: int
    negatives: int
    left_out: int
    values: Values
    smallest: float | None
    largest: float | None
    feature_names: int | None
    label_names: int | None
    has_weights: bool
    has_times: bool
    n_bytes: int

    @property
    def labels_without_examples(self) -> int:
        return self.n_labels - self.labels_in_use

    def to_dict(self) -> dict[str, Any]:
        """For JSON; a spread is a dict, too."""
        told = asdict(self)
        for name in ("features_per_example", "labels_per_example", "examples_per_label"):
            spread = getattr(self, name)
            told[name] = None if spread is None else spread._asdict()
        return told | {"labels_without_examples": self.labels_without_examples}

    @classmethod
    def of(cls, data: Dataset) -> Statistics:
        """Counted in checked examples.

        Cost: some passes over the arrays; memory follows examples and ids in use.
        """
        inside, _, _ = by_columns(data)
        x, y, n = inside.x, inside.y.positive(), data.n_samples
        of_features = x.row_lengths() if isinstance(x, CSR) else np.count_nonzero(x.values, axis=1)
        of_labels, counts = y.row_lengths(), y.column_counts()
        seen = counts[counts > 0]
        used = used_columns(x)
        n_values, names = int(of_features.sum()), (data.feature_names, data.label_names)
        least, most = (None, None) if not x.values.size else (x.values.min(), x.values.max())
        return cls(
            n_samples=n,
            n_features=data.n_features,
            n_labels=data.n_labels,
            features_in_use=used,
            labels_in_use=len(seen),
            n_values=n_values,
            n_pairs=y.nnz,
            density=n_values / max(n * used, 1),
            features_per_example=spread(of_features),
            labels_per_example=spread(of_labels),
            examples_per_label=spread(seen),
            parts=tuple(parts(seen)),
            without_features=int((of_features == 0).sum()),
            without_labels=int((of_labels == 0).sum()),
            duplicates=n - len(np.unique(data.row_keys())),
            negatives=int((inside.y.values < 0).sum()),
            left_out=0 if data.left_out is None else data.left_out.nnz,
            values=values_of(data),
            smallest=None if least is None else float(least),
            largest=None if most is None else float(most),
            feature_names=None if names[0] is None else len(names[0]),
            label_names=None if names[1] is None else len(names[1]),
            has_weights=data.weights is not None,
            has_times=data.times is not None,
            n_bytes=sum(array.nbytes for matrix in (data.x, data.y) for array in arrays(matrix)),
        )


def arrays(matrix: CSR | Block) -> list[Array]:
    """That a matrix is made of."""
    if isinstance(matrix, Block):
        return [matrix.values]
    return [matrix.indptr, matrix.indices, matrix.values]


def used_columns(x: CSR | Block) -> int:
    """Features that an example has."""
    if isinstance(x, Block):
        return int(np.count_nonzero((x.values != 0).any(axis=0)))
    return int(np.count_nonzero(x.column_counts()))


def spread(counts: Array) -> Spread | None:
    """Of these numbers; None if there are none."""
    if not len(counts):
        return None
    quarter, half, three_quarters = np.quantile(counts, [0.25, 0.5, 0.75]).tolist()
    return Spread(
        float(counts.mean()), int(counts.min()), quarter, half, three_quarters, int(counts.max())
    )


def parts(counts: Array) -> list[Part]:
    """Of labels with so many examples each, all above 0."""
    which = parts_of(counts) if len(counts) else np.zeros(0, np.int64)
    found = []
    for number, name in enumerate(PARTS):
        own = counts[which == number]
        if len(own):
            share = float(own.sum() / counts.sum())
            found.append(Part(name, len(own), int(own.min()), int(own.max()), share))
    return found


def values_of(data: Dataset) -> Values:
    """What the values of features are like."""
    x = data.x
    if isinstance(x, Block):
        return "dense"
    if not x.nnz:
        return "none"
    if bool((x.values == 1).all()):
        return "binary"
    is_one = data.is_binary if isinstance(data, Mapped) else is_even(x)
    return "even" if is_one else "weighted"
