"""Training in one call, in plain NumPy and SciPy."""

from __future__ import annotations

from typing import Any

from slide.core.contract.backend import Backend
from slide.core.contract.opening import opened
from slide.core.examples.dataset import Dataset, checked
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.estimator.joining import pair
from slide.estimator.training import solving


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
    """A model of these examples; what is not said is chosen as `slide.SlideClassifier` does.

    Up to 1,000 labels are solved as linear SVMs, more as `slide.recipe` has it. A `slide.Model`
    scales all rows to unit length, and has no column for what lengths of dense ones tell, as the
    estimator has.

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
    data = Dataset(X, y, weights=sample_weight)
    valid = None if validation is None else Dataset(*pair(validation))
    computer = opened(backend)
    by_steps = getattr(computer, "hogwild_workers", None) is not None
    config = None if by_steps else solving(checked(data, "the training set"), settings, time_budget)
    return Trainer(config or Config(**settings), computer, time_budget).fit(data, valid)
