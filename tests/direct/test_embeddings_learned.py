"""Embeddings of items in training: when they are begun, what they bring, and how a run goes on."""

from copy import deepcopy
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest
from conftest import csr_of
from near_examples import BACKEND, SETTINGS
from threadpoolctl import threadpool_limits

import slide
from slide.core.direct import embedding_batches, ending
from slide.core.direct.embedding_rows import unit_rows
from slide.core.direct.embedding_steps import DIM, EPOCHS, NEGATIVES, EmbeddingRun
from slide.core.direct.embedding_vectors import following
from slide.core.direct.embeddings import SCALE, Embeddings, Pooled
from slide.core.direct.judging import stacked
from slide.core.direct.neighbours import SUMMANDS, above_least
from slide.core.direct.restoring import demand_state
from slide.core.direct.run import DirectRun
from slide.core.direct.things import things_of
from slide.core.examples.dataset import Dataset

N_ITEMS = 400
WANTED = replace(SETTINGS, layers=2, embedding_dim=8)


def walks(n, seed=0, n_items=N_ITEMS):
    """Prefixes of walks along a circle of items, up to eight at a step: few pairs are met twice."""
    rng = np.random.default_rng(seed)
    x, y = [], []
    for _ in range(n):
        walk = (rng.integers(n_items) + np.cumsum(rng.integers(1, 9, 6))) % n_items
        for end in range(1, len(walk)):
            x.append({int(item): 0.8 ** (end - 1 - i) for i, item in enumerate(walk[:end])})
            y.append({int(walk[end]): 1.0})
    return Dataset(csr_of(x, n_items), csr_of(y, n_items))


TRAIN, TEST = walks(800), walks(200, seed=1)


@pytest.fixture(scope="module")
def model():
    return slide.Trainer(WANTED, BACKEND).fit(TRAIN)


def test_a_model_with_them_is_stored_frozen_and_answers_alike(model, tmp_path):
    assert model.network.hidden.embeddings.items.shape == (N_ITEMS, 8)
    assert len(model.network.hidden.weights) == SUMMANDS + 1
    model.save(tmp_path / "m")
    read = slide.Model.load(tmp_path / "m", BACKEND)
    labels, scores = model.predict(TEST.x, k=5)
    for again in (read, slide.load_backend("reference")):
        if again is not read:
            again = slide.Model.load(tmp_path / "m", again)
        assert np.mean(again.predict(TEST.x, k=5)[0] == labels) > 0.99
    np.testing.assert_array_equal(read.predict(TEST.x, k=5)[1], scores)
    model.freeze(tmp_path / "f")
    answered = slide.Predictor.load(tmp_path / "f").predict(TEST.x, k=5)
    np.testing.assert_allclose(answered[1], scores, atol=1e-4)


def test_they_say_what_neighbours_and_connections_do_not(model):
    without = slide.Trainer(replace(WANTED, embedding_dim=0), BACKEND).fit(TRAIN)
    rate, before = (each.evaluate(TEST, at=[10])["hit_rate_at_10"] for each in (model, without))
    assert without.network.hidden.embeddings is None
    assert rate > before + 0.05


def begun(settings=WANTED, data=TRAIN):
    run = DirectRun.begin(settings, BACKEND, data)
    run.seconds_left = np.inf
    return run


def test_a_run_goes_on_between_passes_with_the_same_bits():
    run = begun()
    assert run.finish()
    assert run.finish()
    demand_state(run.state(), TRAIN)
    again = DirectRun.resume(WANTED, BACKEND, TRAIN, deepcopy(run.state()))
    again.seconds_left = np.inf
    for each in (run, again):
        n_passes = 2
        while each.finish():
            n_passes += 1
        assert n_passes == EPOCHS
        assert each.diagnostics()["layers"] == 2
    tensors = (each.network.hidden.embeddings.tensors("") for each in (run, again))
    for one, other in zip(*(each.values() for each in tensors), strict=True):
        assert one.tobytes() == other.tobytes()
    done = DirectRun.resume(WANTED, BACKEND, TRAIN, deepcopy(run.state()))
    items = done.network.hidden.embeddings.items
    assert items.tobytes() == run.network.hidden.embeddings.items.tobytes()


@pytest.mark.parametrize("broken", ["counts", "vectors", "squares", "n_steps"])
def test_a_state_that_does_not_fit_is_refused(broken):
    run = begun()
    run.finish()
    state = deepcopy(run.state())
    embedding = state["embedding"]
    if broken == "squares":
        embedding["squares"]["key"][0, 0] = -1
    else:
        embedding[broken] = -1 if broken == "n_steps" else embedding[broken][:-1]
    with pytest.raises((ValueError, KeyError)):
        demand_state(state, TRAIN)


def test_nobody_has_them_by_default_but_sessions_that_gain(monkeypatch):
    rng = np.random.default_rng(0)
    loose = Dataset(
        csr_of([{int(i): 1.0 for i in rng.integers(0, 60, 4)} for _ in range(2500)], 60),
        csr_of([{int(rng.integers(60)): 1.0} for _ in range(2500)], 60),
    )
    undecided = replace(WANTED, embedding_dim=None)
    run = begun(undecided, loose)
    assert not run.finish()
    run = begun(undecided)
    assert run.finish()
    assert run.embedding.n_epochs == 1
    assert run.diagnostics()["embedding_dim"] == DIM
    monkeypatch.setattr(ending, "stacked", lambda *_: (None, None))
    assert not run.finish()  # what a pass has brought is no gain
    assert run.embedding is None
    late = begun(undecided)
    late.seconds_left = 0
    assert not late.finish()


def test_parts_of_what_is_held_out_are_not_trained_on_before_it_is_judged(monkeypatch):
    run = begun()
    seen = []
    begin = EmbeddingRun.begin
    monkeypatch.setattr(
        EmbeddingRun, "begin", lambda data, *rest: seen.append(data) or begin(data, *rest)
    )
    asked = run.asked()
    of_asked, of_shown = asked.things
    run.finish()
    assert seen[0].n_samples == (~np.isin(of_shown, of_asked)).sum() < asked.shown.n_samples
    taught = []
    monkeypatch.setattr(EmbeddingRun, "teach", lambda self, data, _: taught.append(data.n_samples))
    while run.finish():
        pass
    assert seen[0].n_samples + sum(taught) == TRAIN.n_samples


def threaded(name, n):
    """A backend of so many threads."""
    backend = slide.load_backend(name)
    backend.set_threads(n)
    return backend


def test_parts_of_what_is_held_out_are_looked_for_once(monkeypatch):
    looked = []
    monkeypatch.setattr(
        "slide.core.direct.run.things_of", lambda data: looked.append(data) or things_of(data)
    )
    run = begun()
    while run.finish():
        pass
    assert run.found is not None
    assert len(looked) == 1


def test_bits_do_not_depend_on_threads_or_backends(monkeypatch):
    monkeypatch.setattr(embedding_batches, "PART", 20)
    monkeypatch.setattr(embedding_batches, "SPAN", 100)
    ways = [("numba", 1, 1), ("numba", 2, 1), ("numba", 2, 2), ("reference", 1, 2)]
    bits = []
    for name, threads, of_blas in ways:
        backend = threaded(name, threads)
        with threadpool_limits(limits=of_blas, user_api="blas"):
            run = EmbeddingRun.begin(TRAIN, 8, 3)
            run.learn(run.examples.take(np.arange(300)).parts(50), lambda: 0.01, backend)
        tensors = run.embeddings.tensors("").values()
        bits.append([array.tobytes() for array in tensors])
    assert all(other == bits[0] for other in bits[1:])


def test_parts_of_a_batch_and_of_its_vectors_are_worked_on_at_once(monkeypatch):
    at_once = Barrier(2)
    of_part, of_span = EmbeddingRun.write_slopes, EmbeddingRun.move_span
    for name, method in (("write_slopes", of_part), ("move_span", of_span)):
        monkeypatch.setattr(
            EmbeddingRun,
            name,
            lambda self, *rest, method=method: (at_once.wait(60), method(self, *rest))[1],
        )
    monkeypatch.setattr(embedding_batches, "PART", 16)
    run = EmbeddingRun.begin(TRAIN, 8, 3)
    batch = run.examples.take(np.arange(32))
    n_touched = len(embedding_batches.Batch.of(batch, run.drawn()).touched)
    monkeypatch.setattr(embedding_batches, "SPAN", -(-n_touched // 2))
    run.learn([batch], lambda: 0.01, threaded("numba", 2))
    assert run.n_steps == 1


def test_a_step_in_parts_is_that_of_the_whole(monkeypatch):
    steps = []
    for part in (1, 7, 60):
        monkeypatch.setattr(embedding_batches, "PART", part)
        monkeypatch.setattr(embedding_batches, "SPAN", 5 * part)
        run = EmbeddingRun.begin(TRAIN, 8, 3)
        batch = run.examples.take(np.arange(50))
        needed = np.concatenate([batch.trails.items, batch.labels, deepcopy(run).drawn()])
        run.learn([batch], lambda: 0.01, BACKEND)
        assert np.flatnonzero(run.counts == 1).tolist() == np.unique(needed).tolist()
        steps.append([run.means["vectors"], run.means["key"]])
    for other in steps[:-1]:
        for got, expected in zip(other, steps[-1], strict=True):
            np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


def test_examples_that_weigh_nothing_teach_nothing():
    run, other = (EmbeddingRun.begin(TRAIN, 8, 3) for _ in range(2))
    extra = walks(40, seed=2)
    both = Dataset(
        csr_of([dict(zip(*each.x.row(i), strict=True)) for each in (TRAIN, extra)
                for i in range(each.n_samples)], N_ITEMS),
        csr_of([dict(zip(*each.y.row(i), strict=True)) for each in (TRAIN, extra)
                for i in range(each.n_samples)], N_ITEMS),
        weights=np.repeat(np.float32([1, 0]), [TRAIN.n_samples, extra.n_samples]),
    )  # fmt: skip
    before = run.vectors.copy()
    weighed = embedding_batches.Followed.of(both)
    run.learn([weighed.take(np.arange(TRAIN.n_samples, both.n_samples))], lambda: 0.01, BACKEND)
    np.testing.assert_allclose(run.vectors, before, atol=1e-5)
    other.learn([weighed.take(np.arange(100))], lambda: 0.01, BACKEND)
    assert np.abs(other.vectors - before).max() > 1e-3


def test_items_that_follow_each_other_begin_alike():
    vectors = following(TRAIN, 8, np.random.default_rng(0))
    cosines = vectors @ vectors.T
    near = np.mean([cosines[i, (i + 1) % N_ITEMS] for i in range(N_ITEMS)])
    far = np.mean([cosines[i, (i + N_ITEMS // 2) % N_ITEMS] for i in range(N_ITEMS)])
    assert near > far + 0.2
    lonely = following(walks(50, n_items=100), 8, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(lonely, axis=1), 1, rtol=1e-5)


def test_a_step_goes_down_the_loss_of_a_sampled_softmax(monkeypatch):
    run = EmbeddingRun.begin(TRAIN, 4, 3)
    run.vectors = (run.vectors * 2).astype(np.float64)  # lengths count for nothing
    batch = run.examples.take(np.arange(6))
    state = deepcopy(run.rng.bit_generator.state)
    drawn = np.searchsorted(run.odds, run.rng.random(NEGATIVES), "right")

    def loss(vectors):
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        pooled = Pooled.of(batch.trails, units[batch.trails.items], run.attention)
        wanted = SCALE * (pooled.directions * units[batch.labels]).sum(axis=1)
        others = np.exp(SCALE * pooled.directions @ units[drawn].T) * run.stands[drawn]
        others[drawn == batch.labels[:, None]] = 0
        total = np.exp(wanted) + others.sum(axis=1)
        return float((np.log(total) - wanted).mean())

    moved = []
    monkeypatch.setattr(EmbeddingRun, "move_vectors", lambda self, *given: moved.append(given))
    run.rng.bit_generator.state = state
    run.learn([batch], lambda: 0.0, BACKEND)
    touched, gradient, _ = moved[0]
    step = 1e-5
    for place in (0, len(touched) // 2, np.flatnonzero(touched == batch.labels[0])[0]):
        for number in range(4):
            up, down = run.vectors.copy(), run.vectors.copy()
            up[touched[place], number] += step
            down[touched[place], number] -= step
            slope = (loss(up) - loss(down)) / (2 * step)
            assert gradient[place, number] == pytest.approx(slope, abs=1e-3)


def test_the_first_step_of_an_item_is_as_long_as_the_rate():
    run = EmbeddingRun.begin(TRAIN, 4, 3)
    gradient = np.array([[3, -1, 0.5, 2], [1, 1, -1, 7]], np.float32)
    before = run.vectors.copy()
    run.move_vectors(np.array([3, 5]), gradient, 0.25)
    np.testing.assert_allclose(
        run.vectors[[3, 5]] - before[[3, 5]], -0.25 * np.sign(gradient), rtol=1e-4
    )
    np.testing.assert_array_equal(run.vectors[4], before[4])


def test_embeddings_that_bring_nothing_go():
    run = begun()
    run.finish()
    items = np.random.default_rng(0).normal(size=(N_ITEMS, 8)).astype(np.float32)
    chance = Embeddings(unit_rows(items)[0], run.embedding.attention)
    for are_wanted in (False, True):
        found, _ = stacked(run.connections, run.asked(), True, BACKEND, chance, are_wanted)
        assert len(found.neighbours) == SUMMANDS + are_wanted


def test_a_logit_counts_above_the_least_that_is_named():
    named = csr_of([{0: 1.0, 3: 1.0}, {}, {2: 1.0, 4: 1.0, 5: 1.0}], 6)
    values = np.array([2, -1, 5, 7, 4], np.float32)
    assert above_least(values, named).tolist() == [3, 0, 1, 3, 0]
    assert above_least(values[:0], csr_of([{}], 6)).tolist() == []


def test_a_time_budget_ends_passes(monkeypatch):
    run = EmbeddingRun.begin(TRAIN, 8, 3)
    run.epoch(BACKEND, 0)
    assert run.n_steps == 0
    run.epoch(BACKEND)
    assert run.n_steps == -(-TRAIN.n_samples // run.examples.batch_size)
    left, epoch = [], EmbeddingRun.epoch
    monkeypatch.setattr(
        EmbeddingRun, "epoch", lambda self, *rest: left.append(rest[1]) or epoch(self, *rest)
    )
    slide.Trainer(WANTED, BACKEND, time_budget=400).fit(TRAIN)
    assert len(left) == EPOCHS
    assert 400 > left[0] > left[1] > left[-1] > 0
