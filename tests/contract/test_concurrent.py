"""Functions called at once by the threads of a backend."""

from functools import partial
from threading import Barrier
from typing import Any

import pytest

import slide
from slide.core.contract.concurrent import concurrently
from slide.core.contract.timed import TimedBackend

WAIT = 60  # seconds after which something is wrong


@pytest.mark.parametrize("is_timed", [False, True])
def test_as_many_as_there_are_threads_are_called_at_once(is_timed: bool) -> None:
    backend = slide.load_backend("numba")
    backend.set_threads(2)
    both = Barrier(2)
    calls = [partial(both.wait, WAIT)] * 2
    asked: Any = TimedBackend(backend) if is_timed else backend
    assert sorted(concurrently(asked, calls)) == [0, 1]


@pytest.mark.parametrize("name", ["reference", "numba", "processes-numba"])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_results_are_in_order(name: str, n: int) -> None:
    backend = slide.load_backend(name)
    backend.set_threads(2)
    calls = [partial(pow, number, 2) for number in range(n)]
    assert concurrently(backend, calls) == [number**2 for number in range(n)]


def test_what_a_call_raises_is_raised() -> None:
    backend = slide.load_backend("numba")
    backend.set_threads(2)
    with pytest.raises(ZeroDivisionError):
        concurrently(backend, [partial(pow, 2, 3), partial(pow, 0, -1)])
