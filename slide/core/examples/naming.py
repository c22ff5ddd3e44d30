"""What the columns of a frame are called, and examples whose names must be those of a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from slide.core.contract.arrays import CSR
from slide.core.errors import InputError, worded
from slide.core.examples.names import Names

if TYPE_CHECKING:
    from slide.core.examples.dataset import Dataset
    from slide.core.examples.texts import TextFeatures


class Called(Protocol):
    """What has names of columns, as far as they have any: a model, or a training set."""

    @property
    def feature_names(self) -> Names | None: ...

    @property
    def label_names(self) -> Names | None: ...

    @property
    def text(self) -> TextFeatures | None: ...


def is_frame(table: Any) -> bool:
    """Whether it is a frame of pandas, polars or the like."""
    return hasattr(table, "columns") and hasattr(table, "shape")


def names_of_columns(table: Any) -> Names | None:
    """What the columns of a frame are called; None where that is not text, or there is no frame."""
    columns = list(table.columns) if is_frame(table) else []
    return Names(columns) if columns and all(isinstance(name, str) for name in columns) else None


def refuse_other_columns(names: Names | None, known: Names | None, what: str) -> None:
    """Raise InputError unless names begin with those that a model knows, or the reverse.

    Args:
        names: of the columns of examples, if they have any.
        known: of the model's features, if they have any.
        what: the examples are called in a sentence.
    """
    if names is None or known is None or agree(names, known):
        return
    pairs = zip(names.values, known.values, strict=False)
    place, (got, expected) = next(each for each in enumerate(pairs) if each[1][0] != each[1][1])
    raise InputError(
        f"{what}: column {place} is {got!r}, which is {expected!r} in the model: expected the "
        "features that it was trained on, in their order"
    )


def agree(names: Names, others: Names) -> bool:
    """Whether ids that both have are called the same."""
    n = min(len(names), len(others))
    return names is others or names.values[:n] == others.values[:n]


def aligned(data: Dataset, model: Called, what: str) -> Dataset:
    """Examples by the ids that a model's names have: of other labels the ids are replaced.

    So are those of features that are the labels' items, as in rows of sessions.

    Raises:
        InputError: its features are called otherwise, or texts became features otherwise.
    """
    labels = model.label_names
    if data.text is not None and model.text is not None:
        refuse_other_text(data.text, model.text, what)
    if have_items(data) and have_items(model):
        data = with_features_of(data, model)
    refuse_other_columns(data.feature_names, model.feature_names, what)
    if labels is None or data.label_names is None or agree(data.label_names, labels):
        return data
    return renumbered(data, labels)


def have_items(called: Called) -> bool:
    """Whether features and labels are the same things, so that names and no places tell them."""
    return called.feature_names is not None and called.feature_names == called.label_names


def with_features_of(data: Dataset, model: Called) -> Dataset:
    """Sparse examples whose features have the ids of a model's names, or others after them."""
    assert data.feature_names is not None
    assert model.feature_names is not None
    if agree(data.feature_names, model.feature_names) or not isinstance(data.x, CSR):
        return data
    ids, n = ids_among(data.feature_names, model.feature_names)
    return replace(data, x=with_ids(data.x, ids, n), feature_names=None)


def refuse_other_text(text: TextFeatures, known: TextFeatures, what: str) -> None:
    """Raise InputError unless texts became features as those of a model did."""
    if not is_same_text(text, known):
        remedy = worded("like=the model", "--like the model or the folder of its training")
        raise InputError(
            f"{what}: its texts became features by another vectorizer than those of training: "
            f"read or convert them with {remedy}"
        )


def is_same_text(one: TextFeatures | None, other: TextFeatures | None) -> bool:
    """Whether texts become the same features by both."""
    if one is None or other is None or one is other:
        return one is other
    same = (one.kind, one.settings, one.vocabulary) == (
        other.kind,
        other.settings,
        other.vocabulary,
    )
    return same and all(
        np.array_equal(getattr(one, name), getattr(other, name))  # of two None, too
        for name in ("idf", "buckets")
    )


def renumbered(data: Dataset, names: Names) -> Dataset:
    """Examples whose labels have the ids of these names, or others after them."""
    assert data.label_names is not None
    ids, n = ids_among(data.label_names, names)
    left_out = data.left_out and with_ids(data.left_out, ids, n)
    return replace(data, y=with_ids(data.y, ids, n), left_out=left_out, label_names=None)


def ids_among(found: Names, names: Names) -> tuple[np.ndarray[Any, Any], int]:
    """The id that each name has among others, or one after them, i64; and how many ids that are."""
    known = [names.get(name) for name in found.values]
    ids = [len(names) + i if id is None else id for i, id in enumerate(known)]
    return np.array(ids, np.int64), len(names) + len(known)


def with_ids(matrix: CSR, ids: np.ndarray[Any, Any], n: int) -> CSR:
    """Entries in other columns, of n."""
    cells = matrix.row_numbers() * n + ids[matrix.indices]
    order = np.argsort(cells)
    return CSR.of_cells(cells[order], matrix.values[order], (matrix.n_rows, n))
