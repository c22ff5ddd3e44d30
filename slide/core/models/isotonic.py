"""Isotonic regression: the numbers that nowhere fall and are nearest to some, in the mean square.

SciPy has the same, in a package that takes as long to import as many a calibration.

Source: pool adjacent violators, Ayer et al. (Annals of Mathematical Statistics, 1955); the order in
which they are pooled is Busing's (Journal of Statistical Software, 2022).
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import Array


def isotonic_blocks(values: Array, weights: Array) -> tuple[Array, Array]:
    """The means of runs of numbers, which rise from run to run.

    Args:
        values: f64 (n,), n at least 1.
        weights: f64 (n,), above 0.

    Returns:
        the weighted mean of each run, f64 (m,), and where it begins, i64 (m,).
    """
    x, w, n = values.tolist(), weights.tolist(), len(values)
    means, masses, begins = [x[0]], [w[0]], [0]
    i = 1
    while i < n:
        mean, mass, begin = x[i], w[i], i
        if means[-1] >= mean:
            total = masses[-1] * means[-1] + mass * mean
            mass += masses.pop()
            means.pop()
            begin = begins.pop()
            mean = total / mass
            while i + 1 < n and mean >= x[i + 1]:
                i += 1
                total += w[i] * x[i]
                mass += w[i]
                mean = total / mass
            while means and means[-1] >= mean:
                total += masses[-1] * means.pop()
                mass += masses.pop()
                begin = begins.pop()
                mean = total / mass
        means.append(mean)
        masses.append(mass)
        begins.append(begin)
        i += 1
    return np.array(means), np.array(begins)
