"""What a model says of its own answers: `predict_proba`, by every learner, after any journey."""

import copy
import json
import pickle
import warnings
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from conftest import csr_of, planted
from quick_runs import QUICK

import slide
from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError, ModelError
from slide.core.examples.dataset import Dataset
from slide.core.examples.metrics import hits
from slide.core.models.curves import calibration_error
from slide.core.models.model import Model
from slide.core.models.probabilities import UncalibratedWarning, sigmoid
from slide.core.runs import calibrating
from slide.core.runs.calibrating import drawn_parts
from slide.core.runs.keeping import Keeping
from slide.core.runs.trainer import Trainer
from slide.core.svm.run import SvmRun

TRAIN, TEST = planted(300, 30), planted(200, 30, seed=5)
SVM = slide.recipe(TRAIN, epochs=1, cost=0.3, idf_power=0.0)  # without a race
STEPS = slide.recipe(TRAIN, epochs=1, lr=2.0)
CONFIGS = {"svm": SVM, "steps": STEPS, "hidden": QUICK}
BACKEND = slide.load_backend("numba")


def fitted(config, train=TRAIN, valid=None, **given):
    """A model; where parts of the training set are left out, they are few."""
    with patch.object(calibrating, "ENOUGH", 60):
        return Trainer(config, BACKEND, **given).fit(train, valid)


@pytest.fixture(scope="module", params=CONFIGS)
def trained(request):
    return fitted(CONFIGS[request.param], calibrate=True)


@pytest.fixture(scope="module")
def svm():
    return fitted(SVM)


@pytest.fixture(scope="module")
def bare():
    """Trained by steps, without anything to calibrate on."""
    return fitted(STEPS)


def same(one, other):
    """Whether two models give the same probabilities, bit by bit."""
    pairs = zip(one.predict_proba(TEST.x, 7), other.predict_proba(TEST.x, 7), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def error_of(probabilities, labels, data=TEST):
    return calibration_error(probabilities.ravel(), hits(labels, data.y).ravel())


@pytest.mark.parametrize("sampled", [False, True])
def test_the_labels_of_predict_have_probabilities(trained, sampled):
    labels, logits = trained.predict(TEST.x, 7, sampled)
    named, probabilities = trained.predict_proba(TEST.x, 7, sampled)
    np.testing.assert_array_equal(named, labels)
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (200, 7))
    assert np.isfinite(probabilities).all()
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1
    assert error_of(probabilities, labels) < 0.75 * error_of(sigmoid(logits), labels)
    assert error_of(probabilities, labels) < 0.06


def test_probabilities_that_are_known_are_learned():
    """A feature alone tells a label, and that is right in so many cases of a hundred."""
    shares = np.linspace(0.05, 0.95, 10)

    def drawn(n, seed):
        rng = np.random.default_rng(seed)
        shown = rng.integers(10, size=(n, 2))
        there = rng.random((n, 2)) < shares[shown]
        y = [{10: 1.0} | dict.fromkeys(these[own].tolist(), 1.0)
             for these, own in zip(shown, there, strict=True)]  # fmt: skip
        return Dataset(csr_of([dict.fromkeys(each.tolist(), 1.0) for each in shown], 10),
                       csr_of(y, 11)), shown  # fmt: skip

    (train, _), (test, shown) = drawn(2000, 0), drawn(500, 1)
    model = fitted(slide.recipe(train, epochs=3, cost=0.3, idf_power=0.0, pairs=False), train)
    labels, probabilities = model.predict_proba(test.x, 11)
    by_label = np.empty((500, 11))
    np.put_along_axis(by_label, labels.astype(np.int64), probabilities, axis=1)
    known = shares[shown]
    alone = shown[:, 0] == shown[:, 1]  # two draws, of which either may be right
    found = np.take_along_axis(by_label, shown, axis=1)
    assert abs(found - known)[~alone].mean() < 0.08
    logits = model.predict(test.x, 11)[1]
    assert error_of(probabilities, labels, test) < error_of(sigmoid(logits), labels, test) / 3


def test_weights_do_not_depend_on_it(trained):
    plain = fitted(trained.config)
    tensors, others = trained.__getstate__()["network"], plain.__getstate__()["network"]
    for name, array in tensors.items():
        np.testing.assert_array_equal(array, others[name])


@pytest.mark.parametrize("name", ["svm", "steps"])
def test_the_order_of_the_file_does_not_matter(name):
    order = np.random.default_rng(0).permutation(TRAIN.n_samples)
    one = fitted(CONFIGS[name], calibrate=True)
    assert same(one, fitted(CONFIGS[name], TRAIN.take(order), calibrate=True))


def test_held_out_examples_go_before_a_validation_set(svm):
    assert svm.calibration.n_examples == 60
    assert same(svm, fitted(SVM, valid=TEST))


def test_a_validation_set_is_what_steps_are_calibrated_on(bare):
    model = fitted(STEPS, valid=TEST)
    assert model.calibration.n_examples == TEST.n_samples
    assert bare.calibration is None


def test_an_earlier_epoch_is_calibrated_on_the_validation_set(monkeypatch):
    """What was held out was answered by the last one."""
    scores = iter([0.9, 0.1, 0.1])
    monkeypatch.setattr(Model, "scored", lambda *_: {"precision_at_1": next(scores)})
    model = fitted(replace(SVM, epochs=2), valid=TEST, keeping=Keeping("best"))
    assert model.calibration.n_examples == TEST.n_samples


def test_calibrating_again_needs_some_examples():
    few = TRAIN.take(np.arange(19))
    with pytest.raises(ConfigError, match="calibrate is asked for on 19 training examples"):
        fitted(SVM, few, calibrate=True)
    assert fitted(SVM, few).calibration is None
    assert fitted(SVM, TRAIN.take(np.arange(30)), calibrate=True).calibration.n_examples == 30


def test_time_that_is_short_leaves_enough_to_calibrate():
    run = SvmRun.begin(SVM, BACKEND, TRAIN)
    run.step(run.data, 0.0)
    assert run.held_out is None
    run.seconds_left = 0.0
    run.finish()
    assert run.held_out.labels.shape == (60, 20)
    assert run.held_out.hits[:, 0].mean() > 0.3


@pytest.mark.parametrize(("n", "sizes"), [(20, [2] * 10), (1000, [100] * 5), (90_000, [4000])])
def test_parts_are_apart_and_enough(n, sizes):
    parts = drawn_parts(n, np.random.default_rng(0))
    assert [len(part) for part in parts] == sizes
    assert len(np.unique(np.concatenate(parts))) == sum(sizes)


@pytest.mark.parametrize("way", ["save", "pickle", "deepcopy", "copy"])
def test_it_travels_with_the_model(svm, way, tmp_path):
    def by_folder(model):
        model.save(tmp_path / "m")
        return Model.load(tmp_path / "m", BACKEND)

    ways = {"save": by_folder, "pickle": lambda model: pickle.loads(pickle.dumps(model)),
            "deepcopy": copy.deepcopy, "copy": copy.copy}  # fmt: skip
    other = ways[way](svm)
    assert same(svm, other)
    assert other.calibration.n_examples == svm.calibration.n_examples
    assert other.calibration.error == svm.calibration.error


def test_a_model_without_it_says_so(bare, tmp_path):
    bare.save(tmp_path / "m")
    assert not (tmp_path / "m" / "calibration.json").exists()
    model = Model.load(tmp_path / "m", BACKEND)
    with pytest.warns(
        UncalibratedWarning, match=r"not calibrated.*Trainer\(calibrate=True\)"
    ) as caught:
        _, probabilities = model.predict_proba(TEST.x, 5)
    assert caught[0].filename == __file__
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-model.predict(TEST.x)[1])), 1e-5)


def no_file(path):
    path.unlink()


def half_a_file(path):
    path.write_bytes(path.read_bytes()[:200])


def said(**changes):
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def falling(path):
    damaged = json.loads(path.read_text())
    damaged["curves"]["torso"]["probabilities"][0] = 1.0
    path.write_text(json.dumps(damaged))


@pytest.mark.parametrize(
    ("damage", "words"),
    [(no_file, "cannot read"), (half_a_file, "is damaged"), (falling, "curve fall"),
     (said(curves={}), "'head'"), (said(n_examples="many"), "is damaged"),
     (said(curves=[]), "is damaged"), (lambda path: path.write_text("7"), "is damaged")],
)  # fmt: skip
def test_a_damaged_folder_is_refused(svm, damage, words, tmp_path):
    svm.save(tmp_path / "m")
    damage(tmp_path / "m" / "calibration.json")
    with pytest.raises(ModelError, match=f"calibration.json.*{words}|{words}.*calibration.json"):
        Model.load(tmp_path / "m", BACKEND)


def test_a_folder_with_it_is_replaced(svm, bare, tmp_path):
    svm.save(tmp_path / "m")
    bare.save(tmp_path / "m", overwrite=True)
    assert Model.load(tmp_path / "m", BACKEND).calibration is None


def test_a_row_that_says_nothing_has_shares_of_the_training_set(svm, bare):
    zeros = CSR(np.array([0, 0, 1]), np.zeros(1, np.int32), np.zeros(1, np.float32), 60)
    shares = TRAIN.y.column_counts() / TRAIN.n_samples
    for x in (zeros, np.zeros((2, 60))):
        labels, probabilities = svm.predict_proba(x, 30)
        np.testing.assert_allclose(probabilities, shares[labels], rtol=1e-6)
    with pytest.warns(UncalibratedWarning):
        labels, probabilities = bare.predict_proba(zeros, 3)
    np.testing.assert_allclose(probabilities, shares[labels], rtol=1e-6)
    with pytest.warns(slide.UnseenWarning):
        unknown = svm.predict_proba(csr_of([{99: 1.0}], 100), 30)[1]
    np.testing.assert_allclose(unknown.sum(), shares.sum(), rtol=1e-6)


def test_labels_without_example_are_impossible():
    model = fitted(SVM, replace(TRAIN, y=replace(TRAIN.y, n_cols=33)))
    labels, probabilities = model.predict_proba(TEST.x, 33)
    assert ((probabilities == 0) == (labels >= 30)).all()


def test_one_label_has_its_share():
    y = csr_of([{0: 1.0} if row % 4 else {} for row in range(300)], 1)
    x = csr_of([{row % 7: 1.0} for row in range(300)], 7)
    model = fitted(slide.recipe(Dataset(x, y), epochs=1, lr=1.0), Dataset(x, y), calibrate=True)
    assert abs(model.predict_proba(x, 1)[1] - 0.75).max() < 0.15


def test_ids_of_few_in_use_are_answered():
    far = replace(TRAIN, y=replace(TRAIN.y, indices=TRAIN.y.indices * 9973, n_cols=400_000))
    model, near = fitted(SVM, far), fitted(SVM)
    assert model.label_ids is not None
    labels, probabilities = model.predict_proba(TEST.x, 5)
    np.testing.assert_array_equal(labels, 9973 * near.predict_proba(TEST.x, 5)[0])
    np.testing.assert_array_equal(probabilities, near.predict_proba(TEST.x, 5)[1])


def test_extreme_logits_have_a_sigmoid():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sigmoid(np.array([-np.inf, -2e9, -100, 0, 100, 2e9], np.float32))
    assert found.tolist() == pytest.approx([0, 0, 0, 0.5, 1, 1], abs=1e-9)
