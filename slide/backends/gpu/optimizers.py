"""The kernel `update_rows`: a block of threads for each row that is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from slide.backends.gpu.device import THREADS, WARP, Device
from slide.core.contract.arrays import Array, Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.extending import entry


def update_rows(
    device: Device, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
) -> None:
    """One step, written in place."""
    n_rows, d = len(grad.rows), param.shape[1]
    launch_of = entry(LAUNCHES, type(optimizer), "optimizer", __name__)
    launch = launch_of(param, optimizer, lr, step)
    n_threads = WARP if launch.is_warp else min(-(-max(d, 1) // WARP) * WARP, THREADS)
    first = grad.rows, device.xp.ascontiguousarray(grad.values), d, param.weight
    constants = map(np.float32, (1 - lr * optimizer.weight_decay, *launch.rates))
    device.launch(launch.kernel, n_rows, n_threads, *first, *launch.state, *constants)


class Launch(NamedTuple):
    """A CUDA kernel, and what it takes besides the rows, their gradient, the weight and its decay.

    Args:
        kernel: its name.
        state: of the parameter.
        rates: constants.
        is_warp: whether a warp has a row, for a sum over it, or else as many threads as it needs.
    """

    kernel: str
    state: tuple[Array, ...]
    rates: tuple[float, ...]
    is_warp: bool = False


def adam(param: Param, optimizer: Adam, lr: float, step: int) -> Launch:
    """Both moments, then the weight."""
    betas = 1 - optimizer.beta1, 1 - optimizer.beta2
    rates = *betas, optimizer.step_size(lr, step), optimizer.epsilon
    return Launch("adam_rows", (param.mean, param.square), rates)


def adagrad(param: Param, optimizer: Adagrad, lr: float, step: int) -> Launch:
    """The row's sum of squares, then its weight."""
    return Launch("adagrad_rows", (param.square,), (lr, optimizer.epsilon), is_warp=True)


def sgd(param: Param, optimizer: SGD, lr: float, step: int) -> Launch:
    """The weight alone."""
    return Launch("sgd_rows", (), (lr,))


LAUNCHES: dict[type[Optimizer], Callable[[Param, Any, float, int], Launch]] = {
    Adam: adam,
    Adagrad: adagrad,
    SGD: sgd,
}
