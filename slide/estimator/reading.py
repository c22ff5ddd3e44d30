"""Examples as scikit-learn hands them over, checked by its rules, in the engine's types."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data

from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import InputError
from slide.core.examples.names import Names
from slide.core.examples.targets import ROWS, Targets, listed, read_targets
from slide.estimator import length


def rows_of(estimator: Any, X: Any, reset: bool) -> CSR | Array:
    """Features, CSR where they are sparse and f32 (n_samples, n_features) where they are not.

    Args:
        estimator: whose number and names of features they have, or are to give.
        X: as `SlideClassifier.fit` takes it.
        reset: whether the estimator is to have theirs.
    """
    refuse_masked(X, "X")
    if handed.is_scipy(X) or isinstance(X, CSR):
        sparse = handed.features(X, "X")
        assert isinstance(sparse, CSR)
        validate_data(estimator, X=sparse.to_scipy(), reset=reset, skip_check_array=True)
        return sparse
    checked: Any = validate_data(
        estimator, X=X, reset=reset, accept_sparse="csr", dtype=np.float32, order="C"
    )
    if handed.is_scipy(checked):  # of a frame with sparse columns
        return CSR.from_scipy(checked)
    return checked  # type: ignore[no-any-return]


def refuse_masked(given: Any, what: str) -> None:
    """Raise InputError where entries are masked, of which scikit-learn would take the values."""
    handed.refusing(what, lambda: handed.refuse_masked("values", given))


def widen(estimator: Any, X: Any) -> None:
    """Let an estimator have the features that X has after those which were there before."""
    shape: Any = getattr(X, "shape", ())
    names = getattr(X, "columns", None)
    if len(shape) != 2 or shape[1] <= estimator.n_features_in_:
        return
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None and names is not None:
        if list(names[: len(known)]) != list(known):
            return  # which scikit-learn then has words for
        estimator.feature_names_in_ = np.array(list(names), object)
    estimator.n_features_in_ = shape[1]


def weights_of(sample_weight: Any, x: CSR | Array) -> Array:
    """How often each example counts, f32 (n_samples,)."""
    refuse_masked(sample_weight, "sample_weight")
    like = x.to_scipy() if isinstance(x, CSR) else x
    weights: Any = _check_sample_weight(
        sample_weight,
        like,
        dtype=np.float32,
        ensure_non_negative=True,
        allow_all_zero_weights=False,
    )
    return weights  # type: ignore[no-any-return]


def as_engine_has(x: CSR | Array, constant: float | None) -> CSR | Block:
    """Features with the constant before them, if the model has it (see `length`)."""
    if constant is None:
        return x if isinstance(x, CSR) else CSR.from_scipy(_csr(x))
    values = x.dense() if isinstance(x, CSR) else x
    return length.with_constant(values, constant)


def _csr(x: Array) -> Any:
    """The entries of dense rows that are not 0."""
    from scipy.sparse import csr_array

    return csr_array(x)


def labels_of(y: Any, n_samples: int, known: Targets | None) -> tuple[Targets, CSR]:
    """Labels of as many examples; see `read_targets`.

    Raises:
        ValueError: they are none, as scikit-learn or `read_targets` says it.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    refuse_masked(y, "y")
    targets, labels = read_targets(checked_targets(y), known)
    if labels.n_rows != n_samples:
        raise InputError(
            "inconsistent numbers of samples: X and y have "
            f"{n_samples} and {labels.n_rows}: expected labels for each example"
        )
    return targets, labels


def checked_targets(y: Any) -> Any:
    """The same; classes are checked by the rules of scikit-learn, and a column of them is one."""
    if handed.is_scipy(y) or isinstance(y, CSR):
        return y
    if getattr(y, "ndim", 0) == 2 and np.shape(y)[1:] == (1,):
        y = column_or_1d(y, warn=True)
    if getattr(y, "ndim", 1) != 1 or (hasattr(y, "columns") and hasattr(y, "shape")):
        return y if hasattr(y, "columns") else check_array(y, dtype=None, input_name="y")
    y = listed(y)
    if isinstance(y, list) and y and isinstance(y[0], ROWS):
        return y
    classes = np.asarray(y) if are_alike(y) else y
    if isinstance(classes, np.ndarray) and classes.dtype.kind in "fc":
        assert_all_finite(classes, input_name="y")
    if isinstance(classes, np.ndarray) and classes.dtype.kind != "O":
        check_classification_targets(classes)
    return classes


def are_alike(y: Any) -> bool:
    """Whether classes are of one type, so that an array of them is what they are."""
    return isinstance(y, np.ndarray) or len({type(each) for each in y}) <= 1


def feature_names(estimator: Any, constant: float | None) -> Names | None:
    """Names for a model folder: those of a frame's columns, and of the constant before them."""
    known = getattr(estimator, "feature_names_in_", None)
    if known is None:
        return None
    return Names([length.NAME] * (constant is not None) + [str(each) for each in known])
