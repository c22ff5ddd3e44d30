"""How evenly neurons are spread over buckets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slide.core.diagnostics import gini, occupancy
from slide.reference.kernels import ReferenceBackend


def test_occupancy_by_hand() -> None:
    # Table 0 has buckets of 3, 1, 0, 0 and table 1 of 1, 1, 1, 1: six filled of eight, four
    # neurons a table. Gini of the first: (-3 * 0 - 1 * 0 + 1 * 1 + 3 * 3) / (4 * 4) = 10 / 16.
    codes = np.array([[0, 0], [0, 1], [0, 2], [1, 3]], np.uint32)
    figures = occupancy(ReferenceBackend().build(codes, 4, 0, "reservoir"))
    assert figures == {
        "bucket_mean": 8 / 6, "bucket_largest": 3.0, "bucket_empty": 2 / 8,
        "bucket_gini": pytest.approx(10 / 32),
    }  # fmt: skip


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_is_half_the_relative_mean_difference(sizes) -> None:
    s = np.array(sizes)
    total = abs(s[:, None] - s).sum()
    expected = total / (2 * len(s) * s.sum()) if s.sum() else 0.0
    assert gini(s) == pytest.approx(expected)
