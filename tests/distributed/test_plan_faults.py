"""Stragglers and failures: the simulation beside what is known in closed form."""

import math

import numpy as np
import pytest

from slide.distributed.planning.faults import (
    Faults,
    best_interval,
    expected,
    mean_slowest,
    mean_with_failures,
)
from slide.distributed.planning.timing import Step

STEP = Step(0.6, 0.1, 0.1, 0.2, 0.1, 0.1)  # a second


def test_without_faults_nothing_is_lost():
    found = expected(STEP, 50, 8, Faults(), 1e9)
    assert (found.seconds, found.lost, found.slowest) == (pytest.approx(50), 0, 1)
    assert found.checkpoint_seconds == math.inf


def test_the_slowest_of_two_by_its_formula():
    # E max(e^sX, e^sY) = 2 e^(s^2 / 2) Phi(s / sqrt 2), X and Y standard normal
    sigma = 0.5
    phi = (1 + math.erf(sigma / 2)) / 2
    found = mean_slowest(2, sigma, np.random.default_rng(1))
    assert found == pytest.approx(2 * math.exp(sigma**2 / 2) * phi, rel=0.03)
    assert mean_slowest(1, sigma, np.random.default_rng(1)) == pytest.approx(1.133, rel=0.03)
    assert mean_slowest(5000, sigma, np.random.default_rng(1)) > 5


def test_stragglers_slow_the_computing_alone():
    found = expected(STEP, 10, 4, Faults(0.3), 0)
    assert found.seconds == pytest.approx(10 * (1 + 0.6 * (found.slowest - 1)))
    assert found.lost == pytest.approx(1 - 10 / found.seconds)


@pytest.mark.parametrize(("work", "every"), [(1000.0, 1000.0), (1000.0, 100.0), (950.0, 100.0)])
def test_failures_by_their_formula(work, every):
    # a part of length t takes (m + r) (e^(t / m) - 1) on average: Daly (2006), equation 13
    between, save, restart = 400.0, 5.0, 300.0
    rng = np.random.default_rng(2)
    found = mean_with_failures(work, every, save, between, restart, rng)
    whole = math.ceil(work / every) - 1
    parts = [every + save] * whole + [work - whole * every]
    formula = sum((between + restart) * math.expm1(part / between) for part in parts)
    assert found == pytest.approx(formula, rel=0.1)


def test_many_failures_by_their_mean():
    rng = np.random.default_rng(3)
    found = mean_with_failures(1e7, 100.0, 1.0, 100.0, 10.0, rng)
    assert found == pytest.approx(1e5 * 110 * math.expm1(1.01), rel=0.02)


def test_a_run_that_never_gets_on():
    assert mean_with_failures(1e6, 1e6, 0.0, 10.0, 1.0, np.random.default_rng(0)) == math.inf


def test_the_best_interval_is_that_of_young_and_daly():
    assert best_interval(1.0, 1e8) == pytest.approx(math.sqrt(2e8), rel=1e-3)
    assert best_interval(8.0, 3.0) == 3.0
    assert best_interval(1.0, math.inf) == math.inf
    between, save = 400.0, 5.0
    best = best_interval(save, between)

    def loss(every):
        return math.expm1((every + save) / between) / every

    tried = np.linspace(5, 400, 5000)
    assert best == pytest.approx(tried[np.argmin([loss(every) for every in tried])], rel=0.01)


def test_the_same_seed_gives_the_same_numbers():
    faults = Faults(0.2, 50.0)
    one, two = (expected(STEP, 5000, 16, faults, 1e9) for _ in range(2))
    assert one == two
    assert one.lost > 0
    assert expected(STEP, 5000, 16, Faults(0.2, 50.0, seed=1), 1e9) != one
