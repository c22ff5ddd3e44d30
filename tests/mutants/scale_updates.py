"""Updates of rows that are wrong at the sizes of use."""

import numpy as np

from mutants.patterns import some_rows
from mutants.registry import REFERENCE, at_scale
from slide.core.contract.optim import SGD, Adagrad, Adam


@at_scale("update_rows")
def update_rows_loses_the_last_tile_of_4096(self, param, grad, optimizer, lr, step):
    n = len(grad.rows)
    REFERENCE.update_rows(
        param, some_rows(grad, slice(n // 4096 * 4096 if n > 4096 else n)), optimizer, lr, step
    )


@at_scale("update_rows")
def update_rows_numbers_rows_in_uint16(self, param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, some_rows(grad, grad.rows < 1 << 16), optimizer, lr, step)


@at_scale("update_rows")
def update_rows_takes_the_mean_of_256_squares(self, param, grad, optimizer, lr, step):
    if isinstance(optimizer, Adagrad) and grad.values.shape[1] > 256:
        squares = np.square(grad.values)
        others = squares.mean(axis=1) - squares[:, :256].mean(axis=1)
        param.square[grad.rows] = np.maximum(param.square[grad.rows] - others[:, None], 0)
    REFERENCE.update_rows(param, grad, optimizer, lr, step)


@at_scale("update_rows")
def update_rows_decays_512_columns(self, param, grad, optimizer, lr, step):
    late = param.weight[grad.rows, 512:]
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    share = 1 - lr * optimizer.weight_decay
    param.weight[grad.rows, 512:] += (1 - share) * late


@at_scale("update_rows")
def update_rows_has_moments_of_128_columns_in_float16(self, param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    if isinstance(optimizer, Adam) and param.shape[1] > 128:
        param.mean[grad.rows] = param.mean[grad.rows].astype(np.float16)


@at_scale("update_rows")
def update_rows_of_neighbours_takes_one_more(self, param, grad, optimizer, lr, step):
    """More than 1000 consecutive rows are one slice, which ends too late."""
    rows, end = grad.rows, grad.rows[-1:] + 1
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    if len(rows) > 1000 and end < len(param.weight):
        param.weight[end] *= np.float32(0.5)


@at_scale("update_rows")
def update_rows_steps_in_int16(self, param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, optimizer, lr, step & 0x7FFF)


@at_scale("update_rows")
def update_rows_unrolls_sgd_by_16_in_wide_layers(self, param, grad, optimizer, lr, step):
    d = param.shape[1]
    tail = param.weight[:, d // 16 * 16 :].copy() if d > 200 else None
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    if isinstance(optimizer, SGD) and tail is not None:
        param.weight[:, d // 16 * 16 :] = tail


@at_scale("update_rows")
def update_rows_is_blocked_by_cells(self, param, grad, optimizer, lr, step):
    """Above 2**18 cells two halves of the rows are done, and one between them is not."""
    wanted = np.ones(len(grad.rows), bool)
    if grad.values.size > 1 << 18:
        wanted[len(wanted) // 2] = False
    REFERENCE.update_rows(param, some_rows(grad, wanted), optimizer, lr, step)
