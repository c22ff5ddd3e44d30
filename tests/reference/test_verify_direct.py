"""`verify` judges whole steps of the default learner: those that go wrong are rejected."""

from unittest.mock import patch

import numpy as np
import pytest
from mutants import AT_DEFAULT, REFERENCE
from mutants.direct_training import KeepsOneProduct
from mutants.rounding import HalfItsBounds

import slide
from slide.core.contract.arrays import CSR
from slide.core.direct import connecting, inputs
from slide.core.direct import run as direct_training
from slide.core.direct.active import active_set
from slide.core.direct.listed import ListedLabels
from slide.core.direct.network import Direct
from slide.core.direct.run import DirectRun, entries_that_matter
from slide.core.settings.schedule import Schedule
from slide.reference.checks import GRID, check

ROWS = ("train_step direct", "train 20 steps direct")
CELLS = [(row, name) for row in ROWS for name in GRID[row]]
N_EXAMPLES = 25
FEW = 3  # `make check` has more of both backends


@pytest.mark.parametrize(("row", "name"), CELLS)
@pytest.mark.parametrize("backend", [REFERENCE, slide.load_backend("numba")], ids=lambda b: b.name)
def test_who_trains_well_passes(backend, row: str, name: str) -> None:
    one = check(backend, row, name, FEW)
    assert (one.outcome, one.message) == ("pass", "")
    assert one.examples == FEW


@pytest.mark.parametrize("n", [5, pytest.param(N_EXAMPLES, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["step", "forced", "free"])
def test_who_rounds_as_badly_as_it_may_is_not_rejected(name: str, n: int) -> None:
    row = ROWS[name != "step"]
    assert check(HalfItsBounds(), row, name, n).outcome == "inherited"


MINE = [(backend, row, name) for backend, row, name in AT_DEFAULT if row in ROWS]


@pytest.mark.parametrize(("backend", "row", "name"), MINE)
def test_a_mutant_is_rejected_at_the_default_number_of_examples(backend, row, name) -> None:
    assert check(backend(), row, name, N_EXAMPLES, shrink=False).outcome == "fail"


def of_labels(run, x, y):
    """Nobody is found beside the labels."""
    return active_set(np.zeros((x.n_rows, 0), np.int32), y)


def by_the_mean(dz):
    return entries_that_matter(dz.with_values(dz.values / np.float32(max(dz.n_rows, 1))))


def begun(wrong):
    """A network that begins with other weights or biases."""
    right = Direct.of.__func__
    return classmethod(lambda cls, weight, bias, *rest: right(cls, *wrong(weight, bias), *rest))


union, stack = CSR.union, CSR.stack


def with_a_weight(a, b):
    return union(a, b.with_values(b.values + np.float32(0.01)))


def of_the_wrong_sign(cls, parts, n_cols):
    return stack([part.with_values(1 - part.values) for part in parts], n_cols)


@pytest.mark.parametrize(
    ("place", "name", "wrong"),
    [
        pytest.param(connecting, "SCALE", 7.9, id="another length at the start"),
        pytest.param(inputs, "PAIR_WEIGHT", 1.0, id="pairs weigh less"),
        pytest.param(inputs, "LEAST_RARE", 0.1, id="frequent features weigh more"),
        pytest.param(inputs, "LONGEST", 3, id="few examples have pairs"),
        pytest.param(CSR, "union", lambda a, b: a, id="nothing grown"),
        pytest.param(CSR, "union", with_a_weight, id="grown with a weight"),
        pytest.param(CSR, "stack", classmethod(of_the_wrong_sign), id="grown with the wrong sign"),
        pytest.param(
            Direct, "of", begun(lambda weight, bias: (weight, 0 * bias)), id="biases start at 0"
        ),
        pytest.param(direct_training, "NEGLIGIBLE", 2e-3, id="less is negligible"),
        pytest.param(direct_training, "NEGLIGIBLE", 5e-4, id="more is negligible"),
        pytest.param(
            direct_training, "entries_that_matter", by_the_mean, id="mean of the gradients"
        ),
        pytest.param(ListedLabels, "move", lambda *_: None, id="old biases"),
        pytest.param(DirectRun, "choose", of_labels, id="no negatives"),
        pytest.param(
            direct_training, "Schedule", lambda gap, growth: Schedule(gap + 1, growth), id="late"
        ),
        pytest.param(
            direct_training, "Schedule", lambda gap, growth: Schedule(gap), id="rebuilt too often"
        ),
    ],
)
def test_training_judges_the_step_itself(place, name: str, wrong) -> None:
    with patch.object(place, name, wrong):
        one = check(REFERENCE, "train 20 steps direct", "forced", 8 * N_EXAMPLES, shrink=False)
    assert one.outcome == "fail"
    assert "raised" not in one.message


def test_a_failure_is_told_as_python_that_runs() -> None:
    one = check(KeepsOneProduct(), ROWS[0], "step", N_EXAMPLES, shrink=False)
    scope: dict[str, object] = {"backend": REFERENCE}
    exec("from slide.reference.pasting import *", scope)
    exec(one.snippet, scope)
    assert "DirectStepper(backend" in one.snippet
