"""A hidden layer of the nearest examples: what it says, when it stays, where it is stored."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import csr_of, planted
from near_examples import BACKEND, N_ITEMS, SETTINGS, TEST, TRAIN
from safetensors.numpy import load_file, save_file

import slide
from slide.core.direct import neighbours as layer
from slide.core.direct.judging import candidates
from slide.core.direct.neighbours import SUMMANDS, Neighbours
from slide.core.direct.run import DirectRun
from slide.core.direct.things import gone_on_to, things_of
from slide.core.errors import ConfigError, InputError, ModelError
from slide.core.examples.dataset import Dataset
from slide.core.runs.trainer import Trainer


@pytest.fixture(scope="module")
def layered():
    return Trainer(replace(SETTINGS, layers=2), BACKEND).fit(TRAIN)


@pytest.fixture(scope="module")
def flat():
    return Trainer(replace(SETTINGS, layers=1), BACKEND).fit(TRAIN)


@pytest.mark.filterwarnings("ignore::slide.core.models.unseen.UnseenWarning")  # of few items
def test_sessions_are_gone_on_with_as_others_before(layered, flat):
    with_layer, without = (model.evaluate(TEST, at=(5,)) for model in (layered, flat))
    assert isinstance(layered.network.hidden, Neighbours)
    assert flat.network.hidden is None
    assert with_layer["mrr_at_5"] > without["mrr_at_5"] + 0.03


def test_it_stays_where_held_out_examples_say_so(layered):
    chosen = Trainer(SETTINGS, BACKEND).fit(TRAIN)
    assert chosen.predict(TEST.x, 5)[1].tobytes() == layered.predict(TEST.x, 5)[1].tobytes()
    rng = np.random.default_rng(0)
    chance = csr_of([{int(i): 1.0} for i in rng.integers(9, size=2500)], 9)
    alone = Dataset(chance, chance)
    assert Trainer(SETTINGS, BACKEND).fit(alone).network.hidden is None
    assert Trainer(replace(SETTINGS, layers=2), BACKEND).fit(alone).network.hidden is not None


def test_few_examples_have_one_layer(flat):
    few = planted(100, 10)
    models = [Trainer(replace(SETTINGS, layers=n), BACKEND).fit(few) for n in (None, 1, 2)]
    assert len({model.predict(few.x, 5)[1].tobytes() for model in models}) == 1


def test_the_order_of_the_file_does_not_matter(layered):
    rows = np.random.default_rng(3).permutation(TRAIN.n_samples)
    other = Trainer(replace(SETTINGS, layers=2), BACKEND).fit(TRAIN.take(rows))
    assert other.predict(TEST.x, 5)[1].tobytes() == layered.predict(TEST.x, 5)[1].tobytes()


def test_examples_vote_for_their_labels_and_for_what_they_have():
    x = csr_of([{0: 1.0, 1: 0.5}, {1: 1.0}, {2: 1.0}], 4)
    data = Dataset(x, csr_of([{3: 1.0}, {3: 1.0}, {0: 1.0}], 5))
    hidden = Neighbours.of(data, np.zeros(SUMMANDS, np.float32), BACKEND)
    found = hidden.summands(csr_of([{0: 2.0, 3: 1.0}], 4), None, BACKEND)
    labels = found.cells.tolist()
    assert labels == [0, 1, 3]  # example 0 has features 0 and 1, and label 3; feature 3 is asked
    shares = np.expm1(found.values[:, :3]) * layer.FAINT
    np.testing.assert_allclose(shares, [[0, 1, 1], [0, 0.5, 1], [1, 0, 1]], atol=1e-4)
    np.testing.assert_allclose(found.values[:, 3:5], [[1, 1], [0, 0], [1, 0.5]])
    rare = np.log([4 / 2, 4 / 1, 4 / 3])
    np.testing.assert_allclose(found.values[:, 5], rare, rtol=1e-6)
    excluded = csr_of([{0: 1.0}], 3)
    alone = hidden.summands(csr_of([{0: 2.0}], 4), excluded, BACKEND)
    assert alone.cells.tolist() == [0]
    assert not alone.values[0, :3].any()


def test_prefixes_of_a_session_go_on_to_each_other():
    x = csr_of([{0: 1.0}, {0: 0.8, 1: 1.0}, {0: 1.0}, {0: 1.0}, {0: 1.0, 1: 0.8}], 4)
    y = csr_of([{1: 1.0}, {2: 1.0}, {1: 1.0}, {3: 1.0}, {3: 1.0}], 4)
    to = gone_on_to(Dataset(x, y))
    assert to.tolist() in ([1, -1, -1, -1, -1], [-1, -1, 1, -1, -1])  # the latest item is another
    repeated = csr_of([{2: 1.0}, {2: 1.0}, {2: 1.0}], 4), csr_of([{2: 1.0}, {2: 1.0}, {3: 1.0}], 4)
    assert gone_on_to(Dataset(*repeated)).tolist() == [1, 2, -1]
    assert things_of(Dataset(*repeated)).tolist() == [0, 0, 0]


@pytest.fixture(scope="module")
def two():
    """A session of two prefixes, and one that begins alike."""
    x = csr_of([{0: 1.0}, {0: 0.8, 1: 1.0}, {0: 1.0}], 4)
    return Dataset(x, csr_of([{1: 1.0}, {2: 1.0}, {3: 1.0}], 4))


def test_a_long_session_is_one_voice_among_the_whole_ones(two):
    session = two.take(np.arange(2))
    hidden = Neighbours.of(session, np.zeros(SUMMANDS, np.float32), BACKEND)
    found = hidden.summands(csr_of([{0: 1.0}], 4), None, BACKEND)
    assert found.cells.tolist() == [0, 1, 2]
    np.testing.assert_allclose(np.expm1(found.values[:, 2]) * layer.FAINT, 1, rtol=1e-3)


def test_what_is_held_out_is_not_told_by_its_own_session(two):
    run = DirectRun.begin(replace(SETTINGS, layers=1), BACKEND, two)
    hidden = Neighbours.of(two.take(np.array([1, 2])), np.zeros(SUMMANDS, np.float32), BACKEND)
    asked, things = two.take(np.array([0])), things_of(two)
    found = candidates(
        run.network, hidden, asked, run.data.take(np.array([0])).features,
        np.full((1, 1), -1), (things[:1], things[1:]), BACKEND,
    )  # fmt: skip
    assert found.cells.tolist() == [0, 3]  # of the other session, and what it has itself


def test_sessions_are_told_apart_whatever_the_order_of_their_prefixes():
    rng = np.random.default_rng(0)
    x, y, sessions = [], [], []
    for number in range(50):
        items = rng.choice(300, 6)
        for end in range(1, 6):
            x.append({int(item): 0.8 ** (end - 1 - i) for i, item in enumerate(items[:end])})
            y.append({int(items[end]): 1.0})
            sessions.append(number)
    rows = rng.permutation(len(x))
    found = things_of(Dataset(csr_of(x, 300), csr_of(y, 300)).take(rows))
    true = np.array(sessions)[rows]
    pairs = (found[:, None] == found) == (true[:, None] == true)
    assert pairs.mean() > 0.999


def test_examples_of_other_kinds_are_no_parts_of_each_other():
    alone = planted(300, 30)
    assert len(set(things_of(alone).tolist())) > 290
    empty = Dataset(csr_of([{}, {}], 3), csr_of([{}, {0: 1.0}], 3))
    assert things_of(empty).tolist() == [0, 1]


def test_later_examples_count_for_more():
    x, y = csr_of([{0: 1.0}, {0: 1.0}], 1), csr_of([{0: 1.0}, {1: 1.0}], 2)
    for times, best in (([0, 1], 1), ([1, 0], 0)):
        data = Dataset(x, y, times=np.array(times))
        hidden = Neighbours.of(data, np.zeros(SUMMANDS, np.float32), BACKEND)
        found = hidden.summands(csr_of([{0: 1.0}], 1), None, BACKEND)
        assert int(found.values[:, 0].argmax()) == best


def test_examples_that_weigh_more_count_for_more():
    x, y = csr_of([{0: 1.0}, {0: 1.0}], 1), csr_of([{0: 1.0}, {1: 1.0}], 2)
    for weights, best in (([1, 3], 1), ([3, 1], 0)):
        data = Dataset(x, y, weights=np.array(weights, np.float32))
        hidden = Neighbours.of(data, np.zeros(SUMMANDS, np.float32), BACKEND)
        found = hidden.summands(csr_of([{0: 1.0}], 1), None, BACKEND)
        assert int(found.values[:, 0].argmax()) == best


@pytest.mark.parametrize(
    "times", [np.zeros(3), np.array([["a"]]), np.full(TRAIN.n_samples, np.nan)]
)
def test_times_that_are_none_are_refused(times):
    with pytest.raises(InputError, match="times: "):
        Trainer(SETTINGS, BACKEND).fit(replace(TRAIN, times=times))


def test_answers_do_not_depend_on_how_many_are_asked_at_once(layered, monkeypatch):
    whole = layered.network.inputs_of(TEST.x, BACKEND)
    monkeypatch.setattr(layer, "AT_A_TIME", 7)
    parts = layered.network.inputs_of(TEST.x, BACKEND)
    whole.check()
    assert whole.values.tobytes() == parts.values.tobytes()
    assert layered.predict(TEST.x.take(np.arange(0)), 3)[0].shape == (0, 3)


@pytest.mark.parametrize("name", ["reference", "processes"])
def test_other_backends_answer_the_same(layered, name, tmp_path):
    layered.save(tmp_path / "m")
    some = TEST.x.take(np.arange(30))
    ids, logits = slide.Model.load(tmp_path / "m", name).predict(some, 5)
    expected = layered.predict(some, 5)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_allclose(logits, expected[1], atol=1e-5)


def test_numpy_alone_answers_the_same(layered, tmp_path):
    """As docs/model-folder.md describes it."""
    script = runpy.run_path(str(Path(slide.__file__).parents[1] / "examples" / "read_model.py"))
    layered.save(tmp_path / "m")
    tensors = load_file(tmp_path / "m" / "weights.safetensors")
    rows = [dict(zip(*map(np.ndarray.tolist, TEST.x.row(i)), strict=True)) for i in range(20)]
    rows += [
        {},
        {0: -1.0, 15: 2.0},
        {0: -1.0, 1: -0.1},
        {f: 3 * value for f, value in rows[4].items()},
    ]
    scores = layered.predict(csr_of(rows, N_ITEMS), 5)[1]
    for row, expected in zip(rows, scores, strict=True):
        np.testing.assert_allclose(script["best"](tensors, row, 5)[1], expected, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_frozen_models_answer_nearly_the_same(layered, dtype, tmp_path):
    layered.freeze(tmp_path / "f", dtype=dtype)
    frozen = slide.Predictor.load(tmp_path / "f")
    ids = [frozen.predict(TEST.x, 1)[0], layered.predict(TEST.x, 1)[0]]
    assert (ids[0] == ids[1]).mean() > (0.9 if dtype == "int8" else 0.999)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("near_examples_ids", lambda array: array + np.int32(10**6)),
        ("near_labels_offsets", lambda array: array[:-1]),
        ("near_wholes_base", lambda array: array[:-1]),
        ("near_members_ids", lambda array: -array - np.int32(1)),
        ("near_rarity", lambda array: array[:-1]),
        ("near_label_rarity", lambda array: array.astype(np.float64)),
        ("near_weights", lambda array: array * np.float32("nan")),
        ("near_weights", None),
        ("near_features_base", None),
    ],
)
def test_damaged_neighbours_are_refused(layered, name, changed, tmp_path):
    layered.save(tmp_path / "m")
    path = tmp_path / "m" / "weights.safetensors"
    tensors = load_file(path)
    array = tensors.pop(name)
    if changed is not None:
        tensors[name] = np.ascontiguousarray(changed(array))
    save_file(tensors, path)
    with pytest.raises(ModelError, match=r"weights\.safetensors (is damaged|does not fit)"):
        slide.Model.load(tmp_path / "m")


def test_units_are_named_in_explanations(layered):
    x = TEST.x.take(np.array([0]))
    ids, logits = layered.predict(x, 1)
    told = layered.explain(x, int(ids[0, 0]), n=30)
    assert told.score == pytest.approx(float(logits[0, 0]), abs=1e-4)
    units = [piece.unit for piece in told.evidence if piece.unit is not None]
    assert [(unit.by, unit.label) for unit in units] == [("share", int(ids[0, 0]))]


def test_training_does_not_go_on_from_it(layered, flat):
    with pytest.raises(ConfigError, match=r"hidden layer of examples: expected .* layers=1"):
        Trainer(replace(SETTINGS, layers=1), BACKEND).fit(TRAIN, begin_with=layered)
    with pytest.raises(ConfigError, match="connections alone, and not with layers=2"):
        Trainer(replace(SETTINGS, layers=2), BACKEND).fit(TRAIN, begin_with=flat)
