"""Arguments of the optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import Array, Param, RowGrad
from slide.core.contract.optim import OPTIMIZERS, SGD, Adagrad, Adam, Optimizer
from slide.reference.cases.drawing import Draw
from slide.reference.cases.sizes import Sizes


def update_rows_arguments(draw: Draw, size: Sizes) -> tuple[Any, ...]:
    """State of zero as before the first step, or of any size as after many."""
    optimizer = some_optimizer(draw)
    lr, step = draw.whole(1, 10_000) / 10_000, draw.one_of(1, 2, some_step(draw), some_step(draw))
    param = begun(draw, optimizer.begin(draw.numbers((size.n, size.d))))
    rows = draw.ids_below(size.n, draw.whole(0, size.longest))
    return param, RowGrad(rows, draw.numbers((len(rows), size.d))), optimizer, lr, step


def some_step(draw: Draw) -> int:
    """The number of a step: any, while it still matters for the corrections of Adam."""
    some = 1 + 200 * draw.whole(0, 99) + 2 * draw.whole(0, 99)
    return draw.one_of(some, some, int(some**0.5))


def begun(draw: Draw, param: Param) -> Param:
    """A parameter whose state is that of before the first step, or of any size as after many."""
    if not draw.chance(50):
        return param

    def state(array: Array) -> Array:
        return draw.numbers(array.shape)

    return Param(param.weight, state(param.mean), np.square(state(param.square)))


def some_optimizer(draw: Draw) -> Optimizer:
    """Any of them, with and without weight decay, mostly with the constants that are usual."""
    weight_decay = draw.one_of(0.0, 0.01, 0.5)
    choices: tuple[Optimizer, ...] = (
        *(kind(weight_decay=weight_decay) for kind in OPTIMIZERS.values()),
        Adam(0.5, 0.99, 1e-4, weight_decay),
        Adagrad(0.1, weight_decay),
        Adam(weight_decay=weight_decay),
        SGD(weight_decay),
    )
    return draw.one_of(*choices)
