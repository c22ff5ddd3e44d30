"""Linear SVMs: solved to their optimum, chosen on held-out examples, the same on all backends."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of, planted

import slide
from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.learners.recipe import Traits, recipe, settings_for
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.core.svm import choosing, splitting
from slide.core.svm.choosing import drawn_labels, next_lists, raced, walked
from slide.core.svm.kind import SVM
from slide.core.svm.run import SvmRun
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import DRAWN
from slide.core.svm.solving import BIAS, CONSTANT, NEVER, Balance
from slide.core.svm.splitting import Split, n_held_out, other_parts

BACKEND = slide.load_backend("numba")
DATA = planted(600, 60)
SETTINGS = Config(
    learner=SvmSettings(cost=0.5, centroid=1.0, idf_power=0.0, negatives=1000), epochs=4, active=60
)


@pytest.fixture(scope="module")
def model():
    return Trainer(SETTINGS, BACKEND).fit(DATA)


def test_the_recipe_solves_sparse_features_and_takes_steps_where_they_are_asked_for():
    assert kind_of(recipe(DATA)) is SVM
    assert kind_of(recipe(DATA, cost=1.0)) is SVM
    assert kind_of(recipe(DATA, lr=1.0)).name == "direct"
    assert kind_of(recipe(DATA, batch_size=64)).name == "direct"
    assert kind_of(recipe(DATA, by_steps=True)).name == "direct"
    assert kind_of(settings_for(replace(Traits.of(DATA), n_labels=1_000_000))).name == "direct"
    one_label = DATA.take(np.flatnonzero(DATA.y.row_lengths() == 1))
    assert kind_of(recipe(one_label)).name == "direct"
    assert kind_of(recipe(one_label, cost=1.0)) is SVM
    with pytest.raises(
        ConfigError, match=r"cost=1\.0 is a setting of linear SVMs, but lr=0\.5 is a"
    ):
        recipe(DATA, cost=1.0, lr=0.5)


def test_a_budget_that_is_too_short_for_rounds_is_spent_on_steps():
    assert kind_of(recipe(DATA, time_budget=60.0)) is SVM
    assert kind_of(recipe(DATA, time_budget=1e-3)).name == "direct"


def test_rounds_end_while_there_is_time_for_the_last_one():
    run = SvmRun.begin(SETTINGS, BACKEND, DATA)
    run.seconds_left = 1000.0
    run.step(run.data, 0.0)
    assert 0 < 1000 - run.seconds_left == run.seconds
    assert not run.is_done
    run.seconds_left = 2.5 * run.seconds
    assert run.is_done
    held_out = run.split.held_out
    run.seconds_left = 1.5 * run.seconds
    run.finish()
    assert run.split.held_out is held_out  # which are not taken in
    run.seconds_left = 2.5 * run.seconds
    assert run.finish()  # and there is more to be done
    assert not len(run.split.held_out)


def test_rounds_end_at_the_optimum_of_the_whole_problem():
    """Whoever scores above the margin is found, so many rounds end where Newton's method does."""
    settings = replace(SETTINGS, negatives=0, negatives_per_example=0.0, connections=1000)
    run = SvmRun.begin(settings, BACKEND, DATA)
    run.finish()
    assert not run.n_steps  # there is nothing to end
    for _ in range(30):
        run.step(run.data, 0.0)
    rows = run.split.usable
    x = run.data.features.take(rows).to_scipy().toarray().astype(np.float64)
    x = np.hstack([x, np.full((len(x), 1), CONSTANT)])
    start = run.layer.problem.start(1.0).to_scipy().toarray().astype(np.float64)
    got = run.network.without_bias(BACKEND).to_scipy().toarray().astype(np.float64)
    y = run.data.y.take(rows).to_scipy().toarray()
    for label in (3, 17, 40):
        prior = np.append(start[label], BIAS / CONSTANT)
        w = np.append(got[label], run.network.bias[label] / CONSTANT)
        assert objective(w, prior, x, y[:, label]) <= 1.01 * least(prior, x, y[:, label])


def objective(w, prior, x, y):
    loss = np.maximum(1 - np.where(y > 0, 1, -1) * (x @ w), 0)
    return 0.5 * ((w - prior) ** 2).sum() + 0.5 * (loss**2).sum()


def least(prior, x, y):
    """Of the objective, by Newton's method from the prior."""
    w, side = prior.copy(), np.where(y > 0, 1, -1)
    for _ in range(50):
        margin = 1 - side * (x @ w)
        active = margin > 0
        gradient = w - prior - x[active].T @ (side * margin)[active]
        w = w - np.linalg.solve(np.eye(len(w)) + x[active].T @ x[active], gradient)
    return objective(w, prior, x, y)


def test_it_learns_and_is_stored_and_read(model, tmp_path):
    test = planted(300, 60, seed=1)
    scores = model.evaluate(test)
    assert scores["precision_at_1"] > 0.8
    model.save(tmp_path / "m")
    again = Model.load(tmp_path / "m", BACKEND)
    assert kind_of(again.config) is SVM
    np.testing.assert_array_equal(again.predict(test.x, 5)[1], model.predict(test.x, 5)[1])
    assert model.evaluate(test, sampled=True)["recall_at_1"] > 0.9


@pytest.mark.parametrize("name", ["reference", "processes"])
def test_other_backends_find_the_same(name):
    data, test = planted(200, 30), planted(50, 30, seed=1)
    quick = replace(SETTINGS, epochs=2)
    ids = [Trainer(quick, slide.load_backend(each)).fit(data).predict(test.x, 1)[0]
           for each in ("numba", name)]  # fmt: skip
    assert (ids[0] == ids[1]).mean() > 0.95  # sums are rounded otherwise, and ties turn


def test_the_order_of_the_file_and_the_threads_change_no_bit(model):
    shuffled = DATA.take(np.random.default_rng(3).permutation(DATA.n_samples))
    backend = slide.load_backend("numba")
    backend.set_threads(3)
    again = Trainer(SETTINGS, backend).fit(shuffled)
    for one, other in zip(SVM.tensors(model.network, BACKEND).values(),
                          SVM.tensors(again.network, backend).values(), strict=True):  # fmt: skip
        np.testing.assert_array_equal(one, other)


def test_another_seed_holds_others_out():
    runs = [SvmRun.begin(replace(SETTINGS, seed=seed), BACKEND, DATA) for seed in (0, 1)]
    assert runs[0].split.held_out.tolist() != runs[1].split.held_out.tolist()


def test_labels_without_examples_are_never_above_others():
    y = CSR(DATA.y.indptr, DATA.y.indices, DATA.y.values, DATA.n_labels + 40)
    data = Dataset(DATA.x, y)
    model = Trainer(replace(SETTINGS, epochs=1), BACKEND).fit(data)
    ids, scores = model.predict(data.x, data.n_labels)
    unseen = ids >= DATA.n_labels
    assert not unseen[:, : data.n_labels - 41].any()
    assert (scores[unseen] <= NEVER / 2).all()


def test_what_was_held_out_is_learned_in_the_end():
    """Every example has a label of its own, which nobody knows while it is held out."""
    data = planted(200, 20)
    y = data.y.to_scipy().tolil()
    y.resize(200, 220)
    for row in range(200):
        y[row, 20 + row] = 1
    data = Dataset(data.x, CSR.from_scipy(y.tocsr().astype(np.float32)))
    run = SvmRun.begin(SETTINGS, BACKEND, data)
    held_out, own = run.split.held_out, run.layer.problem.y.to_scipy()[:, 20:]
    run.step(run.data, 0.0)
    assert not hits_of(run, held_out, own)
    assert run.finish()
    assert not run.finish()
    assert hits_of(run, held_out, own) >= 0.5 * len(held_out)
    assert run.diagnostics()["held_out_precision_at_1"] == run.layer.solved.scores["precision_at_1"]


def hits_of(run, rows, own):
    """Of how many examples the label that they alone have is among the first three."""
    found, _ = run.layer.problem.best_labels(run.network, rows, 3)
    alone = 20 + own[rows].indices
    return sum(label in names for label, names in zip(alone.tolist(), found.tolist(), strict=True))


def test_a_tiny_set_has_nothing_held_out_and_is_learned():
    data = planted(40, 8)
    model = Trainer(recipe(data), BACKEND).fit(data)
    assert model.evaluate(data)["precision_at_1"] > 0.9


def test_parts_of_one_thing_are_left_out_together():
    """Two examples in three are parts: the same features but one, and other labels."""
    rng = np.random.default_rng(0)
    x, y = [], []
    for user in range(120):
        items = rng.choice(400, 12, replace=False)
        for part in range(3):
            x.append({int(item): 1.0 for item in np.delete(items, part)})
            y.append({int(items[part]): 1.0})
        x.append({int(item): 1.0 for item in rng.choice(400, 6, replace=False)})
        y.append({int(user): 1.0})
    data = Dataset(csr_of(x, 400), csr_of(y, 400))
    split = Split.of(data, np.random.default_rng(1), BACKEND)
    assert split.has_parts
    users = np.arange(480) // 4
    is_part = np.arange(480) % 4 < 3
    for row in split.held_out[is_part[split.held_out]]:
        others = np.flatnonzero((users == users[row]) & is_part)
        assert not np.isin(others, split.usable).any()


def test_copies_with_the_same_labels_stay():
    twice = np.repeat(np.arange(200), 2)
    data = planted(200, 60).take(twice)
    assert (other_parts(data, np.arange(40), BACKEND) == -1).all()
    assert not Split.of(data, np.random.default_rng(0), BACKEND).has_parts


def test_a_race_finds_what_heats_like_and_leaves_alone_what_was_said(monkeypatch):
    tried = []

    def run(heats, balance):
        tried.append(balance)
        return np.full(9, -abs(np.log(balance.cost / 2.7)))

    monkeypatch.setattr(choosing.Heats, "run", run)
    split = Split.of(DATA, np.random.default_rng(0), BACKEND)
    _, found = raced(SvmSettings(), DATA, split, 10, BACKEND, 0)
    assert (round(found.cost, 6), found.centroid) == (2.7, 2.0)
    assert len(tried) == len(set(tried)) == 4  # 0.3, 0.9, 2.7 and 8.1
    _, found = raced(SvmSettings(cost=0.1), DATA, split, 10, BACKEND, 0)
    assert (found.cost, found.centroid) == (0.1, 2.0)
    tried.clear()
    power, found = raced(SvmSettings(cost=7.0, centroid=0.5, idf_power=0.25), DATA, split, 10,
                         BACKEND, 0)  # fmt: skip
    assert (power, found.cost, found.centroid) == (0.25, 7.0, 0.5)
    assert not tried  # there is nothing to choose


@pytest.mark.parametrize(("best", "n_tried"), [(0.9, 2), (0.3, 2), (0.1, 3), (1e-9, 6)])
def test_a_walk_goes_up_or_down_from_where_it_is(best, n_tried):
    tried = []

    class Landscape:
        split = Split(np.arange(9), np.arange(9))

        def run(self, balance):
            tried.append(balance.cost)
            return np.full(9, -abs(np.log(balance.cost / best)))

    found = walked(Landscape(), Balance(0.3, 0.0), np.full(9, -abs(np.log(0.3 / best))))
    assert found.cost == pytest.approx(max(best, 0.3 * 3.0**-5))
    assert len(tried) == n_tried


@pytest.mark.parametrize(("has_parts", "noise", "cost"),
                         [(False, 1.0, 0.3), (True, 1.0, 0.1), (True, 0.5, 0.3)])  # fmt: skip
def test_of_costs_that_are_not_told_apart_the_least_is_taken_for_parts(has_parts, noise, cost):
    """The others lose 0.2 on average, with a standard error of noise / 3."""
    loss = 0.2 + noise * np.array([-1, 1, 0, -1, 1, 0, -1, 1, 0]) * 1.5**0.5

    class Landscape:
        split = Split(np.arange(9), np.arange(9), has_parts)

        def run(self, balance):
            return -loss

    assert walked(Landscape(), Balance(0.3, 0.0), np.zeros(9)).cost == pytest.approx(cost)


@pytest.mark.parametrize(("errors", "cost"), [(1.9, 0.3), (2.1, 0.9)])
def test_no_step_is_taken_for_a_gain_that_may_be_chance(errors, cost):
    """At 0.9 the gain is so many standard errors, at 2.7 there is none over that."""
    noise = np.array([-1, 1, 0, -1, 1, 0, -1, 1, 0]) * 1.5**0.5 * 3  # of standard error 1

    class Landscape:
        split = Split(np.arange(9), np.arange(9))

        def run(self, balance):
            return noise + (errors if balance.cost > 0.5 else -9)

    assert walked(Landscape(), Balance(0.3, 2.0), np.zeros(9)).cost == pytest.approx(cost)


@pytest.mark.parametrize(("n", "held"), [(100, 20), (4880, 976), (15_000, 2000), (30_000, 3000),
                                         (10**6, 4000)])  # fmt: skip
def test_of_few_examples_a_larger_share_is_held_out(n, held):
    assert n_held_out(n) == held


@pytest.mark.parametrize(("n_parts", "has_parts"), [(45, False), (55, True)])
def test_examples_have_parts_if_most_of_those_held_out_have_one(monkeypatch, n_parts, has_parts):
    """Each of some has five others, so that the others are many in either case."""
    monkeypatch.setattr(splitting, "n_held_out", lambda n: 100)
    parts = np.full((100, 5), -1)
    parts[:n_parts] = np.arange(5 * n_parts).reshape(-1, 5)
    monkeypatch.setattr(splitting, "other_parts", lambda *_: parts)
    data = planted(2000, 60)
    split = Split.of(data, np.random.default_rng(0), BACKEND)
    assert len(split.held_out) == 100
    assert split.has_parts is has_parts


def test_each_round_draws_others_in_place_of_those_that_are_easy():
    run = SvmRun.begin(replace(SETTINGS, negatives=5, negatives_per_example=0.0), BACKEND, DATA)
    rows, none = run.split.usable, np.zeros(0, np.int64)
    first = next_lists(run.layer.problem, run.layer.lists, run.network, rows, none, 5, run.rng)
    second = next_lists(run.layer.problem, first, run.network, rows, none, 5, run.rng)
    drawn = [set(each.cells[each.reasons == DRAWN].tolist()) for each in (first, second)]
    assert len(drawn[0] & drawn[1]) < 0.5 * len(drawn[0])
    kept = replace(first, duals=np.ones(len(first.cells), np.float32))
    again = next_lists(run.layer.problem, kept, run.network, rows, none, 5, run.rng)
    assert drawn[0] <= set(again.cells[again.reasons == DRAWN].tolist())
    assert again.drawn_counts().mean() > 3
    assert again.drawn_counts().max() == 5


def test_heats_take_some_of_the_labels_with_all_their_examples(monkeypatch):
    counts = DATA.y.column_counts()
    assert drawn_labels(DATA, np.random.default_rng(0)).tolist() == np.flatnonzero(counts).tolist()
    monkeypatch.setattr(choosing, "TERMS_IN_HEATS", 1000)
    some = drawn_labels(DATA, np.random.default_rng(0))
    assert 0 < len(some) < 30
    monkeypatch.setattr(choosing, "SHARE_IN_HEATS", 0.5)
    half = drawn_labels(DATA, np.random.default_rng(0))
    assert 0.3 * (counts > 0).sum() < len(half) < 0.7 * (counts > 0).sum()


def test_what_is_told_after_a_round():
    records = []

    class Watching:
        def on_step(self, step, n_steps):
            pass

        def on_evaluation(self, record):
            records.append(record)

    Trainer(SETTINGS, BACKEND, watcher=Watching()).fit(DATA)
    last = records[-1]
    assert last["cost"] == 0.5
    assert 0.5 < last["held_out_precision_at_1"] <= 1
    assert last["loss"] == last["full_loss"] > 0
    assert last["examples"] == last["epoch"] * DATA.n_samples
    assert last["from_labels"] + last["from_tables"] + last["from_uniform"] == pytest.approx(1)


def test_no_round_follows_one_that_gains_too_little():
    run = SvmRun.begin(SETTINGS, BACKEND, DATA)
    for goodness, done in ((0.1, False), (0.5, False), (0.6, False), (0.605, True)):
        run.goodness.append(goodness)
        assert run.is_done is done


def test_rounds_cannot_be_taken_at_once():
    with pytest.raises(ConfigError, match="solved in rounds, which cannot be taken at once"):
        SvmRun.begin(SETTINGS, BACKEND, DATA).refuse_unordered()


def test_weights_follow_the_duals_that_are_kept():
    """Of the support vectors, which are solved last, and of all others."""
    run = SvmRun.begin(SETTINGS, BACKEND, DATA)
    run.step(run.data, 0.0)
    balance, lists, n = run.layer.solved.balance, run.layer.lists, len(run.split.usable)
    assert 0 < (lists.duals > 0).sum() < len(lists.duals)
    costs, limits = lists.costs(balance.cost, n), np.full(DATA.n_labels, 1000)
    problem, start = run.layer.problem, run.layer.problem.start(balance.centroid)
    rows = problem.passed(problem.x, costs, lists.duals, start, limits, 0, 0)
    network = problem.network(rows.weight, rows.bias).without_bias(BACKEND).to_scipy()
    got = run.network.without_bias(BACKEND).to_scipy()
    np.testing.assert_allclose(got.toarray(), network.toarray(), atol=1e-4)
