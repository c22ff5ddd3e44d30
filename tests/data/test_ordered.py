"""Computing ahead by threads: what comes is what `map` gives, errors included."""

import threading

import pytest

from slide.data.ordered import in_order

N_THREADS = 3


def test_results_come_in_order_whoever_is_done_first():
    later_is_done = threading.Event()

    def compute(i):
        if i == 1:
            assert later_is_done.wait(60)
        if i == 2:
            later_is_done.set()
        return 10 * i

    assert list(in_order(compute, range(9), N_THREADS)) == list(range(0, 90, 10))


@pytest.mark.parametrize("n_threads", [1, N_THREADS])
@pytest.mark.parametrize("wrong", [{0}, {1}, {4, 2}, {8}, {7, 8}])
def test_the_first_error_is_raised_behind_what_comes_before_it(wrong, n_threads):
    def items():
        yield from range(8)
        if 8 in wrong:
            raise ValueError(8)

    def compute(i):
        if i in wrong:
            raise ValueError(i)
        return i

    got, results = [], in_order(compute, items(), n_threads)
    with pytest.raises(ValueError, match=f"^{min(wrong)}$"):
        got.extend(results)
    assert got == list(range(min(wrong)))


def test_few_items_are_held():
    asked = []

    def items():
        for i in range(50):
            asked.append(i)
            yield i

    for taken, _ in enumerate(in_order(abs, items(), N_THREADS), 1):
        assert len(asked) <= taken + N_THREADS + 1


def test_whoever_stops_early_waits_for_nothing():
    results = in_order(abs, iter(int, 1), N_THREADS)  # without end
    assert [next(results) for _ in range(5)] == [0] * 5
    results.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("slide-reader")]
