"""Training in one call, in plain NumPy and SciPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slide.core.contract.backend import Backend
from slide.core.errors import InputError
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer


def fit(
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    validation: tuple[Any, Any] | None = None,
    backend: Backend | str | None = None,
    time_budget: float | None = None,
    **settings: Any,
) -> Model:
    """A model of these examples, with what `slide train` chooses for what is not said.

    Args:
        X: (n_samples, n_features), a matrix of `scipy.sparse`, an array, a list of rows or a frame,
            whose columns name the features.
        y: (n_samples, n_labels), a sparse matrix or an array, above 0 where an example has a label;
            or a list of the labels of each example, or one for each: whole numbers are ids of
            labels, anything else names them (`Model.label_names`).
        sample_weight: (n_samples,), how often each example counts.
        validation: (X, y) to calibrate probabilities on, where training holds nothing out.
        backend: computes, or its name; by default the one of the command line, on all cores.
        time_budget: seconds of training; None for no limit.
        settings: by name (docs/settings.md).

    Raises:
        InputError: X or y is none of these, or a number is not finite.
        ConfigError: a setting is unknown or out of its range; see `slide.Trainer.fit`.
    """
    data = replace(dataset_of(X, y), weights=sample_weight)
    valid = None if validation is None else validation_of(validation, data.label_names)
    return Trainer(Config(**settings), backend, time_budget).fit(data, valid)  # type: ignore[arg-type]


def dataset_of(X: Any, y: Any) -> Dataset:
    """Examples, with the names that columns of a frame have."""
    columns = getattr(X, "columns", None)
    names = None if columns is None else Names([str(each) for each in columns])
    return Dataset(X, y, feature_names=names)


def validation_of(pair: Any, names: Names | None) -> Dataset:
    """Other examples; their labels have the ids that those names have."""
    if not (isinstance(pair, tuple | list) and len(pair) == 2):
        raise InputError(f"validation is a {type(pair).__name__}: expected a pair (X, y)")
    data = dataset_of(*pair)
    if names is None or data.label_names is None:
        return data
    return renumbered(data, names)


def renumbered(data: Dataset, names: Names) -> Dataset:
    """Examples whose labels have the ids of these names, or others after them."""
    import numpy as np

    from slide.core.contract.arrays import CSR

    assert data.label_names is not None
    known = [names.get(name) for name in data.label_names.values]
    ids = np.array([len(names) + i if id is None else id for i, id in enumerate(known)], np.int64)
    n = len(names) + len(known)
    cells = data.y.row_numbers() * n + ids[data.y.indices]
    order = np.argsort(cells)
    y = CSR.of_cells(cells[order], data.y.values[order], (data.n_samples, n))
    return replace(data, y=y, label_names=None)
