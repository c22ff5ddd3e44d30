"""Arguments of the kernels that build, reinsert and query, at the sizes of use."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Query
from slide.core.contract.tables import Policy, Tables
from slide.core.sampled.retrieval import label_tables
from slide.reference.cases.scale.drawing import Caps, Scaled
from slide.reference.cases.sizes import salt
from slide.reference.cases.tables import STRATEGIES
from slide.reference.tables import build, reinsert

SIZES = {"n": 1 << 20, "L": 200, "buckets": 1 << 18}
POLICIES: tuple[Policy, ...] = get_args(Policy)
VISITS = 1 << 20  # of neurons in buckets
CAPS: Caps = (("n L", 1 << 20), ("L buckets", 1 << 20))


def codes_of(draw: Scaled, n: int, L: int, n_buckets: int) -> Array:
    """Codes (n, L): evenly over all buckets, over few of them, or most in one."""
    codes = draw.below(draw.one_of(n_buckets, draw.upto(n_buckets)), (n, L))
    if draw.chance(50):
        codes[draw.mask(90, n)] = draw.whole(0, n_buckets - 1)
    return codes.astype(np.uint32)


def build_arguments(draw: Scaled) -> tuple[Array, int, int, Policy]:
    """From buckets of one neuron to all neurons in one bucket."""
    policy, top = draw.turns(len(POLICIES), len(draw.tops(SIZES)))
    size = draw.extents(SIZES, CAPS, top)
    codes = codes_of(draw, size["n"], size["L"], size["buckets"])
    return codes, size["buckets"], salt(draw), POLICIES[policy]


def reinsert_arguments(draw: Scaled) -> tuple[Tables, Array, Array]:
    """Tables of which some neurons have moved before, or none; codes of which some stay."""
    limits = {"R": 1 << 18} | SIZES
    policy, top = draw.turns(len(POLICIES), len(draw.tops(limits)))
    size = draw.extents(limits, (("R L", 1 << 19), *CAPS), top)
    n, n_buckets = max(size["n"], size["R"]), size["buckets"]
    n = min(n, (1 << 20) // size["L"])
    codes = codes_of(draw, n, size["L"], n_buckets)
    tables = build(codes, n_buckets, salt(draw), POLICIES[policy])
    if draw.chance(50):
        tables = reinsert(tables, *moves(draw, codes, n_buckets, draw.upto(n)))
    n_moved = draw.one_of(size["R"], size["R"], size["R"], n, n - 1)
    return tables, *moves(draw, codes, n_buckets, min(n_moved, n))


def moves(draw: Scaled, codes: Array, n_buckets: int, count: int) -> tuple[Array, Array]:
    """Some rows, and what is to become of their codes."""
    rows = draw.ids_below(len(codes), count)
    drawn = codes_of(draw, count, codes.shape[1], n_buckets)
    stays = draw.mask(30, drawn.shape)
    return rows, np.where(stays, codes[rows], drawn)


def query_arguments(draw: Scaled) -> tuple[Any, ...]:
    """Required and extra neurons by the hundred, full buckets, budgets that cut or do not."""
    limits = {"B": 4096, "P": 16, "limit": 4000, "n": 1 << 18, "L": 200}
    (top,), (shared, strategy) = draw.turns(len(draw.tops(limits))), draw.turns(2, len(STRATEGIES))
    caps: Caps = (("B L P limit", VISITS), ("B L P", 1 << 17), ("n L", 1 << 20))
    size = draw.extents(limits, caps, top)
    n, B, L = size["n"], size["B"], size["L"]
    n_buckets = draw.upto(min(1 << 18, (1 << 20) // L, 4 * n))
    neurons = codes_of(draw, n, L, n_buckets)
    tables = any_tables(draw, neurons, n_buckets)
    codes = near_to(draw, neurons, codes_of(draw, B, L * size["P"], n_buckets))
    how = Query(
        strategy=STRATEGIES[strategy],
        budget=draw.one_of(draw.upto(20), draw.upto(4000, at_top=draw.chance(30)), 1 << 31),
        bucket_limit=1 << 31 if B * L * size["P"] * n <= VISITS else size["limit"],
        shared=bool(shared),
        threshold=draw.upto(draw.one_of(min(L, 8), L), at_top=draw.chance(30)),
    )
    longest = draw.upto(min(2000, (1 << 17) // B), at_top=draw.chance(30))
    required = draw.or_empty(draw.csr((B, n), longest))
    extra = draw.or_empty(draw.csr((B, n), draw.upto(longest, at_top=draw.chance(50))))
    if draw.chance(20):
        extra = required  # which comes first
    return tables, codes, required, extra, how, salt(draw)


def any_tables(draw: Scaled, neurons: Array, n_buckets: int) -> Tables | None:
    """Of all neurons, of which some may have moved, of the labels of examples, or none."""
    way = draw.whole(0, 9)
    if way == 9:
        return None
    if way > 6:
        n, L = neurons.shape
        y = draw.csr((draw.upto(500), n), draw.upto(min(n, 5)))
        codes = draw.below(n_buckets, (y.n_rows, L)).astype(np.uint32)
        return label_tables(codes, y, n_buckets, salt(draw))
    tables = build(neurons, n_buckets, salt(draw), draw.one_of(*POLICIES))
    if way < 4:
        return tables
    return reinsert(tables, *moves(draw, neurons, n_buckets, draw.upto(len(neurons))))


def near_to(draw: Scaled, neurons: Array, codes: Array) -> Array:
    """Codes (B, L * P) of which many are those of a neuron, so that full buckets are met, too.

    Args:
        draw: says who is near to whom.
        neurons: u32 (n, L), their codes.
        codes: u32 (B, L * P), of examples that are near to nobody.
    """
    (B, n_visits), L = codes.shape, neurons.shape[1]
    theirs = neurons[draw.below(len(neurons), B)].repeat(n_visits // L, axis=1)
    return np.where(draw.mask(draw.one_of(50, 90, 0), codes.shape), theirs, codes)
