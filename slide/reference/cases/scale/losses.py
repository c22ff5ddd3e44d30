"""Arguments of the losses at the sizes of use."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.losses import LOSSES
from slide.reference.cases.drawing import Shape
from slide.reference.cases.scale.drawing import IN_USE, SUBNORMAL, Caps, Scaled, csr_of
from slide.reference.cases.scale.products import pattern

LIMITS = {"B": 4096, "R": 20_000, "labels": 400, "others": 1 << 20}
CAPS: Caps = (("B R", 1 << 19), ("B labels", 1 << 16))
PAIRS: Caps = (("B R labels", 1 << 22),)
"""What `saros` compares."""
EDGES = 80, 87, 88.5, -88
"""Numbers whose exp is, or whose sum of a few exp is, nearly out of range."""


def loss_arguments(draw: Scaled) -> tuple[Any, ...]:
    """Logits from nearly equal to far apart, or all where exp runs out of range in float32.

    Labels by the hundred, of which some are not active, or none.

    In half of the cases nothing but positive labels, otherwise known negatives (-1 or 0) too.
    """
    (which,) = draw.turns(len(LOSSES))
    is_block, top = draw.turns(2, len(draw.tops(LIMITS)))
    caps = (*CAPS, *PAIRS) if LOSSES[which] == "saros" else CAPS
    size = draw.extents(LIMITS, caps, top)
    size["n"] = size["R"] + size["others"] - 1
    z = pattern(draw, bool(is_block), size, size["B"])
    spread, middle = np.float32(draw.one_of(3, 0.1, 100, 1e4)), np.float32(0)
    if draw.chance(IN_USE):
        spread, middle = np.float32(draw.one_of(0.1, 1)), np.float32(draw.one_of(*EDGES))
    z = z.with_values(draw.normal(z.values.shape) * spread + middle)
    weights = z.values if z.values.ndim == 1 else z.values[:1]
    log_weights = z.with_values(log_m(draw, weights.shape))
    return z, log_weights, draw.or_empty(labels_among(draw, z, size)), LOSSES[which]


def log_m(draw: Scaled, shape: Shape) -> Array:
    """Logarithms of whole numbers of neurons, or of any numbers, as inverse probabilities are.

    Or none, or the same for all but a few in the middle or for all.
    """
    if draw.chance(IN_USE):
        return np.zeros(shape, np.float32)
    if draw.chance(IN_USE):
        same = np.full(shape, np.log1p(np.float32(draw.below(1000, 1)[0])), np.float32)
        n = same.shape[-1]
        same[..., n // 3 : n // 2] += np.float32(draw.one_of(0, 1))
        return same
    if draw.chance(50):
        return np.log1p(draw.below(1000, shape)).astype(np.float32)
    return draw.rng.uniform(-3, 10, shape).astype(np.float32)


def labels_among(draw: Scaled, z: CSR | Block, size: dict[str, int]) -> CSR:
    """Up to so many labels that are active, and up to two of any kind: CSR (B, n)."""
    B, n = size["B"], size["n"]
    lengths = np.full(B, size["R"]) if isinstance(z, Block) else z.row_lengths()
    wanted = np.minimum(draw.lengths(B, size["labels"], B * size["labels"]), lengths)
    rows = np.repeat(np.arange(B), wanted)
    chosen = active_at(z, rows, draw.distinct(wanted, lengths))
    strays = draw.below(n, draw.whole(0, 2) * B)
    stray_rows = np.arange(len(strays)) % B
    cells = np.unique(np.append(rows * n + chosen, stray_rows * n + strays))
    rows, columns = np.divmod(cells, n)
    signs = np.array([1, SUBNORMAL, -1, 0] if draw.chance(50) else [1], np.float32)
    values = signs[draw.below(len(signs), len(columns))]
    return csr_of(np.bincount(rows, minlength=B), columns.astype(np.int32), values, n)


def active_at(z: CSR | Block, rows: Array, places: Array) -> Array:
    """The active neurons at places of rows."""
    if isinstance(z, Block):
        ids: Array = z.ids[places]
    else:
        ids = z.indices[z.indptr[rows] + places]
    return ids.astype(np.int64)
