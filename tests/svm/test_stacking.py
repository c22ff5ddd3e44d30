"""A hidden layer of labels and examples: what it learns, what it must not see, when it stays."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of, planted
from safetensors.numpy import load_file, save_file

import slide
from slide.core.contract.arrays import CSR
from slide.core.direct import hidden as hidden_units
from slide.core.direct.hidden import ACTIVATION, Units
from slide.core.errors import ConfigError, ModelError
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.runs.keeping import Keeping
from slide.core.runs.trainer import Trainer
from slide.core.svm import stacking
from slide.core.svm.restoring import demand_state
from slide.core.svm.run import SvmRun
from slide.core.svm.settings import SvmSettings
from slide.core.svm.stacking import ROUNDS, sample_of, themselves

BACKEND = slide.load_backend("numba")
N_GROUPS, N_KINDS = 12, 5
N_LABELS = N_GROUPS + N_GROUPS * N_KINDS
SETTINGS = Config(learner=SvmSettings(cost=1.0, centroid=0.0, idf_power=0.0), epochs=10)


def depending(n, seed=0):
    """Examples with a group that words of their own tell, and a label that only both tell.

    The second label is one of the group's five, and its word is the same in all groups: a linear
    score of it cannot tell the groups apart as well as the score of the group does.
    """
    rng = np.random.default_rng(seed)
    x, y = [], []
    for _ in range(n):
        group, kind = int(rng.integers(N_GROUPS)), int(rng.integers(N_KINDS))
        words = rng.choice(20, 3, replace=False) + 20 * group
        others = rng.choice(20 * N_GROUPS, 2, replace=False)
        features = {int(f): 1.0 for f in (*words, *others, 20 * N_GROUPS + kind)}
        x.append(features)
        y.append({group: 1.0, N_GROUPS + N_KINDS * group + kind: 1.0})
    return Dataset(csr_of(x, 20 * N_GROUPS + N_KINDS), csr_of(y, N_LABELS))


TRAIN, TEST = depending(900), depending(300, seed=1)


@pytest.fixture(scope="module")
def stacked():
    return Trainer(replace(SETTINGS, layers=2), BACKEND).fit(TRAIN)


@pytest.fixture(scope="module")
def flat():
    return Trainer(replace(SETTINGS, layers=1), BACKEND).fit(TRAIN)


def test_labels_that_depend_on_others_are_learned_better(stacked, flat):
    """The pair of a group's score and a word is no input, but the sum of both tells more."""
    with_layer, without = (model.evaluate(TEST)["precision_at_3"] for model in (stacked, flat))
    assert stacked.network.hidden is not None
    assert flat.network.hidden is None
    assert with_layer > without + 0.02


def test_it_stays_where_held_out_examples_say_so(stacked, flat):
    chosen = Trainer(SETTINGS, BACKEND).fit(TRAIN)
    assert chosen.network.hidden is not None
    assert chosen.predict(TEST.x, 5)[1].tobytes() == stacked.predict(TEST.x, 5)[1].tobytes()
    alone = planted(600, 60)
    assert Trainer(SETTINGS, BACKEND).fit(alone).network.hidden is None
    assert Trainer(replace(SETTINGS, layers=2), BACKEND).fit(alone).network.hidden is not None


def test_fewer_rounds_than_it_takes_are_those_of_one_layer(tmp_path):
    few = [Trainer(replace(SETTINGS, epochs=3, layers=n), BACKEND).fit(TRAIN) for n in (None, 1)]
    assert few[0].predict(TEST.x, 5)[1].tobytes() == few[1].predict(TEST.x, 5)[1].tobytes()
    with pytest.raises(ConfigError, match=r"layers=2 takes 7 rounds, and epochs=6 allows fewer: c"):
        Trainer(replace(SETTINGS, epochs=6, layers=2), BACKEND).fit(TRAIN)


def test_the_best_round_is_looked_for_among_those_with_all_examples():
    keeping = Keeping("best", "precision_at_3", patience=2)
    trainer = Trainer(replace(SETTINGS, layers=2), BACKEND, keeping=keeping)
    model = trainer.fit(TRAIN, TEST)
    assert trainer.kept["step"] == ROUNDS
    assert model.network.hidden is not None


@pytest.fixture(scope="module")
def run():
    """A run that has begun its second pass, of examples of which one has a label of its own."""
    y = TRAIN.y.to_scipy().tolil()
    y.resize(TRAIN.n_samples, N_LABELS + 1)
    y[5, N_LABELS] = 1
    y = CSR.from_scipy(y.tocsr().astype(np.float32))
    run = SvmRun.begin(replace(SETTINGS, layers=2), BACKEND, Dataset(TRAIN.x, y))
    while run.stacking.below is None:
        run.step(run.data, 0.0)
    return run


def test_units_do_not_know_the_answers_to_their_example(run):
    own = N_LABELS
    (row,) = np.flatnonzero(run.data.y.to_scipy()[:, own].toarray()[:, 0])
    assert row in run.split.usable
    units, first = run.stacking.units, run.stacking.below.solved.network
    logits = first.of_features(TRAIN.x.take(np.array([5])), BACKEND).to_scipy()
    learned = (logits @ first.param.weight.to_scipy().T).toarray()[0, own]
    assert learned > 0  # who was trained on the example knows
    told = units.scores[row][units.scored[row] == own]
    assert (told < -0.5).all()
    assert own not in units.voted[row]
    assert (units.scored >= 0).all()
    assert (units.votes[:, 0] > 0).all()


def test_what_a_round_leaves_out_stays_as_it_is_and_teaches_nothing(run):
    layer, split = run.stacking.below, run.split
    left_out = split.usable[::3]
    part = split.without(left_out)
    lists = replace(layer.lists, duals=layer.lists.duals + np.float32(0.1))
    is_out = np.isin(lists.cells % lists.shape[1], left_out)
    other = replace(lists, duals=np.where(is_out, 7, lists.duals).astype(np.float32))
    balance = layer.solved.balance
    networks = []
    for each in (lists, other):
        network, solved = layer.problem.solved(each, balance, part.usable, part.left_out, 0)
        assert np.array_equal(solved.duals[is_out], each.duals[is_out])
        assert not np.array_equal(solved.duals[~is_out], each.duals[~is_out])
        networks.append(network.param.weight.values.tobytes())
    assert networks[0] == networks[1]


def test_no_example_is_near_itself_nor_another_part_of_it(run):
    rows, shown = np.array([3, 10]), np.array([1, 3, 8, 10])
    excluded = themselves(run.data, rows, shown, run.split, BACKEND)
    assert excluded.to_scipy().toarray().tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    x = csr_of([{0: 1.0, 1: 1.0}, {0: 1.0, 1: 1.0}, {2: 1.0}], 3)
    parts = Dataset(x, csr_of([{0: 1.0}, {1: 1.0}, {2: 1.0}], 3))
    split = replace(run.split, has_parts=True)
    excluded = themselves(parts, np.arange(3), np.arange(3), split, BACKEND)
    assert excluded.to_scipy().toarray().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_of_very_many_examples_some_are_kept(monkeypatch):
    assert sample_of(TRAIN.x).tolist() == list(range(TRAIN.n_samples))
    monkeypatch.setattr(stacking, "MOST_ENTRIES", -(-TRAIN.x.nnz // 3))
    rows = sample_of(TRAIN.x)
    assert len(rows) == TRAIN.n_samples // 3
    assert rows.tolist() == sorted(set(rows.tolist()))
    model = Trainer(replace(SETTINGS, layers=2), BACKEND).fit(TRAIN)
    assert len(model.network.hidden.examples.base) == len(rows)
    assert model.evaluate(TEST)["precision_at_3"] > 0.65


def test_units_are_columns_beside_the_inputs():
    x = csr_of([{0: 0.6, 2: 0.8}, {}], 3)
    units = Units(
        np.array([[1, 0], [-1, -1]], np.int32), np.array([[0, -9], [0, 0]], np.float32),
        np.array([[1], [0]], np.int32), np.array([[0.5], [1]], np.float32),
    )  # fmt: skip
    whole = units.beside(x, 2)
    whole.check()
    half = ACTIVATION / 2
    expected = [[0.6, 0, 0.8, 0, half, 0, half], [0, 0, 0, 0, 0, ACTIVATION, 0]]
    np.testing.assert_allclose(whole.to_scipy().toarray(), expected, atol=1e-6)


def test_answers_do_not_depend_on_how_many_are_asked_at_once(stacked, monkeypatch):
    whole = stacked.network.inputs_of(TEST.x, BACKEND)
    monkeypatch.setattr(hidden_units, "AT_A_TIME", 7)
    parts = stacked.network.inputs_of(TEST.x, BACKEND)
    assert whole.values.tobytes() == parts.values.tobytes()
    none = stacked.predict(TEST.x.take(np.arange(0)), 3)
    assert none[0].shape == (0, 3)


@pytest.mark.parametrize("name", ["reference", "processes"])
def test_other_backends_answer_the_same(stacked, name, tmp_path):
    stacked.save(tmp_path / "m")
    some = TEST.x.take(np.arange(30))
    ids, logits = slide.Model.load(tmp_path / "m", name).predict(some, 5)
    expected = stacked.predict(some, 5)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_allclose(logits, expected[1], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("hidden_scores_ids", lambda array: array + np.int32(N_LABELS)),
        ("hidden_examples_offsets", lambda array: array[:-1]),
        ("hidden_votes_ids", lambda array: -array - np.int32(1)),
        ("hidden_votes_values", lambda array: array.astype(np.float64)),
        ("hidden_votes_base", lambda array: array[:-1]),
        ("hidden_scores_base", lambda array: array.astype(np.float64)),
        ("hidden_examples_base", None),
    ],
)
def test_damaged_units_are_refused(stacked, name, changed, tmp_path):
    stacked.save(tmp_path / "m")
    path = tmp_path / "m" / "weights.safetensors"
    tensors = load_file(path)
    array = tensors.pop(name)
    if changed is not None:
        tensors[name] = np.ascontiguousarray(changed(array))
    save_file(tensors, path)
    with pytest.raises(ModelError, match=r"weights\.safetensors (is damaged|does not fit)"):
        slide.Model.load(tmp_path / "m")


def test_units_are_named_in_explanations(stacked):
    x = TEST.x.take(np.array([0]))
    ids, logits = stacked.predict(x, 2)
    told = stacked.explain(x, int(ids[0, 1]), n=30)
    assert told.score == pytest.approx(float(logits[0, 1]), abs=1e-4)
    units = [piece.unit for piece in told.evidence if piece.unit is not None]
    assert {unit.by for unit in units} == {"score", "share"}
    assert {unit.label for unit in units} <= set(range(N_LABELS))
    assert ids[0, 0] in [unit.label for unit in units]
    assert all(not piece.features for piece in told.evidence if piece.unit is not None)
    assert told.to_dict(first_label=1)["evidence"][0].keys() >= {"unit", "features"}


def other(tree, path, value):
    """A copy of the tree with something else in one place."""
    first, *rest = path.split("/", 1)
    return tree | {first: other(tree[first], rest[0], value) if rest else value}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("stacking/folds", np.zeros(3, np.int8)),
        ("stacking/units/scored", np.full((TRAIN.n_samples, 10), N_LABELS + 1, np.int32)),
        ("stacking/units/votes", np.full((TRAIN.n_samples, 20), np.nan, np.float32)),
        ("stacking/units", {}),
        ("stacking/below", None),
        ("stacking/below/network/hidden", {"hidden_scores_ids": np.zeros(1, np.int32)}),
        ("layer/network/hidden", {}),
        ("layer/network/hidden/hidden_votes_base", np.zeros(4, np.float32)),
        ("layer/network/hidden/more", np.zeros(4, np.float32)),
        ("stacking", None),
    ],
)
def test_a_state_that_no_run_has_left_is_refused(run, path, value):
    demand_state(run.state(), run.data)
    with pytest.raises((ValueError, KeyError)):
        demand_state(other(run.state(), path, value), run.data)
