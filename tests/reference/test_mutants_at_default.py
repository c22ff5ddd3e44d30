"""Kernels that are wrong at real sizes, after other calls, on other threads or for stored zeros.

`make mutants` tries each of them with ten seeds; here it is one.
"""

import pytest
from mutants import AT_DEFAULT
from threadpoolctl import threadpool_limits

from slide.core.contract.backend import KERNELS
from slide.reference.checks import check

DEFAULT = 25  # examples of a cell
pytestmark = pytest.mark.slow


def test_there_are_some_of_every_kernel() -> None:
    kinds = {(row, backend.__module__) for backend, row, _ in AT_DEFAULT}
    assert {row for row, _ in kinds} >= set(KERNELS)
    assert len({backend.__name__ for backend, _, _ in AT_DEFAULT}) >= 60


@pytest.mark.parametrize(
    ("backend", "row", "killer"),
    [pytest.param(*one, id=f"{one[0].__name__}-{one[2]}") for one in AT_DEFAULT],
)
def test_it_is_rejected_at_the_default(backend, row: str, killer: str) -> None:
    with threadpool_limits(1, "blas"):
        one = check(backend(), row, killer, DEFAULT, shrink=False)
    assert one.outcome == "fail"
    assert one.message.startswith(f"{row}(")
