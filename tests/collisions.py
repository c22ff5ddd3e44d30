"""Shares and means of independent draws against what they should be."""

from math import sqrt

import numpy as np
from kernel_arguments import BACKEND

from slide.core.contract.families import draw_family

NO_LIMIT = 1 << 30


def rng(seed=0):
    return np.random.default_rng(seed)


def share_of_equal_digits(name, x, y, n_digits):
    """Among digits that were all drawn on their own, in tables of one."""
    family = draw_family(name, len(x), 1, n_digits, NO_LIMIT, rng())
    codes = BACKEND.hash(np.array([x, y], np.float32), None, family)
    return np.mean(codes[0] == codes[1])


def assert_share(share, p, n_trials):
    """A share of independent trials that succeed with probability p."""
    assert abs(share - p) <= 5 * sqrt(p * (1 - p) / n_trials)


def assert_mean(values, p):
    """A mean of independent numbers whose expectation is p, by their own standard deviation."""
    assert abs(np.mean(values) - p) <= 5 * np.std(values, ddof=1) / sqrt(len(values))
