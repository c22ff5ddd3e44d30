from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from conftest import planted

import slide
from slide.core.errors import ConfigError, InputError
from slide.core.examples.naming import aligned
from slide.core.learners.kinds import kind_of
from slide.core.svm.kind import SVM

DATA = planted(300, n_labels=20)
QUICK = {"backend": "reference", "lr": 2.0, "epochs": 1}
SOLVED = {"backend": "numba", "cost": 1.0}


def test_a_model_in_one_call_is_that_of_a_trainer():
    model = slide.fit(DATA.x.to_scipy(), DATA.y.to_scipy(), **QUICK)
    other = slide.Trainer(slide.Config(lr=2.0, epochs=1), "reference").fit(DATA)
    for mine, theirs in zip(model.predict(DATA.x), other.predict(DATA.x), strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("dense", [False, True])
def test_few_labels_are_solved_as_the_estimator_does(dense):
    """Dense rows, and one label an example, had another learner here than there."""
    x = (DATA.x.dense() if dense else DATA.x.to_scipy())[:50]
    y = [f"l{label}" for label in DATA.y.indices[DATA.y.indptr[:50]]]
    estimator = slide.SlideClassifier(epochs=1, backend="reference").fit(x, y)
    model = slide.fit(x, y, epochs=1, backend="reference")
    assert kind_of(model.config) is kind_of(estimator.model_.config) is SVM


def test_sparse_columns_of_a_frame_stay_sparse():
    x = pd.DataFrame.sparse.from_spmatrix(DATA.x.to_scipy()).add_prefix("f")
    found = slide.Dataset(x, DATA.y)
    assert isinstance(found.x, slide.CSR)
    np.testing.assert_array_equal(found.x.dense(), DATA.x.dense())
    assert found.feature_names.values == tuple(x.columns)


FRAMES = {
    "pandas": pd.DataFrame,
    "polars": lambda columns: pl.DataFrame({str(name): list(of) for name, of in columns.items()}),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_names_of_frames_are_kept_and_compared(frame):
    """As scikit-learn's `feature_names_in_`; a frame of marks names the labels."""
    values = np.random.default_rng(0).random((40, 3)).astype(np.float32)
    columns = dict(zip("abc", values.T, strict=True))
    marks = frame({"p": (values[:, 0] > 0.5).astype(int), "q": (values[:, 1] > 0.5).astype(int)})
    model = slide.fit(frame(columns), marks, **SOLVED)
    assert (model.feature_names.values, model.label_names.values) == (("a", "b", "c"), ("p", "q"))
    expected = model.predict(values, 2)[0]
    np.testing.assert_array_equal(model.predict(frame(columns), 2)[0], expected)
    swapped = frame({name: columns[name] for name in "bac"})
    for refused in (
        lambda: model.predict(swapped),
        lambda: model.predict_proba(swapped),
        lambda: model.scores(swapped, np.ones((40, 2))),
        lambda: model.explain(swapped[:1], "p"),
        lambda: model.evaluate(slide.Dataset(swapped, marks)),
        lambda: slide.fit(frame(columns), marks, validation=(swapped, marks), **QUICK),
    ):
        with pytest.raises(InputError, match="column 0 is 'b', which is 'a' in the model"):
            refused()


def test_columns_without_names_are_none():
    assert slide.Dataset(pd.DataFrame(np.eye(2)), [0, 1]).feature_names is None


@pytest.mark.parametrize("series", [pd.Series, pl.Series, np.array, list])
def test_labels_are_named_by_whatever_lists_them(series):
    data = slide.Dataset(np.eye(3), series(["no", "yes", "no"]))
    assert data.label_names.values == ("no", "yes")
    assert data.y.indices.tolist() == [0, 1, 0]


def test_examples_are_judged_by_the_names_of_labels():
    """Of other examples the names come in another order, or some are not there."""
    y = np.array(["no", "yes"])[(DATA.x.dense()[:, 0] > 0).astype(int)]
    x = DATA.x.to_scipy()
    model = slide.fit(x, y, **SOLVED)
    right = model.predict(x, 1)[0][:, 0] == (y == "yes")
    only = y == "yes"
    assert right[only].mean() > 0
    found = model.evaluate(slide.Dataset(x[only], y[only]))
    assert found["precision_at_1"] == pytest.approx(right[only].mean())


def masked(array):
    """With its first entry masked."""
    return np.ma.masked_array(array, mask=[1] + [0] * (np.size(array) - 1))


@pytest.mark.parametrize("fit", [slide.fit, lambda *a, **k: slide.SlideClassifier().fit(*a, **k)])
def test_masked_entries_are_refused_wherever_they_are(fit):
    x, y, weights = np.eye(3), np.array([0, 1, 0]), np.ones(3)
    rows = [masked(x[0]), x[1], x[2]]
    marks = np.ma.masked_array(np.eye(3), mask=np.eye(3) > 0)
    lists = [masked(np.array(["a", "b"])), ["a"], ["b"]]
    for given, weight in (
        ((marks, y), weights), ((rows, y), weights), ((x, masked(y)), weights),
        ((x, marks), weights), ((x, lists), weights), ((x, y), masked(weights)),
    ):  # fmt: skip
        with pytest.raises(InputError, match="values has masked entries"):
            fit(*given, sample_weight=weight)


@pytest.mark.parametrize("y", [[1, True], [[1], [True]], [1, 1.0], [["a", 0], [False]]])
def test_labels_that_are_equal_and_of_two_types_are_refused(y):
    for read in (slide.Dataset, slide.SlideClassifier().fit):
        with pytest.raises(InputError, match="which are equal in Python"):
            read(np.eye(2), y)


def test_names_of_labels_and_of_columns_travel():
    x = pd.DataFrame(DATA.x.dense(), columns=[f"f{i}" for i in range(DATA.n_features)])
    names = [[f"l{label}" for label in DATA.y.row(i)[0]] for i in range(300)]
    model = slide.fit(x, names, validation=(x[:30], names[:30]), hidden=4, epochs=1,
                      backend="reference")  # fmt: skip
    assert model.feature_names.values[:2] == ("f0", "f1")
    assert model.label_names.of([[0]]) == [["l0"]]
    assert model.calibration is not None


def test_labels_of_a_validation_set_have_the_ids_of_the_training_set():
    data = slide.Dataset(np.eye(2), [["b", "z"], ["a"]])
    names = slide.Names(["b", "a"])
    other = aligned(data, SimpleNamespace(feature_names=None, label_names=names, text=None), "it")
    assert other.y.dense().tolist() == [[1, 0, 0, 0, 1], [0, 1, 0, 0, 0]]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.eye(2), [[3], [4], [5]]), InputError, "2 rows of features and 3 rows of labels"),
        ((np.eye(2), ["a", "b"], {"lrr": 2}), ConfigError, "did you mean 'lr'"),
        ((sp.eye_array(2), ["a", "b"], {"validation": 3}), InputError, "expected a pair"),
        ((sp.eye_array(2), ["a", "b"], {"sample_weight": [1]}), InputError, "expected 2"),
        ((sp.eye_array(2), ["a", "b"], {"sample_weight": [1, -1]}), InputError, "one is -1"),
        ((sp.eye_array(2), ["a", "b"], {"sample_weight": [0, 0]}), InputError, "all are 0"),
    ],
)
def test_what_is_wrong_is_told_of_arguments(arguments, error, words):
    x, y, *named = arguments
    with pytest.raises(error, match=words) as caught:
        slide.fit(x, y, backend="reference", **(named[0] if named else {}))
    assert "--" not in str(caught.value)
