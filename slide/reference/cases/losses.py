"""Arguments of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.losses import LOSSES
from slide.reference import plain
from slide.reference.cases.sizes import Numbers, Rng, Sizes, layout, normal, some, stack


def loss_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Logits from nearly equal to far apart; labels of which some are not active.

    In half of the cases nothing but positive labels, otherwise known negatives (-1 or 0) too.
    """
    scale = np.float32(rng.choice([0.1, 3, 100]))
    z = layout(rng, size, normal, size.B)
    z = z.with_values(z.values * scale)
    weights = z.values if z.values.ndim == 1 else z.values[:1]
    log_weights = z.with_values(np.log1p(rng.integers(0, 9, weights.shape)).astype(np.float32))
    rows = [
        some_labels(rng, active, size.n) if rng.random() < (0.8 if active else size.filled) else []
        for active in plain.patterns(z, size.B)
    ]
    signs = np.array([1, 1, -1, 0] if rng.random() < 0.5 else [1], np.float32)
    y = stack(rows, rng.choice(signs, sum(map(len, rows))), size.n)
    return z, log_weights, y, LOSSES[rng.integers(len(LOSSES))]


def some_labels(rng: Rng, active: list[int], n: int) -> list[int]:
    """Up to three labels that are active, and up to two of any kind."""
    wanted = [active[place] for place in some(rng, len(active), int(rng.integers(4)))]
    return sorted({*wanted, *some(rng, n, int(rng.integers(3))).tolist()})
