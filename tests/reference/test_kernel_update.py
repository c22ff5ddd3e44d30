"""Optimizers: the reference against arithmetic by hand and the mathematics."""

from math import sqrt

import numpy as np
import pytest
from kernel_arguments import BACKEND, f32

from slide.core.contract.arrays import Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam


def test_adam_by_hand() -> None:
    # beta1 = 1/2, beta2 = 3/4, step 1: step size = lr sqrt(1/4) / (1/2) = lr = 1/2.
    # g = 4: mean = (4 - 0) / 2 = 2, square = (16 - 0) / 4 = 4, and with epsilon = 2 the weight
    # moves by 1/2 * 2 / (2 + 2) = 1/4, against g. g = 0: nothing moves. Row 1 is not touched.
    param = Adam().begin(f32([1, 1], [1, 1], [1, 1]))
    grad = RowGrad(np.array([0, 2], np.int32), f32([4, 0], [-4, 4]))
    BACKEND.update_rows(param, grad, Adam(0.5, 0.75, 2.0), lr=0.5, step=1)
    assert param.mean.tolist() == [[2, 0], [0, 0], [-2, 2]]
    assert param.square.tolist() == [[4, 0], [0, 0], [4, 4]]
    assert param.weight.tolist() == [[0.75, 1], [1, 1], [1.25, 0.75]]


def test_a_second_step_of_adam_by_hand() -> None:
    # From mean 2, square 4 with g = 0: mean 1, square 3. Step size at 2: sqrt(1 - 9/16) = sqrt(7)/4
    # over 1 - 1/4 = 3/4, times lr 3: sqrt(7). Move: sqrt(7) * 1 / (sqrt(3) + 0).
    param = Param(f32([0]), f32([2]), f32([4]))
    grad = RowGrad(np.array([0], np.int32), f32([0]))
    BACKEND.update_rows(param, grad, Adam(0.5, 0.75, 0.0), lr=3.0, step=2)
    assert (param.mean[0, 0], param.square[0, 0]) == (1, 3)
    assert param.weight[0, 0] == pytest.approx(-sqrt(7 / 3), rel=1e-6)


def test_the_first_adam_step_has_the_length_of_the_learning_rate() -> None:
    # mean / sqrt(square) = (1 - beta1) g / sqrt((1 - beta2) g**2), and the step size undoes both.
    param = Adam().begin(f32([0, 0]))
    BACKEND.update_rows(param, RowGrad(np.array([0], np.int32), f32([5, -5])), Adam(), 0.1, 1)
    assert param.weight[0].tolist() == pytest.approx([-0.1, 0.1], rel=1e-6)


def test_adagrad_by_hand() -> None:
    # Row 0: the mean of 1 and 49 is 25, and with epsilon = 1 both weights move by 6 g / (5 + 1).
    # Row 2: 25 more than the 11 from before make 36: 6 g / (6 + 1). Row 1 is not touched.
    param = Param(f32([0, 0], [0, 0], [0, 0]), np.zeros((3, 0), np.float32), f32([0], [3], [11]))
    grad = RowGrad(np.array([0, 2], np.int32), f32([1, -7], [7, 1]))
    BACKEND.update_rows(param, grad, Adagrad(epsilon=1.0), lr=6.0, step=3)
    assert param.square.tolist() == [[25], [3], [36]]
    assert param.weight.ravel().tolist() == pytest.approx([-1, 7, 0, 0, -6, -6 / 7], rel=1e-6)


def test_sgd_by_hand() -> None:
    param = SGD().begin(f32([1, 1], [1, 1]))
    BACKEND.update_rows(param, RowGrad(np.array([1], np.int32), f32([2, -4])), SGD(), 0.5, step=7)
    assert param.weight.tolist() == [[1, 1], [0, 3]]


@pytest.mark.parametrize("kind", [Adam, Adagrad, SGD])
def test_weight_decay_by_hand(kind) -> None:
    # Row 1 keeps 1 - 1/2 * 1/2 = 3/4 of its 8 and then moves as without decay; a row whose
    # gradient is zero is touched as well; row 2 is not. Decay leaves no trace in the state.
    grad = RowGrad(np.array([0, 1], np.int32), f32([0], [2]))
    plain, decayed = kind().begin(f32([0], [0], [0])), kind().begin(f32([4], [8], [8]))
    BACKEND.update_rows(plain, grad, kind(), 0.5, 1)
    BACKEND.update_rows(decayed, grad, kind(weight_decay=0.5), 0.5, 1)
    assert decayed.weight.tolist() == [[3], [6 + plain.weight[1, 0]], [8]]
    assert decayed.mean.tolist() == plain.mean.tolist()
    assert decayed.square.tolist() == plain.square.tolist()


@pytest.mark.parametrize("kind", [Adam, Adagrad, SGD])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_updates_keep_their_precision(kind, dtype) -> None:
    # A step of 1e-9 from 1 is lost in float32 and is not in float64, and neither becomes the other.
    param = kind().begin(np.ones((1, 2), dtype))
    grad = RowGrad(np.array([0], np.int32), np.ones((1, 2), dtype))
    BACKEND.update_rows(param, grad, kind(), 1e-9, 1)
    assert {part.dtype for part in (param.weight, param.mean, param.square)} == {np.dtype(dtype)}
    assert (param.weight[0, 0] < 1) == (dtype is np.float64)
