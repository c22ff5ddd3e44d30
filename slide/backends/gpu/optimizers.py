"""The kernel `update_rows`: a block of threads for each row that is touched."""

from __future__ import annotations

import numpy as np

from slide.backends.gpu.device import THREADS, WARP, Device
from slide.core.arrays import Param, RowGrad
from slide.core.optim import SGD, Adagrad, Adam, Optimizer


def update_rows(
    device: Device, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
) -> None:
    """One step, written in place."""
    n_rows, d = len(grad.rows), param.shape[1]
    kept = np.float32(1 - lr * optimizer.weight_decay)
    first = grad.rows, device.xp.ascontiguousarray(grad.values), d, param.weight
    n_threads = min(-(-max(d, 1) // WARP) * WARP, THREADS)
    match optimizer:
        case Adam():
            beta1, beta2 = 1 - optimizer.beta1, 1 - optimizer.beta2
            step_size = optimizer.step_size(lr, step)
            rates = map(np.float32, (beta1, beta2, step_size, optimizer.epsilon))
            state = param.mean, param.square, kept
            device.launch("adam_rows", n_rows, n_threads, *first, *state, *rates)
        case Adagrad():
            rates = map(np.float32, (lr, optimizer.epsilon))
            device.launch("adagrad_rows", n_rows, WARP, *first, param.square, kept, *rates)
        case SGD():
            device.launch("sgd_rows", n_rows, n_threads, *first, kept, np.float32(lr))
