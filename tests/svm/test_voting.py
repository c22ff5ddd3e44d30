"""Nearest examples beside solved labels: of folds of a user's items, where they pay."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of, planted

import slide
from slide.core.direct import judging
from slide.core.direct.neighbours import SUMMANDS, Neighbours
from slide.core.direct.stacking import LEAST, Asked, is_sure
from slide.core.direct.things import wholes_of
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.runs.trainer import Trainer
from slide.core.svm.restoring import demand_state
from slide.core.svm.run import SvmRun
from slide.core.svm.settings import SvmSettings
from slide.core.svm.splitting import Split
from slide.core.svm.voting import are_folds, unseen_by
from slide.data import convert_to_folder, write

BACKEND = slide.load_backend("numba")
N_ITEMS, N_TASTES, N_FOLDS, N_OWN = 120, 120, 4, 12
SETTINGS = Config(learner=SvmSettings(cost=0.1, centroid=0.0, idf_power=0.0), epochs=3)


def users(n, seed=0):
    """The items of each user, those of a taste but for two of them, i64 (n, N_OWN)."""
    tastes = [
        np.random.default_rng(9 + t).choice(N_ITEMS, N_OWN + 2, replace=False)
        for t in range(N_TASTES)
    ]
    rng = np.random.default_rng(seed)
    drawn = (rng.permutation(tastes[rng.integers(N_TASTES)])[:N_OWN] for _ in range(n))
    return np.stack(list(drawn))


def folds(items, n_folds=N_FOLDS):
    """An example of each fold of a user's items: it is the labels, the others are features."""
    x, y = [], []
    for own in items:
        for fold in range(n_folds):
            is_label = np.arange(len(own)) % N_FOLDS == fold
            x.append({int(i): 1.0 for i in own[~is_label]})
            y.append({int(i): 1.0 for i in own[is_label]})
    return Dataset(csr_of(x, N_ITEMS), csr_of(y, N_ITEMS))


TRAIN, TEST = folds(users(250)), folds(users(150, seed=1), n_folds=1)


@pytest.fixture(scope="module")
def layered():
    return Trainer(SETTINGS, BACKEND).fit(TRAIN)


@pytest.fixture(scope="module")
def flat():
    return Trainer(replace(SETTINGS, layers=1), BACKEND).fit(TRAIN)


@pytest.fixture(scope="module")
def run():
    """A run that has learned how much neighbours count, and has taken in what was held out."""
    run = SvmRun.begin(SETTINGS, BACKEND, TRAIN)
    while not run.is_done:
        run.step(run.data, 0.0)
    assert run.network.hidden is None
    assert run.finish()
    return run


def test_users_are_told_what_they_lack(layered, flat):
    with_layer, without = (model.evaluate(TEST)["precision_at_5"] for model in (layered, flat))
    assert isinstance(layered.network.hidden, Neighbours)
    assert flat.network.hidden is None
    assert with_layer > without + 0.015
    has = [bool(np.isin(ids, TEST.x.row(i)[0]).any())
           for i, ids in enumerate(layered.predict(TEST.x, 3)[0])]  # fmt: skip
    assert np.mean(has) < 0.02


def test_it_stays_where_held_out_examples_say_so(layered, flat, monkeypatch):
    wanted = Trainer(replace(SETTINGS, epochs=7, layers=2), BACKEND).fit(TRAIN)
    assert isinstance(wanted.network.hidden, Neighbours)
    monkeypatch.setattr(judging, "is_sure", lambda gain, things: False)
    chosen = Trainer(SETTINGS, BACKEND).fit(TRAIN)
    assert chosen.predict(TEST.x, 5)[1].tobytes() == flat.predict(TEST.x, 5)[1].tobytes()
    assert Trainer(replace(SETTINGS, epochs=7, layers=2), BACKEND).fit(TRAIN).network.hidden


def test_a_gain_is_sure_if_many_things_have_it():
    gain = np.array([0.3, -0.2, 0.3, -0.2, 0.3, -0.2, 0.3, 0.3])
    assert is_sure(gain, np.arange(8))
    assert not is_sure(gain, np.array([0, 1, 0, 2, 0, 3, 0, 0]))
    assert not is_sure(np.zeros(3), np.arange(3))


def test_folds_are_told_by_their_items():
    assert are_folds(TRAIN)
    assert not are_folds(TEST)
    assert not are_folds(planted(300, 60))
    numbers = wholes_of(TRAIN)
    users_of = np.repeat(np.arange(250), N_FOLDS)
    same, of_one = numbers[:, None] == numbers, users_of[:, None] == users_of
    assert same[of_one].all()
    assert same.mean() < 1.1 * of_one.mean()  # some users have the same items


def test_other_sets_have_units_of_labels_and_examples():
    run = SvmRun.begin(replace(SETTINGS, epochs=7), BACKEND, planted(600, 60))
    assert run.voting is None
    assert run.stacking is not None
    run = SvmRun.begin(replace(SETTINGS, epochs=7), BACKEND, TRAIN)
    assert run.voting is not None
    assert run.stacking is None


def test_what_is_asked_has_taught_nothing():
    run = SvmRun.begin(SETTINGS, BACKEND, TRAIN)
    unseen = unseen_by(run.split, run.data)
    assert len(unseen) > 3 * len(run.split.held_out)
    told = np.append(run.split.usable, unseen[:1])  # of a user whose other folds are held out
    held = Asked.of(run.voting.train, told, unseen[1:], wholes_of)
    alone = held.without_parts()
    numbers = wholes_of(run.voting.train)
    assert (numbers[unseen[1:]] == numbers[unseen[0]]).sum() >= N_FOLDS - 1
    n_others = (~np.isin(numbers[unseen[1:]], numbers[told])).sum()
    assert alone.asked.n_samples == n_others > 20
    assert len(alone.things[0]) == alone.asked.n_samples
    assert not np.isin(*alone.things).any()


def test_labels_that_only_held_out_examples_have_do_not_disturb():
    """Their logit is far below all others, and would be all that the spread of logits tells."""
    run = SvmRun.begin(SETTINGS, BACKEND, TRAIN)
    y = run.data.y.to_scipy().tolil()
    y[run.split.usable, 7] = 0
    y = csr_of([dict(zip(row, [1.0] * len(row), strict=True)) for row in y.rows], N_ITEMS)
    run = SvmRun.begin(SETTINGS, BACKEND, replace(TRAIN, y=y.take(undone(run, TRAIN))))
    run.step(run.data, 0.0)
    assert (run.network.bias < -1e8).any()
    run.judged()
    assert run.voting.found.connections > 10 * LEAST


def undone(run, data):
    """The places of a run's examples in the data that it was begun with."""
    return np.argsort(data.canonical_order())


def test_few_examples_have_one_layer():
    few = folds(users(15))
    models = [Trainer(replace(SETTINGS, layers=n), BACKEND).fit(few) for n in (None, 1)]
    assert len({model.predict(few.x, 5)[1].tobytes() for model in models}) == 1


def test_without_time_there_is_one_layer():
    run = SvmRun.begin(SETTINGS, BACKEND, TRAIN)
    run.step(run.data, 0.0)
    run.seconds_left = -1.0
    assert not run.finish()
    assert run.network.hidden is None
    assert run.held_out.y.n_rows == len(run.split.held_out)


def test_the_order_of_the_file_does_not_matter(layered):
    rows = np.random.default_rng(3).permutation(TRAIN.n_samples)
    other = Trainer(SETTINGS, BACKEND).fit(TRAIN.take(rows))
    assert other.predict(TEST.x, 5)[1].tobytes() == layered.predict(TEST.x, 5)[1].tobytes()


def test_data_on_disk_give_the_same_bits(layered, tmp_path):
    write(TRAIN, tmp_path / "a.npz")
    convert_to_folder([tmp_path / "a.npz"], tmp_path / "data")
    other = Trainer(SETTINGS, BACKEND).fit(slide.read(tmp_path / "data"))
    assert other.predict(TEST.x, 5)[1].tobytes() == layered.predict(TEST.x, 5)[1].tobytes()


def test_a_model_is_stored_and_frozen_with_it(layered, tmp_path):
    expected = layered.predict(TEST.x, 5)[1].tobytes()
    layered.save(tmp_path / "m")
    layered.freeze(tmp_path / "f")
    for same in slide.Model.load(tmp_path / "m"), slide.Predictor.load(tmp_path / "f"):
        assert same.predict(TEST.x, 5)[1].tobytes() == expected


def test_units_are_named_in_explanations(layered):
    x = TEST.x.take(np.array([0]))
    ids, logits = layered.predict(x, 1)
    told = layered.explain(x, int(ids[0, 0]), n=30)
    assert told.score == pytest.approx(float(logits[0, 0]), abs=1e-4)
    units = [piece.unit for piece in told.evidence if piece.unit is not None]
    assert [(unit.by, unit.label) for unit in units] == [("share", int(ids[0, 0]))]


def test_probabilities_are_of_the_answers_with_it(run, layered):
    assert run.held_out.y.n_rows > 3 * 0.1 * TRAIN.n_samples / N_FOLDS
    assert np.isfinite(layered.predict_proba(TEST.x, 3)[1]).all()


def test_a_run_goes_on_with_what_it_has_learned(run):
    again = SvmRun.resume(SETTINGS, BACKEND, TRAIN, run.state())
    both = [run, again]
    before = run.network
    for each in both:
        assert not each.finish()
    assert run.network is not before
    assert run.network is run.network
    one, other = (each.network for each in both)
    assert one.hidden.weights.tobytes() == other.hidden.weights.tobytes()
    inputs = [network.inputs_of(TEST.x, BACKEND).values.tobytes() for network in (one, other)]
    assert inputs[0] == inputs[1]
    assert one.param.weight.values.tobytes() == other.param.weight.values.tobytes()


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"found": {"neighbours": np.zeros(3, np.float32), "connections": 1.0}},
        {"found": {"neighbours": np.zeros(SUMMANDS, np.float32), "connections": np.nan}},
        {"found": None, "more": 1},
    ],
)
def test_a_state_that_no_run_has_left_is_refused(run, value):
    demand_state(run.state(), run.data)
    with pytest.raises((ValueError, KeyError)):
        demand_state(run.state() | {"voting": value}, run.data)


def test_users_who_have_all_been_trained_on_tell_nothing(run):
    one_of_each = np.unique(wholes_of(run.voting.train), return_index=True)[1]
    usable = np.setdiff1d(np.arange(TRAIN.n_samples), one_of_each[::4])
    voting = replace(run.voting, found=None)
    assert voting.judge(run.layer.solved.network, Split(usable, usable[:0]), BACKEND) is None
    assert voting.found is None
