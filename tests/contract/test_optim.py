"""Learning rates and optimizer states; lazy steps that catch up with dense ones."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_arguments import BACKEND, f32

from slide.core.contract.arrays import Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam, learning_rate
from slide.core.sampled.catchup import CatchUp
from slide.core.sampled.settings import Optimization
from slide.core.sampled.updating import optimizer_of
from slide.reference.running import map_arrays

OPTIMIZERS = [Adam, Adagrad, SGD]


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [("constant", [2, 2, 2, 2]), ("linear", [2, 1.5, 1, 0]), ("cosine", [2, 1 + 0.5**0.5, 1, 0])],
)
@pytest.mark.parametrize("warmup", [0, 0.5])
def test_schedules_by_hand(schedule, rates, warmup) -> None:
    # At the start, a quarter, half and the end of what is left after the warm-up.
    for share, rate in zip((0, 0.25, 0.5, 1), rates, strict=True):
        progress = warmup + share * (1 - warmup)
        assert learning_rate(schedule, 2.0, progress, warmup) == pytest.approx(rate, abs=1e-15)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_warm_up_rises_from_zero(schedule) -> None:
    rates = [learning_rate(schedule, 3.0, progress, 0.25) for progress in (0, 0.125, 0.25)]
    assert rates == [0, 1.5, 3]


@given(
    st.sampled_from(["constant", "linear", "cosine"]),
    st.floats(0, 2),
    st.floats(0, 0.99),
)
def test_learning_rates_stay_between_zero_and_the_highest(schedule, progress, warmup) -> None:
    rate = learning_rate(schedule, 0.125, progress, warmup)
    assert 0 <= rate <= 0.125
    if progress >= 1:
        assert rate == (0.125 if schedule == "constant" else 0)


@pytest.mark.parametrize(("kind", "columns"), [(Adam, (3, 3)), (Adagrad, (0, 1)), (SGD, (0, 0))])
def test_an_optimizer_begins_with_the_state_it_needs(kind, columns) -> None:
    weight = f32([1, 2, 3], [4, 5, 6])
    param = kind().begin(weight)
    param.check()
    assert param.weight is weight
    assert (param.mean.shape[1], param.square.shape[1]) == columns
    assert not param.mean.any()
    assert not param.square.any()


@pytest.mark.parametrize(("name", "kind"), [("adam", Adam), ("adagrad", Adagrad), ("sgd", SGD)])
def test_the_settings_name_the_optimizer_and_its_decay(name, kind) -> None:
    assert optimizer_of(Optimization(name, 0.1)) == kind(weight_decay=0.1)


def test_a_lazy_optimizer_is_not_a_dense_one() -> None:
    dense, lazy, _ = trained(Adam(), seed=0, dtype=np.float32, catch_up=False)
    assert not equal(lazy, dense)
    assert equal(*trained(SGD(), seed=0, dtype=np.float32, catch_up=False)[:2])  # no state, no debt
    dense, lazy, _ = trained(SGD(0.1), seed=0, dtype=np.float32, catch_up=False)
    assert not equal(lazy, dense)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", OPTIMIZERS)
@given(seed=st.integers(0, 1 << 20), weight_decay=st.sampled_from([0, 0.1]))
def test_caught_up_rows_are_dense_bit_for_bit(kind, dtype, seed, weight_decay) -> None:
    optimizer = kind(weight_decay=weight_decay)
    dense, lazy, seen = trained(optimizer, seed, dtype, catch_up=True)
    assert equal(lazy, dense)
    assert seen  # what every step read of the rows that it touched


def test_many_rows_catch_up_in_pieces(monkeypatch) -> None:
    monkeypatch.setattr("slide.core.sampled.catchup.ROWS_AT_A_TIME", 2)
    dense, lazy, _ = trained(Adam(weight_decay=0.1), seed=1, dtype=np.float32, catch_up=True)
    assert equal(lazy, dense)


def test_rates_are_forgotten_when_no_row_needs_them() -> None:
    param, catch_up = Adam().begin(f32([1], [2])), CatchUp(2)
    for step in (1, 2, 3):
        catch_up.note_update(BACKEND, np.array([0], np.int32), step, 0.1)
        assert len(catch_up.rates) == step
    catch_up.catch_up_rows(BACKEND, param, Adam(), None, 4)
    assert catch_up.rates == {}
    assert catch_up.last.tolist() == [3, 3]


def test_rows_that_were_not_brought_up_are_noticed() -> None:
    catch_up = CatchUp(2)
    catch_up.note_update(BACKEND, np.array([0], np.int32), 1, 0.1)
    with pytest.raises(AssertionError):
        catch_up.note_update(BACKEND, np.array([0, 1], np.int32), 2, 0.1)


def trained(optimizer, seed, dtype, catch_up):
    """Dense and lazy training on the same gradients, rates changing with every step.

    Returns:
        Both parameters after the last step, and whether rows were equal whenever they were read.
    """
    rng = np.random.default_rng(seed)
    n, d, n_steps = 7, 3, int(rng.integers(8, 13))
    weight = rng.standard_normal((n, d)).astype(dtype)
    dense, lazy = optimizer.begin(weight.copy()), optimizer.begin(weight.copy())
    debts, all_rows, seen = CatchUp(n), np.arange(n, dtype=np.int32), True
    for step in range(1, n_steps + 1):
        lr = float(rng.uniform(0.01, 0.1))
        rows = np.flatnonzero(rng.random(n) < 0.3).astype(np.int32)
        read = None if rng.random() < 0.1 else np.union1d(rows, rng.integers(n)).astype(np.int32)
        if catch_up:
            debts.catch_up_rows(BACKEND, lazy, optimizer, read, step)
            wanted = all_rows if read is None else read
            seen = seen and np.array_equal(lazy.weight[wanted], dense.weight[wanted])
        values = np.zeros((n, d), dtype)
        values[rows] = rng.standard_normal((len(rows), d))
        BACKEND.update_rows(lazy, RowGrad(rows, values[rows]), optimizer, lr, step)
        BACKEND.update_rows(dense, RowGrad(all_rows, values), optimizer, lr, step)
        if catch_up:
            debts.note_update(BACKEND, rows, step, lr)
    if catch_up:
        debts.catch_up_rows(BACKEND, lazy, optimizer, None, n_steps + 1)
    return dense, lazy, seen


def equal(one: Param, other: Param) -> bool:
    """Bit for bit, in weights and state."""
    pairs = ((getattr(one, field.name), getattr(other, field.name)) for field in fields(Param))
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def test_rows_may_be_arrays_of_the_backend() -> None:
    class Wrapped:
        def __init__(self, array):
            self.array = array

    class Device:
        put, get = Wrapped, staticmethod(lambda array: array.array)

        def update_rows(self, param, grad, *constants):
            BACKEND.update_rows(param, map_arrays(grad, lambda array: array.array), *constants)

    lazy, dense = Adam().begin(f32([1], [2])), Adam().begin(f32([1], [2]))
    catch_up, device, rows = CatchUp(2), Device(), np.array([0, 1], np.int32)
    for step, touched in (1, rows), (2, rows[:1]), (3, rows):
        catch_up.catch_up_rows(device, lazy, Adam(), Wrapped(touched), step)
        grad = RowGrad(touched, np.ones((len(touched), 1), np.float32))
        BACKEND.update_rows(lazy, grad, Adam(), 0.1, step)
        catch_up.note_update(device, Wrapped(touched), step, 0.1)
        BACKEND.update_rows(dense, RowGrad(rows, f32([1], [len(touched) - 1])), Adam(), 0.1, step)
    assert equal(lazy, dense)


@pytest.mark.parametrize(
    ("mean", "square", "words"),
    [
        ((2, 1), (2, 3), "mean has shape .2, 1., expected 2 rows and 3 or 0 columns"),
        ((1, 0), (2, 1), "mean has shape .1, 0."),
        ((2, 0), (2, 2), "square has shape .2, 2., expected 2 rows and 3 or 1 or 0 columns"),
    ],
)
def test_a_param_of_no_optimizer_is_refused(mean, square, words) -> None:
    zeros = [np.zeros(shape, np.float32) for shape in ((2, 3), mean, square)]
    with pytest.raises(ValueError, match=words):
        Param(*zeros).check()
