"""Arguments of the optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.arrays import Param, RowGrad
from slide.core.optim import SGD, Adagrad, Adam, Optimizer
from slide.reference.cases.sizes import Numbers, Rng, Sizes, some


def update_rows_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """State of zero as before the first step, or of any size as after many."""
    optimizer = some_optimizer(rng)
    begun = np.float32(rng.integers(2))
    zero = optimizer.begin(numbers(rng, (size.n, size.d)))
    param = Param(
        zero.weight,
        begun * numbers(rng, zero.mean.shape),
        begun * np.square(numbers(rng, zero.square.shape)),
    )
    rows = some(rng, size.n, int(rng.integers(size.longest + 1)))
    grad = RowGrad(rows, numbers(rng, (len(rows), size.d)))
    return param, grad, optimizer, float(rng.uniform(1e-4, 1)), int(rng.choice([1, 2, 5000]))


def some_optimizer(rng: Rng) -> Optimizer:
    """Any of them, with and without weight decay, mostly with the constants that are usual."""
    weight_decay = float(rng.choice([0, 0.01, 0.5]))
    choices = (
        Adam(weight_decay=weight_decay),
        Adam(0.5, 0.99, 1e-4, weight_decay),
        Adagrad(weight_decay=weight_decay),
        Adagrad(0.1, weight_decay),
        SGD(weight_decay),
    )
    return choices[rng.choice(5, p=[0.3, 0.15, 0.15, 0.15, 0.25])]
