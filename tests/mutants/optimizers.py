"""Wrong updates."""

from dataclasses import replace

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.contract.arrays import RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam


def wrong_only_for(kind):
    """Make a kernel of a wrong version of one optimizer; the others are as they should be."""

    def kernel_of(wrong):
        def kernel(self, param, grad, optimizer, lr, step):
            right = REFERENCE.update_rows
            update = wrong if isinstance(optimizer, kind) else right
            update(param, grad, optimizer, lr, step)

        kernel.__name__ = wrong.__name__
        return kernel

    return kernel_of


@mutant("update_rows", "bound")
@wrong_only_for(Adam)
def adam_forgets_the_bias_correction(param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, optimizer, lr, 1_000_000)


@mutant("update_rows", "pure")
@wrong_only_for(Adam)
def adam_decays_all_moments(param, grad, optimizer, lr, step):
    untouched = np.setdiff1d(np.arange(len(param.mean)), grad.rows)
    param.mean[untouched] *= np.float32(optimizer.beta1)
    REFERENCE.update_rows(param, grad, optimizer, lr, step)


@mutant("update_rows", "bound")
@wrong_only_for(Adam)
def adam_takes_beta_as_float32(param, grad, optimizer, lr, step):
    rounded = replace(optimizer, beta2=float(np.float32(optimizer.beta2)))
    REFERENCE.update_rows(param, grad, rounded, lr, step)


@mutant("update_rows", "bound")
@wrong_only_for(Adam)
def adam_with_epsilon_under_the_root(param, grad, optimizer, lr, step):
    weight = param.weight.copy()
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    scale = np.sqrt(param.square + optimizer.epsilon)
    moved = weight - optimizer.step_size(lr, step) * param.mean / scale
    param.weight[grad.rows] = moved[grad.rows]


@mutant("update_rows", "pure", alone=True)
def update_squares_the_gradient_in_place(self, param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    np.square(grad.values, out=grad.values)


@mutant("update_rows", "bound")
def update_works_on_a_copy(self, param, grad, optimizer, lr, step):
    copy = type(param)(param.weight.copy(), param.mean.copy(), param.square.copy())
    REFERENCE.update_rows(copy, grad, optimizer, lr, step)


@mutant("update_rows", "bound")
@wrong_only_for(Adagrad)
def adagrad_scales_each_element(param, grad, optimizer, lr, step):
    rows, g = grad.rows, grad.values
    old, before = param.square[rows], param.weight[rows]
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    kept = np.float32(1 - lr * optimizer.weight_decay)
    scale = np.sqrt(old + g * g) + optimizer.epsilon
    param.weight[rows] = kept * before - lr * g / scale


@mutant("update_rows", "bound")
@wrong_only_for(Adagrad)
def adagrad_adds_the_sum_of_squares(param, grad, optimizer, lr, step):
    scaled = RowGrad(grad.rows, grad.values * np.float32(grad.values.shape[1] ** 0.5))
    REFERENCE.update_rows(param, scaled, optimizer, lr, step)


@mutant("update_rows", "bound")
@wrong_only_for(Adagrad)
def adagrad_adds_the_square_of_the_mean(param, grad, optimizer, lr, step):
    square = param.square[grad.rows] + grad.values.mean(axis=1, keepdims=True) ** 2
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    param.square[grad.rows] = square


@mutant("update_rows", "bound")
@wrong_only_for(Adagrad)
def adagrad_averages_like_adam(param, grad, optimizer, lr, step):
    old = param.square[grad.rows]
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    param.square[grad.rows] -= np.float32(0.001) * old


@mutant("update_rows", "bound")
@wrong_only_for(SGD)
def sgd_climbs(param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, RowGrad(grad.rows, -grad.values), optimizer, lr, step)


@mutant("update_rows", "bound")
@wrong_only_for(SGD)
def sgd_normalises_rows(param, grad, optimizer, lr, step):
    length = np.linalg.norm(grad.values, axis=1, keepdims=True)
    unit = RowGrad(grad.rows, grad.values / np.maximum(length, 1e-30, dtype=np.float32))
    REFERENCE.update_rows(param, unit, optimizer, lr, step)


@mutant("update_rows", "bound")
@wrong_only_for(SGD)
def sgd_takes_smaller_steps_with_time(param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, optimizer, lr / step**0.5, step)


@mutant("update_rows", "bound")
def decay_goes_into_the_gradient(self, param, grad, optimizer, lr, step):
    values = grad.values + np.float32(optimizer.weight_decay) * param.weight[grad.rows]
    coupled = RowGrad(grad.rows, values)
    REFERENCE.update_rows(param, coupled, replace(optimizer, weight_decay=0.0), lr, step)


@mutant("update_rows", "pure")
def decay_shrinks_untouched_rows(self, param, grad, optimizer, lr, step):
    untouched = np.setdiff1d(np.arange(len(param.weight)), grad.rows)
    param.weight[untouched] *= np.float32(1 - lr * optimizer.weight_decay)
    REFERENCE.update_rows(param, grad, optimizer, lr, step)


@mutant("update_rows", "bound")
def decay_forgets_the_learning_rate(self, param, grad, optimizer, lr, step):
    stronger = replace(optimizer, weight_decay=optimizer.weight_decay / lr)
    REFERENCE.update_rows(param, grad, stronger, lr, step)


@mutant("update_rows", "bound")
def decay_comes_after_the_step(self, param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, replace(optimizer, weight_decay=0.0), lr, step)
    param.weight[grad.rows] *= np.float32(1 - lr * optimizer.weight_decay)
