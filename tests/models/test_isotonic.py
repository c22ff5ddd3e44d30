"""Isotonic regression, against that of SciPy."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from slide.core.models.isotonic import isotonic_blocks


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100, 2000])
def test_the_bits_are_those_of_scipy(n):
    rng = np.random.default_rng(n)
    for values in rng.random(n), rng.integers(3, size=n) / 2, np.arange(n) / n, -np.arange(n) / n:
        for weights in np.ones(n), 0.1 + rng.random(n):
            wanted = isotonic_regression(values, weights=weights)
            means, begins = isotonic_blocks(values, weights)
            np.testing.assert_array_equal(begins, wanted.blocks[:-1])
            np.testing.assert_array_equal(means, wanted.x[begins])
