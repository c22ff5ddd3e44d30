import pickle
import subprocess
import sys
import tracemalloc
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

import slide
from slide.core.errors import ConfigError, InputError, SlideWarning

WORDS = ["apple", "pie", "tart", "car", "sports", "engine", "boat", "sail", "sea", "red"]
TAGS = {0: ["food"], 1: ["car"], 2: ["boat", "sea"]}


@pytest.fixture(scope="module")
def texts():
    """Examples of three things, and their tags."""
    rng, rows, tags = np.random.default_rng(3), [], []
    for i in range(60):
        words = rng.choice(WORDS[3 * (i % 3) : 3 * (i % 3) + 3], 2, replace=False)
        red = ["red"] if i % 4 == 0 else []
        rows.append(" ".join([*words, *red]))
        tags.append([*TAGS[i % 3], *red])
    return rows, tags


@pytest.fixture(scope="module")
def x(texts):
    """Which words they have."""
    return sp.csr_array(
        np.array([[word in row.split() for word in WORDS] for row in texts[0]], float)
    )


@pytest.fixture(scope="module")
def new():
    """Makes an estimator that computes by the reference."""

    def make(**parameters):
        return slide.SlideClassifier(backend="reference", **parameters)

    return make


@pytest.fixture(scope="module")
def fitted(new, x, texts):
    return new().fit(x, texts[1])


def test_from_texts_to_names_in_five_lines(texts, new):
    rows, tags = texts
    pipeline = make_pipeline(TfidfVectorizer(), new()).fit(rows, tags)
    found = pipeline.predict(["apple tart", "red boat"])
    assert isinstance(found, sp.csr_array)
    assert [set(pipeline[-1].classes_[found[[i]].indices]) for i in range(2)] == [
        {"food"}, {"boat", "sea", "red"},
    ]  # fmt: skip
    assert cross_val_score(pipeline, rows, tags, cv=KFold(3)).min() == 1


def test_what_predict_gives_by_k_and_by_threshold(fitted, x, texts):
    likely = fitted.predict_proba(x)
    assert np.array_equal(fitted.predict(x).toarray(), likely >= 0.5)
    two = fitted.predict(x, k=2)
    assert set(np.diff(two.indptr)) == {2}
    both = fitted.predict(x, k=2, threshold=0.5).toarray()
    assert np.array_equal(both, two.toarray() * (likely >= 0.5))
    best = clone(fitted).set_params(k=1).fit(x, texts[1])
    assert np.array_equal(best.predict(x).indices, likely.argmax(axis=1))
    assert np.array_equal(fitted.predict(x, threshold=0.2).toarray(), likely >= 0.2)


def test_the_best_k_have_names_and_scores_of_the_decision_function(fitted, x):
    names, scores = fitted.predict_top_k(x, 3)
    z = fitted.decision_function(x)
    assert np.array_equal(scores, -np.sort(-z, axis=1)[:, :3])
    assert names[:3, 0].tolist() == fitted.classes_[z[:3].argmax(axis=1)].tolist()
    some = fitted.decision_function(x, labels=["sea", "car"])
    places = [list(fitted.classes_).index(name) for name in ("sea", "car")]
    assert np.array_equal(some, z[:, places])
    assert np.array_equal(fitted.decision_function(x, k=2).max(axis=1).toarray(), z.max(axis=1))
    assert fitted.predict_proba(x, k=2).nnz == 2 * x.shape[0]


def test_candidates_are_of_all_examples_or_of_each(fitted, x):
    names, scores = fitted.predict_top_k(x[:2], 3, candidates=["car", "red"])
    assert all({*row[:2]} == {"car", "red"} and row[2] is None for row in names)
    assert np.isneginf(scores[:, 2]).all()
    names, _ = fitted.predict_top_k(x[:2], 1, candidates=[["red"], ["car", "sea"]])
    assert names[0, 0] == "red"
    with pytest.raises(InputError, match="no label 'cat'"):
        fitted.predict_top_k(x[:2], 1, candidates=["cat"])


def test_y_is_never_dense(new):
    n = 10_000_000
    y = sp.csr_array((np.ones(10), (range(10), np.arange(10) * 999_983)), shape=(10, n))
    x = sp.csr_array(np.eye(10))
    tracemalloc.start()
    estimator = new().fit(x, y)
    found = estimator.predict(x, k=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
    assert (found.shape, found.indices.tolist()) == ((10, n), y.indices.tolist())
    assert estimator.score(x, y) == 1
    for ask in (estimator.predict_proba, estimator.decision_function):
        with pytest.raises(ValueError, match="ask for fewer examples, for labels=, or for k="):
            ask(x)
        assert ask(x, labels=[0, 999_983]).argmax(axis=1)[:2].tolist() == [0, 1]
        assert ask(x, k=2).nnz == 20


@pytest.mark.parametrize("steps", [{}, {"lr": 2.0, "epochs": 2}, {"hidden": 8, "epochs": 40}])
def test_more_examples_may_have_new_labels_and_features(new, x, texts, steps):
    tags = texts[1]
    estimator = new(**steps).partial_fit(x[:30], tags[:30])
    before = estimator.classes_.tolist()
    wider = sp.hstack([x[30:], sp.csr_array(np.ones((30, 1)))]).tocsr()
    estimator.partial_fit(wider, [[*row, "also"] for row in tags[30:]])
    assert estimator.classes_.tolist() == [*before, "also"]
    assert estimator.n_features_in_ == 11
    assert estimator.model_.n_samples == 60
    names, _ = estimator.predict_top_k(wider, 3)
    assert (names == "also").any(axis=1).mean() > 0.9
    first = sp.hstack([x[:30], sp.csr_array((30, 1))]).tocsr()
    names, _ = estimator.predict_top_k(first, 1, candidates=before)
    known = [name in row for (name,), row in zip(names, tags, strict=False)]
    assert np.mean(known) > 0.8
    with pytest.raises(ValueError, match="X has 10 features"):
        estimator.partial_fit(x, tags)


def test_solving_goes_on_with_all_examples_that_it_has_seen(new, x, texts):
    parts = new(cost=1.0).partial_fit(x[:20], texts[1][:20]).partial_fit(x[20:], texts[1][20:])
    whole = new(cost=1.0).fit(x, texts[1])
    assert np.array_equal(parts.decision_function(x), whole.decision_function(x))


@pytest.mark.parametrize("name", ["fit", "partial_fit"])
def test_solving_goes_on_with_the_examples_of_fit(new, x, texts, name):
    tags = texts[1]
    parts = new(cost=1.0, warm_start=name == "fit").fit(x[:50], tags[:50])
    with pytest.raises(InputError):
        getattr(parts, name)(x[50:], tags[50:], validation=3)
    parts = pickle.loads(pickle.dumps(parts))
    getattr(parts, name)(x[50:], tags[50:])
    whole = new(cost=1.0).fit(x, tags)
    assert parts.model_.n_samples == 60
    assert np.array_equal(parts.decision_function(x), whole.decision_function(x))
    assert clone(parts).fit(x[:50], tags[:50]).model_.n_samples == 50


def test_examples_that_fit_keeps_are_those_that_were_given(new, x, texts):
    given = sp.csr_array(x, dtype=np.float32)
    estimator = new(cost=1.0).fit(given, texts[1])
    assert np.shares_memory(estimator._seen.x.values, given.data)
    assert new(lr=2.0, epochs=1).fit(given, texts[1])._seen is None


@pytest.mark.parametrize("steps", [{"lr": 2.0, "epochs": 1}, {"hidden": 8, "epochs": 1}])
def test_steps_go_on_from_the_weights(new, x, texts, steps):
    cold = new(**steps).fit(x, texts[1])
    warm = new(warm_start=True, **steps).fit(x, texts[1])
    assert np.array_equal(cold.decision_function(x), warm.decision_function(x))
    losses = [warm.history_[-1]["full_loss"]]
    losses += [warm.fit(x, texts[1]).history_[-1]["full_loss"] for _ in range(3)]
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert np.array_equal(cold.decision_function(x), cold.fit(x, texts[1]).decision_function(x))


@pytest.mark.parametrize("steps", [{}, {"lr": 1.0, "epochs": 3}, {"hidden": 8, "epochs": 10}])
def test_weights_count_examples(new, x, texts, steps):
    tags, odd = [row[0] for row in texts[1]], ["boat" if i % 2 else "car" for i in range(60)]
    both, labels = sp.vstack([x, x]).tocsr(), tags + odd
    without = new(**steps).fit(x, tags).decision_function(x)
    zero = new(**steps).fit(both, labels, sample_weight=[1] * 60 + [0] * 60)
    assert np.array_equal(zero.decision_function(x), without)
    heavy = new(**steps).fit(both, labels, sample_weight=[1] * 60 + [9] * 60)
    assert heavy.score(x, odd) > new(**steps).fit(both, labels, [9] * 60 + [1] * 60).score(x, odd)


def test_early_stopping_keeps_the_best_epoch(new, x, texts):
    estimator = new(early_stopping=True, patience=2, lr=1.0, epochs=20, validation_fraction=0.3)
    assert len(estimator.fit(x, texts[1]).history_) < 20
    given = new(early_stopping=True, lr=1.0, epochs=3).fit(x, texts[1], validation=(x, texts[1]))
    assert given.history_[-1]["precision_at_1"] == given.score(x, texts[1]) == 1
    with pytest.raises(InputError, match="leaves none to train on"):
        new(early_stopping=True, validation_fraction=0.9).fit(x[:3], texts[1][:3])


def test_frames_have_names(new, x, texts):
    columns = [f"w{i}" for i in range(10)]
    pandas = pd.DataFrame(x.toarray(), columns=columns)
    estimator = new().fit(pandas, pd.Series(texts[1]))
    assert estimator.feature_names_in_.tolist() == columns
    assert estimator.model_.feature_names.values == ("(constant)", *columns)
    assert estimator.model_.label_names.values == tuple(estimator.classes_)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(pandas[columns[::-1]])
    polars = pl.DataFrame(pandas.to_dict("list"))
    assert (estimator.predict(polars) != estimator.predict(pandas)).nnz == 0
    wider = pandas.assign(more=1.0)
    assert estimator.partial_fit(wider, texts[1]).feature_names_in_.tolist() == [*columns, "more"]


def test_indicators_come_back_as_they_were_given(new, x, texts, fitted):
    y = np.array([[name in row for name in fitted.classes_] for row in texts[1]])
    for given, kind in (
        (y, np.ndarray),
        (y.astype(int), np.ndarray),
        (sp.csr_matrix(y), sp.csr_array),
    ):
        found = new().fit(x, given).predict(x)
        assert isinstance(found, kind)
        assert f1_score(y, found, average="micro") == 1
    assert new().fit(x, y).predict(x).dtype == bool


def test_searches_folds_and_threads_of_scikit_learn(new, x, texts, fitted):
    first = [row[0] for row in texts[1]]
    search = GridSearchCV(new(), {"cost": [0.1, 1.0], "k": [1, None]}, cv=2).fit(x, first)
    assert search.best_score_ == 1
    calibrated = CalibratedClassifierCV(new(), cv=2).fit(x, first)
    assert calibrated.score(x, first) == 1
    assert np.allclose(new().fit(x, first).predict_proba(x).sum(axis=1), 1)
    again = joblib.Parallel(2, prefer="threads")(
        joblib.delayed(fitted.predict)(x) for _ in range(2)
    )
    assert (again[0] != again[1]).nnz == 0


def test_a_copy_answers_the_same_and_its_model_can_be_stored(fitted, x, tmp_path):
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.decision_function(x), fitted.decision_function(x))
    fitted.model_.save(tmp_path / "m")
    model = slide.Model.load(tmp_path / "m", "reference")
    ids, _ = model.predict(x, k=2)
    assert model.label_names.of(ids) == fitted.predict_top_k(x, 2)[0].tolist()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"settings": {"lrr": 1}}, "did you mean 'lr'"),
        ({"n_jobs": 0}, "n_jobs is 0"),
        ({"cost": 1.0, "hidden": 8}, "leave one of them out"),
        ({"early_stopping": True, "metric": "p"}, "metric is 'p'"),
    ],
)
def test_parameters_that_cannot_be_are_refused_when_they_are_read(new, x, texts, parameters, words):
    with pytest.raises(ConfigError, match=words) as caught:
        new(**parameters).fit(x, texts[1])
    assert "--" not in str(caught.value)


def test_names_that_no_folder_holds_are_told_of(new):
    estimator = new()
    with pytest.warns(SlideWarning, match=r"no names of labels: a name is \('t', 1\)") as told:
        estimator.fit(np.eye(3), [[1], [("t", 1)], [None]])
    assert told[0].filename == __file__
    assert estimator.model_.label_names is None


@pytest.mark.parametrize("parameters", [{"threshold": 3}, {"k": 0}, {"threshold": float("nan")}])
def test_what_predict_cannot_take_is_refused_by_fit(new, x, texts, parameters):
    with pytest.raises(ConfigError, match=next(iter(parameters))):
        new(**parameters).fit(x, texts[1])


def test_without_scikit_learn_all_else_is_there():
    script = (
        "import sys\nsys.modules['sklearn'] = None\nimport slide\n"
        "try:\n    slide.SlideClassifier\nexcept ImportError as error:\n    print(error)\n"
        "print('scipy' in sys.modules)\n"
        "from slide import *\nprint('SlideClassifier' in globals(), callable(fit))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines()[0].startswith(
        "slide.SlideClassifier needs scikit-learn: pip install 'slide-engine[sklearn]'"
    )
    assert told.stdout.splitlines()[1:] == ["False", "False True"]


def test_with_scikit_learn_all_names_can_be_imported():
    scope = {}
    exec("from slide import *", scope)
    assert scope["SlideClassifier"] is slide.SlideClassifier
