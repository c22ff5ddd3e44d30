"""A backend that takes kernels from another one by name, and what `slide verify` makes of it."""

from typing import ClassVar

import numpy as np
import pytest

from slide.backends.delegating import Delegating
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError
from slide.reference.checks import check, passed
from slide.report.words import remarks

OTHERS = tuple(kernel for kernel in KERNELS if kernel != "top_k")


class Own(Delegating):
    name = "own"
    taken: ClassVar = {"numba": OTHERS}

    def top_k(self, h, w, candidates, k):
        return self.sources["numba"].top_k(h, w, candidates, k)


class Backwards(Own):
    name = "wrong"

    def top_k(self, h, w, candidates, k):
        ids, scores = super().top_k(h, w, candidates, k)
        return ids[:, ::-1].copy(), scores


class TakesAndWrites:
    """Says that it takes a kernel, and has one of its own all the same."""

    taken: ClassVar = {"numba": OTHERS}

    def put(self, array):
        return np.zeros_like(array)

    def get(self, array):
        return array


def test_taken_kernels_are_told_and_the_others_tried():
    cells = [check(Own(), kernel, "exact", 2) for kernel in ("put", "spmm", "top_k")]
    assert [(one.outcome, one.examples, one.source) for one in cells] == [
        ("taken", 0, "numba"),
        ("taken", 0, "numba"),
        ("pass", 2, ""),
    ]
    assert passed(cells)
    told = [(one.head, one.rows) for one in remarks(cells)]
    assert told == [
        ("taken from numba, which slide verify numba checks", "put (exact), spmm (exact)")
    ]


def test_training_runs_with_the_kernels_of_all():
    assert check(Own(), "train_step", "step", 2).outcome == "pass"


def test_a_wrong_kernel_among_taken_ones_fails():
    assert check(Backwards(), "top_k", "exact", 10).outcome == "fail"


def test_a_kernel_that_is_written_is_tried_whatever_is_said_of_it():
    assert check(TakesAndWrites(), "put", "exact", 10).outcome == "fail"


def test_what_is_neither_taken_nor_written_is_missing():
    class Less(Delegating):
        taken: ClassVar = {"numba": OTHERS[:-1]}

    assert check(Less(), OTHERS[-1], "bound", 2).outcome == "missing"


def test_what_is_taken_from_the_reference_is_inherited():
    class FromReference(Delegating):
        taken: ClassVar = {"reference": KERNELS}

    assert check(FromReference(), "spmm", "exact", 2).outcome == "inherited"


def test_threads_are_those_of_the_sources():
    assert Own().set_threads(2) == 2


def test_a_source_is_waited_for(monkeypatch):
    class Source:
        def synchronize(self):
            return "done"

    for kernel in KERNELS:
        setattr(Source, kernel, lambda self: None)
    monkeypatch.setattr("slide.backends.delegating.complete", lambda name: Source())

    class OnDevice(Delegating):
        taken: ClassVar = {"device": KERNELS}

    assert OnDevice().synchronize() == "done"
    assert not hasattr(Delegating(), "synchronize")


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        ({"numba": ("sdmm",)}, "takes 'sdmm': expected one of put, get"),
        ({"numba": ("top_k",)}, "has the kernel 'top_k' twice: write it, or name it once"),
        ({"numba": ("spmm",), "reference": ("spmm",)}, "has the kernel 'spmm' twice"),
        ({"numba": "spmm"}, "takes 'spmm' of 'numba', a string: expected a tuple"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(taken, words):
    body = {"taken": taken, "top_k": lambda self, h, w, candidates, k: None}
    with pytest.raises(BackendError, match=words):
        type("Listed", (Delegating,), body)
