"""Arguments of the loss and of the optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.arrays import CSR, Block, Param, RowGrad
from slide.core.optim import Adam
from slide.reference import plain
from slide.reference.cases.sizes import Numbers, Rng, Sizes, layout, normal, some, stack


def loss_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[CSR | Block, CSR | Block, CSR]:
    """Logits from nearly equal to far apart; labels of which some are not active."""
    scale = np.float32(rng.choice([0.1, 3, 100]))
    z = layout(rng, size, normal, size.B)
    z = z.with_values(z.values * scale)
    shape = z.values.shape if isinstance(z, CSR) else (1, len(z.ids))
    log_weights = z.with_values(np.log1p(rng.integers(0, 9, shape)).astype(np.float32))
    rows = [
        some_labels(rng, active, size.n) if rng.random() < (0.8 if active else size.filled) else []
        for active in plain.patterns(z, size.B)
    ]
    y = stack(rows, np.ones(sum(map(len, rows)), np.float32), size.n)
    return z, log_weights, y


def some_labels(rng: Rng, active: list[int], n: int) -> list[int]:
    """Up to three labels that are active, and up to two of any kind."""
    wanted = [active[place] for place in some(rng, len(active), int(rng.integers(4)))]
    return sorted({*wanted, *some(rng, n, int(rng.integers(3))).tolist()})


def update_rows_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Moments of zero as before the first step, or of any size as after many."""
    shape = (size.n, size.d)
    begun = np.float32(rng.integers(2))
    param = Param(
        numbers(rng, shape), begun * numbers(rng, shape), begun * np.square(numbers(rng, shape))
    )
    rows = some(rng, size.n, int(rng.integers(size.longest + 1)))
    grad = RowGrad(rows, numbers(rng, (len(rows), size.d)))
    optimizer = Adam() if rng.random() < 0.7 else Adam(0.5, 0.99, 1e-4)
    return param, grad, optimizer, float(rng.uniform(1e-4, 1)), int(rng.choice([1, 2, 5000]))
