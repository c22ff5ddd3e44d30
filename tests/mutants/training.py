"""Wrong losses and updates."""

from dataclasses import replace

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.arrays import CSR, Block
from slide.reference.kernels import active_labels


@mutant("loss", "bound")
def loss_forgets_the_mean(self, z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y)
    return losses, dz.with_values(dz.values * np.float32(z.n_rows))


@mutant("loss", "bound")
def loss_ignores_log_weights(self, z, log_weights, y):
    return REFERENCE.loss(z, log_weights.with_values(log_weights.values * 0), y)


@mutant("loss", "bound")
def loss_sums_over_labels(self, z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y)
    return losses * np.maximum(y.row_lengths(), 1).astype(np.float32), dz


@mutant("loss", "bound")
def loss_leaves_labels_unweighted(self, z, log_weights, y):
    if isinstance(z, Block):
        return REFERENCE.loss(z, log_weights, y)
    cells, labels = (one.row_numbers() * one.n_cols + one.indices for one in (z, y))
    weights = np.where(np.isin(cells, labels), np.float32(0), log_weights.values)
    return REFERENCE.loss(z, log_weights.with_values(weights), y)


@mutant("loss", "bound")
def loss_counts_labels_that_are_not_active(self, z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y)
    rows, _ = active_labels(z, y)
    n_active = np.bincount(rows, minlength=z.n_rows)
    return losses * (n_active / np.maximum(y.row_lengths(), 1)).astype(np.float32), dz


@mutant("loss", "bound")
def loss_pushes_down_without_labels(self, z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y)
    if isinstance(z, Block):
        unlabelled = np.flatnonzero(losses == 0)
        dz.values[unlabelled] = 1 / max(z.n_rows * len(z.ids), 1)
    else:
        dz.values[losses[z.row_numbers()] == 0] = 1 / z.n_rows
    return losses, dz


@mutant("loss", "bound")
def loss_clips_logits_before_exp(self, z, log_weights, y):
    return REFERENCE.loss(z.with_values(np.minimum(z.values, np.float32(88))), log_weights, y)


@mutant("loss", "wide", alone=True)
def loss_numbers_cells_in_int32(self, z, log_weights, y):
    if isinstance(z, Block):
        return REFERENCE.loss(z, log_weights, y)
    cells = (y.row_numbers() * y.n_cols + y.indices).astype(np.int32)
    found = np.flatnonzero(cells >= 0)
    indptr = np.searchsorted(found, y.indptr)
    return REFERENCE.loss(z, log_weights, CSR(indptr, y.indices[found], y.values[found], y.n_cols))


@mutant("update_rows", "bound")
def update_forgets_the_bias_correction(self, param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, optimizer, lr, 1_000_000)


@mutant("update_rows", "pure")
def update_decays_all_moments(self, param, grad, optimizer, lr, step):
    untouched = np.setdiff1d(np.arange(len(param.mean)), grad.rows)
    param.mean[untouched] *= np.float32(optimizer.beta1)
    REFERENCE.update_rows(param, grad, optimizer, lr, step)


@mutant("update_rows", "bound")
def update_takes_beta_as_float32(self, param, grad, optimizer, lr, step):
    rounded = replace(optimizer, beta2=float(np.float32(optimizer.beta2)))
    REFERENCE.update_rows(param, grad, rounded, lr, step)


@mutant("update_rows", "bound")
def update_with_epsilon_under_the_root(self, param, grad, optimizer, lr, step):
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
