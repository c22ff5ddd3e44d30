"""Arguments of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR
from slide.core.contract.losses import LOSSES
from slide.reference import plain
from slide.reference.cases.drawing import Draw
from slide.reference.cases.sizes import Sizes, layout, stack


def loss_arguments(draw: Draw, size: Sizes) -> tuple[Any, ...]:
    """Logits from nearly equal to far apart; labels of which some are not active.

    In half of the cases nothing but positive labels, otherwise known negatives (-1 or 0) too.
    """
    name = draw.one_of(*LOSSES)
    scale = np.float32(draw.one_of(3, 0.1, 100))
    z = layout(draw, size, size.B)
    z = z.with_values(draw.normal(z.values.shape) * scale)
    weights = z.values if z.values.ndim == 1 else z.values[:1]
    log_weights = z.with_values(np.log1p(draw.below(9, weights.shape)).astype(np.float32))
    return z, log_weights, labels_among(draw, plain.patterns(z, size.B), size), name


def labels_among(draw: Draw, active: list[list[int]], size: Sizes) -> CSR:
    """Labels of examples whose active neurons are these: CSR (B, n)."""
    is_filled = draw.mask(80, len(active)), draw.mask(size.filled, len(active))
    wanted = np.where([bool(ids) for ids in active], *is_filled).tolist()
    rows = [
        some_labels(draw, ids, size.n) if is_wanted else []
        for ids, is_wanted in zip(active, wanted, strict=True)
    ]
    signs = np.array([1, 1, -1, 0] if draw.chance(50) else [1], np.float32)
    return stack(rows, signs[draw.below(len(signs), sum(map(len, rows)))], size.n)


def some_labels(draw: Draw, active: list[int], n: int) -> list[int]:
    """Up to three labels that are active, and up to two of any kind."""
    n_active, n_any = (int(count) for count in draw.below(12, 2) % (4, 3))
    wanted = [active[place] for place in draw.ids_below(len(active), n_active)]
    return sorted({*wanted, *draw.ids_below(n, n_any).tolist()})
