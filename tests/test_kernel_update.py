"""Optimizers: the reference against arithmetic by hand and the mathematics."""

from math import sqrt

import numpy as np
import pytest
from kernel_arguments import BACKEND, f32

from slide.core.arrays import Param, RowGrad
from slide.core.optim import Adam


def test_update_rows_by_hand() -> None:
    # beta1 = 1/2, beta2 = 3/4, step 1: step size = lr sqrt(1/4) / (1/2) = lr = 1/2.
    # g = 4: mean = (4 - 0) / 2 = 2, square = (16 - 0) / 4 = 4, and with epsilon = 2 the weight
    # moves by 1/2 * 2 / (2 + 2) = 1/4, against g. g = 0: nothing moves. Row 1 is not touched.
    param = Param.of(f32([1, 1], [1, 1], [1, 1]))
    grad = RowGrad(np.array([0, 2], np.int32), f32([4, 0], [-4, 4]))
    BACKEND.update_rows(param, grad, Adam(0.5, 0.75, 2.0), lr=0.5, step=1)
    assert param.mean.tolist() == [[2, 0], [0, 0], [-2, 2]]
    assert param.square.tolist() == [[4, 0], [0, 0], [4, 4]]
    assert param.weight.tolist() == [[0.75, 1], [1, 1], [1.25, 0.75]]


def test_a_second_step_by_hand() -> None:
    # From mean 2, square 4 with g = 0: mean 1, square 3. Step size at 2: sqrt(1 - 9/16) = sqrt(7)/4
    # over 1 - 1/4 = 3/4, times lr 3: sqrt(7). Move: sqrt(7) * 1 / (sqrt(3) + 0).
    param = Param(f32([0]), f32([2]), f32([4]))
    grad = RowGrad(np.array([0], np.int32), f32([0]))
    BACKEND.update_rows(param, grad, Adam(0.5, 0.75, 0.0), lr=3.0, step=2)
    assert (param.mean[0, 0], param.square[0, 0]) == (1, 3)
    assert param.weight[0, 0] == pytest.approx(-sqrt(7 / 3), rel=1e-6)


def test_the_first_adam_step_has_the_length_of_the_learning_rate() -> None:
    # mean / sqrt(square) = (1 - beta1) g / sqrt((1 - beta2) g**2), and the step size undoes both.
    param = Param.of(f32([0, 0]))
    BACKEND.update_rows(param, RowGrad(np.array([0], np.int32), f32([5, -5])), Adam(), 0.1, 1)
    assert param.weight[0].tolist() == pytest.approx([-0.1, 0.1], rel=1e-6)
