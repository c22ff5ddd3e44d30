"""Training with a layer of the nearest examples: what is held out, learned on it, and restored."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of
from near_examples import BACKEND, N_ITEMS, SETTINGS, TEST, TRAIN

from slide.core.contract.state import state_of_csr
from slide.core.direct import judging, stacking
from slide.core.direct.judging import stacked
from slide.core.direct.neighbours import SUMMANDS, recency
from slide.core.direct.restoring import demand_state
from slide.core.direct.run import DirectRun
from slide.core.direct.stacking import Asked, drawn, evenly, fitted, sample_of
from slide.core.direct.things import things_of

SCORED = {
    "labels": np.zeros((1, 2), np.int32), "scores": np.zeros((1, 2), np.float32),
    "y": state_of_csr(csr_of([{}], N_ITEMS)),
}  # fmt: skip


def test_what_is_held_out_is_not_trained_on_until_the_end():
    run = DirectRun.begin(replace(SETTINGS, layers=2), BACKEND, TRAIN)
    assert len(run.held) == int(0.05 * TRAIN.n_samples)
    assert sorted([*run.order, *run.held]) == list(range(TRAIN.n_samples))
    only = np.setdiff1d(TRAIN.y.indices[run.held], TRAIN.y.indices[run.order])
    assert not np.isin(only, run.connections.without_bias(BACKEND).where([]).indices).any()
    assert not run.finish()
    assert sorted(run.order) == list(range(TRAIN.n_samples))
    assert run.held_out.y.n_rows > 0


def test_what_is_held_out_is_trained_on_at_the_end():
    run = DirectRun.begin(replace(SETTINGS, layers=2), BACKEND, TRAIN)
    held = run.held
    run.finish()
    assert run.n_steps == -(-len(held) // SETTINGS.steps.batch_size)
    assert run.touched[TRAIN.y.indices[held]].all()


@pytest.fixture
def begun():
    run = DirectRun.begin(replace(SETTINGS, layers=2), BACKEND, TRAIN)
    run.step(run.data.take(run.order[:64]), 1.0)
    return run


def test_weights_do_not_depend_on_how_many_are_asked_at_once(begun, monkeypatch):
    again = DirectRun.resume(begun.settings, BACKEND, TRAIN, deepcopy(begun.state()))
    begun.finish()
    monkeypatch.setattr(judging, "AT_A_TIME", 7)
    again.finish()
    np.testing.assert_allclose(again.found.neighbours, begun.found.neighbours, rtol=1e-5)
    assert again.found.connections == pytest.approx(begun.found.connections, rel=1e-5)


def test_a_gain_that_may_be_chance_is_none(begun, monkeypatch):
    held = Asked.of(TRAIN, begun.order, begun.held, things_of)
    apart = replace(held, things=(np.arange(len(begun.held)), held.things[1]))
    chance = np.resize([1.0, -1.0], len(begun.held))
    for gain, stays in ((0.5, True), (0.02, False), (-0.5, False)):
        ndcg = iter([gain + chance, 0])  # with neighbours, and without
        monkeypatch.setattr(judging, "ndcg_of_each", lambda *_, ndcg=ndcg: next(ndcg))
        assert (stacked(begun.connections, apart, False, BACKEND)[0] is not None) == stays


def test_the_latest_are_held_out_where_times_are_known():
    times = np.random.default_rng(5).permutation(4000).astype(np.float64)
    used, held = drawn(np.arange(4000), times, np.random.default_rng(0))
    assert times[held].min() == times[used].max() + 1
    assert len(held) == 200
    np.testing.assert_allclose(recency(np.array([0.0, 5, 10])), [0.5, 0.5**0.5, 1])
    assert recency(np.array([3.0, 3.0])).tolist() == [1, 1]


def test_weights_put_labels_first():
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(200), 5)
    values = rng.random((1000, SUMMANDS + 1)).astype(np.float32)
    true = np.array([1, -2, 0, 3, 0, 0, 0.5])
    scores = (values @ true * 8).reshape(200, 5)
    is_label = np.zeros((200, 5), bool)
    is_label[np.arange(200), scores.argmax(axis=1)] = True
    weights = fitted(rows, values, is_label.ravel())
    ranked = (values @ weights).reshape(200, 5).argmax(axis=1)
    assert (ranked == scores.argmax(axis=1)).mean() > 0.95
    assert fitted(rows, -values, is_label.ravel())[-1] == pytest.approx(stacking.LEAST)
    nothing = fitted(rows, values, np.zeros(1000, bool))
    assert np.isfinite(nothing).all()


def test_of_very_many_examples_some_are_kept(monkeypatch):
    order = TRAIN.canonical_order()
    assert np.array_equal(sample_of(TRAIN, order), order)
    monkeypatch.setattr(stacking, "MOST_ENTRIES", -(-TRAIN.x.nnz // 3))
    rows = sample_of(TRAIN, order)
    assert len(set(rows.tolist())) == len(rows) == TRAIN.n_samples // 3
    assert evenly(order, 5).tolist() == order[np.arange(5) * len(order) // 5].tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("held", np.array([TRAIN.n_samples])),
        ("held", np.zeros(2, np.int32)),
        ("found", {"neighbours": np.zeros(3, np.float32), "connections": 1.0}),
        ("found", {"neighbours": np.zeros(SUMMANDS, np.float32), "connections": -1.0}),
        ("found", {"neighbours": np.zeros(SUMMANDS, np.float32)}),
        ("found", {"neighbours": np.zeros(SUMMANDS, np.float32), "connections": 1.0, "more": 1}),
        ("held_out", {"labels": np.zeros((1, 2), np.int32)}),
        ("held_out", SCORED | {"labels": np.zeros((1, 2), np.int64)}),
        ("held_out", SCORED | {"labels": np.full((1, 2), N_ITEMS, np.int32)}),
        ("held_out", SCORED | {"labels": np.full((1, 2), -2, np.int32)}),
        ("held_out", SCORED | {"scores": np.zeros((1, 3), np.float32)}),
        ("held_out", SCORED | {"scores": np.zeros((1, 2))}),
        ("held_out", SCORED | {"y": state_of_csr(csr_of([{}, {}], N_ITEMS))}),
        ("held_out", SCORED | {"y": state_of_csr(csr_of([{}], N_ITEMS + 1))}),
    ],
)
def test_a_state_that_no_run_has_left_is_refused(name, value):
    run = DirectRun.begin(replace(SETTINGS, layers=2), BACKEND, TRAIN)
    demand_state(run.state() | {"held_out": SCORED}, TRAIN)
    with pytest.raises((ValueError, KeyError)):
        demand_state(run.state() | {name: value}, TRAIN)


def test_examples_are_kept_for_neighbours_alone():
    for layers, n in ((1, 0), (2, TRAIN.n_samples)):
        settings = replace(SETTINGS, layers=layers)
        run = DirectRun.begin(settings, BACKEND, TRAIN)
        again = DirectRun.resume(settings, BACKEND, TRAIN, run.state())
        kept = [each.train.n_samples if each.train else 0 for each in (run, again)]
        assert kept == [n, n]


def test_a_run_that_goes_on_has_the_same_examples_to_learn_from(begun):
    again = DirectRun.resume(begun.settings, BACKEND, TRAIN, deepcopy(begun.state()))
    for name in ("order", "held"):
        assert getattr(again, name).tolist() == getattr(begun, name).tolist()
    begun.finish()
    again.finish()
    one, other = (each.network.inputs_of(TEST.x, BACKEND) for each in (begun, again))
    assert one.values.tobytes() == other.values.tobytes()


def test_a_finished_run_is_restored_with_its_layer(begun):
    run = begun
    run.finish()
    again = DirectRun.resume(run.settings, BACKEND, TRAIN, run.state())
    one, other = (each.network.inputs_of(TEST.x, BACKEND) for each in (run, again))
    assert one.values.tobytes() == other.values.tobytes()
    assert np.array_equal(run.held_out.labels, again.held_out.labels)
