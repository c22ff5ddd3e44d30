"""Arguments of the kernels that build, reinsert and query, at the sizes of use."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.arrays import Array
from slide.core.backend import Query
from slide.core.hashing import Policy, Tables
from slide.reference.cases.scale.drawing import Caps, Scaled
from slide.reference.cases.sizes import salt
from slide.reference.cases.tables import STRATEGIES, policy
from slide.reference.tables import build, reinsert

SIZES = {"n": 1 << 20, "L": 200, "buckets": 1 << 18}
CAPS: Caps = (("n L", 1 << 20), ("L buckets", 1 << 20))


def codes_of(draw: Scaled, n: int, L: int, n_buckets: int) -> Array:
    """Codes (n, L): evenly over all buckets, over few of them, or most in one."""
    codes = draw.below(draw.one_of(n_buckets, draw.upto(n_buckets)), (n, L))
    if draw.chance(30):
        codes[draw.mask(90, n)] = draw.whole(0, n_buckets - 1)
    return codes.astype(np.uint32)


def build_arguments(draw: Scaled) -> tuple[Array, int, int, Policy]:
    """From buckets of one neuron to all neurons in one bucket."""
    (top,) = draw.turns(4)
    size = draw.extents(SIZES, CAPS, top)
    codes = codes_of(draw, size["n"], size["L"], size["buckets"])
    return codes, size["buckets"], salt(draw), policy(draw)


def reinsert_arguments(draw: Scaled) -> tuple[Tables, Array, Array]:
    """Tables of which some neurons have moved before, or none; codes of which some stay."""
    (top,) = draw.turns(5)
    size = draw.extents({"R": 1 << 18} | SIZES, (("R L", 1 << 19), *CAPS), top)
    n, n_buckets = max(size["n"], size["R"]), size["buckets"]
    n = min(n, (1 << 20) // size["L"])
    codes = codes_of(draw, n, size["L"], n_buckets)
    tables = build(codes, n_buckets, salt(draw), policy(draw))
    if draw.chance(50):
        tables = reinsert(tables, *moves(draw, codes, n_buckets, draw.upto(n)))
    return tables, *moves(draw, codes, n_buckets, min(size["R"], n))


def moves(draw: Scaled, codes: Array, n_buckets: int, count: int) -> tuple[Array, Array]:
    """Some rows, and what is to become of their codes."""
    rows = draw.some(len(codes), count)
    drawn = codes_of(draw, count, codes.shape[1], n_buckets)
    stays = draw.mask(30, drawn.shape)
    return rows, np.where(stays, codes[rows], drawn)


def query_arguments(draw: Scaled) -> tuple[Any, ...]:
    """Required and extra neurons by the hundred, full buckets, budgets that cut or do not."""
    shared, strategy, top = draw.turns(2, len(STRATEGIES), 7)
    limits = {"B": 4096, "P": 16, "limit": 4000, "required": 2000} | SIZES
    caps: Caps = (("B L P limit", 1 << 19), ("B L P", 1 << 17), ("B required", 1 << 17), *CAPS)
    size = draw.extents(limits | {"n": 1 << 18}, caps, top)
    n, B, L = size["n"], size["B"], size["L"]
    neurons = codes_of(draw, n, L, size["buckets"])
    tables = build(neurons, size["buckets"], salt(draw), policy(draw))
    codes = near_to(draw, neurons, codes_of(draw, B, L * size["P"], size["buckets"]))
    how = Query(
        strategy=STRATEGIES[strategy],
        budget=draw.one_of(draw.upto(20), draw.upto(4000), 1 << 20),
        bucket_limit=size["limit"],
        shared=bool(shared),
        threshold=draw.upto(min(L, 16), at_top=draw.chance(30)),
    )
    required = draw.csr((B, n), size["required"])
    extra = draw.csr((B, n), draw.upto(size["required"]))
    return tables, codes, required, extra, how, salt(draw)


def near_to(draw: Scaled, neurons: Array, codes: Array) -> Array:
    """Codes (B, L * P) of which many are those of a neuron, so that it is met, in full buckets, too.

    Args:
        draw: says who is near to whom.
        neurons: u32 (n, L), their codes.
        codes: u32 (B, L * P), of examples that are near to nobody.
    """
    (B, n_visits), L = codes.shape, neurons.shape[1]
    theirs = neurons[draw.below(len(neurons), B)].repeat(n_visits // L, axis=1)
    return np.where(draw.mask(draw.one_of(50, 90, 0), codes.shape), theirs, codes)
