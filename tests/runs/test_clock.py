"""Batches while time lasts, their learning rates, and what a rehearsal calls."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conftest import planted

from slide.core.contract.backend import KERNELS
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.runs.clock import BLOCKS, Clock, Place, batches, in_windows, n_steps_of
from slide.core.runs.rehearsal import rehearse
from slide.core.runs.trainer import Trainer
from slide.reference.kernels import ReferenceBackend

DIRECT = Config(hidden=(), epochs=2, batch_size=50, loss="bce", lr=0.5, seed=3)
N = 180


@pytest.fixture(scope="module")
def learner():
    return kind_of(DIRECT).begin(DIRECT, ReferenceBackend(), planted(N, 40))


def test_an_epoch_has_every_example_once_in_a_random_order(learner):
    clock = Clock()
    one, other = (list(batches(learner, clock)) for _ in range(2))
    rows = [np.concatenate([rows for rows, *_ in each]) for each in (one, other)]
    assert [sorted(each.tolist()) for each in rows] == [list(range(N))] * 2
    assert rows[0].tolist() != rows[1].tolist()
    assert [len(rows) for rows, *_ in one] == [50, 50, 50, 30]
    assert clock.examples == 2 * N
    for batch, after in pairwise(one):
        np.testing.assert_array_equal(batch.following, after.rows)
    assert not len(one[-1].following)


def test_rates_fall_with_the_steps_of_the_whole_run(learner):
    first = [lr for _, lr, _ in batches(learner, Clock())]
    second = [lr for _, lr, _ in batches(learner, Clock(step=4))]
    assert first + second == pytest.approx([0.5 * (1 - step / 8) for step in range(8)])
    assert n_steps_of(learner) == 8


def test_or_with_the_time_if_that_goes_faster(learner):
    rates = [lr for _, lr, _ in batches(learner, Clock(budget=10, seconds=5))]
    assert rates == pytest.approx([0.25] * 4)  # four steps are half of the run
    rates = [lr for _, lr, _ in batches(learner, Clock(budget=10, seconds=5, step=4))]
    assert rates == pytest.approx([0.5 * (1 - step / 8) for step in range(4, 8)])


def test_no_batch_comes_when_time_is_up_but_the_very_first(learner):
    assert [lr for _, lr, _ in batches(learner, Clock(budget=1, seconds=2))] == [0]
    assert list(batches(learner, Clock(budget=1, seconds=2, step=4))) == []


@pytest.mark.parametrize(("n", "window"), [(1000, 200), (1000, 90), (130, 64), (50, 400), (7, 1)])
def test_a_window_has_a_few_blocks_of_neighbours(n, window):
    order = in_windows(n, window, np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(n))
    for start in range(0, n, window):
        some = order[start : start + window]
        n_blocks = 1 + (np.diff(np.sort(some)) > 1).sum()
        assert n_blocks <= BLOCKS + 1  # one may be cut by the window's end
        assert n_blocks > 10 or not 64 <= window <= n / 2 or len(some) < window
        assert len(some) < 40 or (np.diff(some) == 1).mean() < 0.2


def test_an_epoch_in_windows_is_drawn_once_and_of_the_rows_of_the_file(learner):
    plain = learner.settings.steps
    learner.settings = replace(learner.settings, steps=replace(plain, shuffle_window=90))
    try:
        place, window = Place(), learner.rng.bit_generator.state
        order = place.order(learner)
        again = Place.restored(place.state()).order(learner)
        learner.rng.bit_generator.state = window
        assert order.tolist() == in_windows(N, 90, learner.rng).tolist() == again.tolist()
    finally:
        learner.settings = replace(learner.settings, steps=plain)


class Counting(ReferenceBackend):
    """Remembers which kernels were called, and how long the lists of an index may be."""

    def __init__(self):
        self.called, self.limits = set(), []

    def __getattribute__(self, name):
        found = super().__getattribute__(name)

        def called(*given, **named):
            self.called.add(name)
            return found(*given, **named)

        return called if name in KERNELS else found

    def invert(self, w, base, limit):
        self.limits.append(limit)
        return super().invert(w, base, limit)


@pytest.mark.parametrize(
    "config",
    [
        DIRECT,
        Config(hidden=(8,), K=3, L=2, epochs=1, rebuild_every=2),
        Config(hidden=(8,), K=3, L=2, epochs=1, rebuild_every=5, reinsert_every=2),
        Config(hidden=(8, 6), hidden_active=(0, 3), K=3, L=2, epochs=1, scope="example"),
        Config(hidden=(8,), sampler="full", catch_up=True, optimizer="sgd", epochs=1),
    ],
    ids=lambda config: repr(config)[:60],
)
def test_a_rehearsal_calls_every_kernel_of_a_run(config):
    train, rehearsed, trained = planted(300, 40), Counting(), Counting()
    assert rehearse(config, rehearsed, train) > 0
    Trainer(replace(config, batch_size=20), trained).fit(train).predict(train.x)
    assert trained.called <= rehearsed.called
    if not config.hidden:
        assert min(rehearsed.limits) == 1  # so that lists are cut
