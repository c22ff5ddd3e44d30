"""exp and log1p in float32 as polynomials, so that the compiler turns loops over them into SIMD.

exp is within 2 ulp and log1p within 3 (`tests/backends/test_numba.py`).
"""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import elementwise
from slide.core.contract.arrays import Array

LOG2E = np.float32(1.4426950408889634)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
LOWEST, HIGHEST = np.float32(-87.33654), np.float32(88.7)
"""Beyond them 0, for exp is below the smallest normal number, and the largest finite powers."""
HALF, ONE, TWO = np.float32(0.5), np.float32(1), np.float32(2)

E2, E3, E4 = np.float32(0.5), np.float32(1.6666665459e-1), np.float32(4.1665795894e-2)
E5, E6, E7 = np.float32(8.3334519073e-3), np.float32(1.3981999507e-3), np.float32(1.9875691500e-4)

A3, A5, A7 = np.float32(1 / 3), np.float32(1 / 5), np.float32(1 / 7)
A9, A11, A13, A15 = np.float32(1 / 9), np.float32(1 / 11), np.float32(1 / 13), np.float32(1 / 15)


@elementwise
def exp_in_place(x: Array, scratch: Array) -> None:
    """x[i] = exp(x[i]).

    exp(x) = 2**n exp(r) with n the integer next to x / ln 2; 2**n is written as the bits of a
    float. Coefficients: Cephes (S. L. Moshier), expf.

    Args:
        x: f32 (m,), contiguous.
        scratch: f32 (m,) or longer.
    """
    bits = x.view(np.int32)
    for i in range(len(x)):
        v = min(max(x[i], LOWEST), HIGHEST)
        n = np.floor(v * LOG2E + HALF)
        r = (v - n * LN2_HIGH) - n * LN2_LOW
        p = ((((E7 * r + E6) * r + E5) * r + E4) * r + E3) * r + E2
        power = np.int32(n) + np.int32(127)
        scratch[i] = p * r * r + r + ONE if x[i] >= LOWEST else np.float32(0)
        bits[i] = power << np.int32(23)
    for i in range(len(x)):
        x[i] *= scratch[i]


@elementwise
def log1p_of(e: Array, out: Array) -> None:
    """out[i] = log(1 + e[i]) for e in [0, 1]: 2 artanh(e / (2 + e)) by its series."""
    for i in range(len(e)):
        s = e[i] / (TWO + e[i])
        q = s * s
        series = ((((((A15 * q + A13) * q + A11) * q + A9) * q + A7) * q + A5) * q + A3) * q + ONE
        out[i] = TWO * s * series
