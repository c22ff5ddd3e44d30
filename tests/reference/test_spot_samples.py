"""Samples of calls: right where the call is, wrong where a cell of theirs is; when drawn."""

import numpy as np
import pytest
from spot_calls import REFERENCE, at, bits, cases_of, changed, leaves, sampled, with_leaf

from slide.backends.gpu.stand_in import StandInBackend, emulator
from slide.core.contract.arrays import CSR, Block
from slide.core.contract.backend import KERNELS
from slide.reference.running import WRITERS, map_arrays
from slide.reference.spot_checks import SpotChecked
from slide.reference.spot_checks.forms import find_misfit
from slide.reference.spot_checks.picks import with_only_rows
from slide.reference.vectorised import verdict


@pytest.fixture
def scarce(request, monkeypatch):
    """Samples as small as can be, if that is asked for."""
    if request.param:
        for name in ("picks", "by_neuron"):
            monkeypatch.setattr(f"slide.reference.spot_checks.{name}.TERMS", 500)


def said(kernel, arguments, sample, result):
    """What the check says of a result."""
    if kernel not in WRITERS and (sentence := find_misfit(kernel, arguments, result)):
        return sentence
    return verdict(kernel, sample.arguments, sample.cut(result)).sentence


@pytest.mark.parametrize("scarce", [False, True], ids=["", "scarce"], indirect=True)
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_sample_is_right_and_shows_each_wrong_cell_of_its_own(kernel, scarce):
    rng = np.random.default_rng(1)
    n_shown = 0
    for number, case in enumerate(cases_of(kernel)):
        sample, result = sampled(kernel, case.arguments, number)
        assert said(kernel, case.arguments, sample, result) == ""
        same = bits(sample.cut(result))
        for path in leaves(result):
            for place in {0, *rng.integers(at(result, path).size, size=8).tolist()}:
                wrong = with_leaf(result, path, changed(at(result, path), place))
                sentence = said(kernel, case.arguments, sample, wrong)
                if not sentence:
                    excused = verdict(kernel, case.arguments, wrong).sentence == ""  # by rounding
                    assert excused or bits(sample.cut(wrong)) == same, (path, place)
                n_shown += bool(sentence)
    assert n_shown > 2


def test_a_wrong_example_outside_the_sample_is_not_seen_but_a_lost_one_is():
    arguments = Block.of(np.ones((300, 4), np.float32)), np.eye(4, dtype=np.float32)
    sample, result = sampled("spmm", arguments, 0)
    rows = sample.cut(np.arange(300))
    outside = np.setdiff1d(np.arange(300), rows)
    assert len(rows) == 32
    assert said("spmm", arguments, sample, changed(result, 4 * outside[0])) == ""
    assert "expected float32 (300, 4)" in said("spmm", arguments, sample, result[:299])


def test_a_call_is_checked_when_it_is_the_largest_so_far_by_far_or_by_chance():
    checked = SpotChecked(REFERENCE, share=0.0)
    for size in (1, 2, 3, 6, 7, 8, 2, 0):
        checked.put(np.zeros(size, np.float32))
    assert checked.spot_checks.checked["put"] == 3  # 1, 3, 7
    checked = SpotChecked(REFERENCE, share=0.1)
    for _ in range(1000):
        checked.get(np.zeros(3, np.float32))
    assert 70 < checked.spot_checks.checked["get"] < 130
    assert checked.spot_checks.calls["get"] == 1000


@pytest.mark.skipif(emulator.compiler() is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("kernel", KERNELS)
def test_checks_work_on_arrays_of_a_device(kernel):
    backend = StandInBackend()
    checked = SpotChecked(backend, share=1.0)
    for case in cases_of(kernel, 2, 70):
        getattr(checked, kernel)(*map_arrays(case.arguments, backend.put))
        if kernel == "get":
            checked.get(backend.put(case.arguments[0]))
    assert checked.spot_checks.checked[kernel] >= 2


def test_only_leaves_the_other_rows_empty():
    matrix = CSR(np.array([0, 1, 3, 3]), np.array([4, 0, 2], np.int32), np.ones(3, np.float32), 5)
    some = with_only_rows(matrix, np.array([1]))
    assert some.row_lengths().tolist() == [0, 2, 0]
    assert some.indices.tolist() == [0, 2]
