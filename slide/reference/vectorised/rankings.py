"""The k best of each example: ids that rounding may exchange only where it is a near thing."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.reference.vectorised.products import dots
from slide.reference.vectorised.segments import (
    BLAS_CELLS,
    places_in,
    row_slices,
    segment_maxima,
    slices,
    some_rows,
)
from slide.reference.vectorised.verdicts import (
    Verdict,
    Verdicts,
    bound_of_sum,
    is_array,
    is_near,
    is_of_type,
    verdict_unless,
)


class Competitors(NamedTuple):
    """Whom some examples choose among, one example after the other.

    Args:
        indptr: i64, where each example begins.
        ids: neurons, ascending; None for all n of them in every example.
        n: ids are below it.
        z: f64, their scores.
        slack: f64, by how much the scores that decide may differ from these; 0.0 for not at all.
    """

    indptr: Array
    ids: Array | None
    n: int
    z: Array
    slack: Array | float


def top_k(got: Any, exact: bool, h: Array, w: Array, candidates: CSR | None, k: int) -> Verdicts:
    """Candidates or all neurons."""
    yield from is_pair(got, len(h), k)
    for rows in (
        slices(len(h), len(w), BLAS_CELLS)
        if candidates is None
        else row_slices(candidates.row_lengths(), BLAS_CELLS)
    ):
        pool = (
            all_neurons(h[rows], w, exact)
            if candidates is None
            else given_candidates(h[rows], w, some_rows(candidates, rows), exact)
        )
        yield from is_ranking(got[0][rows], got[1][rows], pool, rows.start)


def is_pair(got: Any, B: int, k: int) -> Verdicts:
    """Whether a result is a pair of ids and scores (B, k)."""
    yield is_of_type(got, tuple)
    yield verdict_unless(len(got) == 2, f"result has {len(got)} parts, expected ids and scores")
    yield is_array(got[0], np.int32, (B, k), "result[0]")
    yield is_array(got[1], np.float32, (B, k), "result[1]")


def all_neurons(h: Array, w: Array, exact: bool) -> Competitors:
    """Some examples, and all neurons."""
    a, z = h.astype(np.float64), np.empty((len(h), len(w)))
    slack = None if exact else np.empty(z.shape)
    for part in slices(len(w), max(h.shape)):
        b = w[part].T.astype(np.float64)
        np.matmul(a, b, out=z[:, part])
        if slack is not None:
            slack[:, part] = bound_of_sum(h.shape[1], abs(a) @ abs(b))
    indptr = np.arange(len(h) + 1) * len(w)
    return Competitors(indptr, None, len(w), z.ravel(), 0.0 if slack is None else slack.ravel())


def given_candidates(h: Array, w: Array, candidates: CSR, exact: bool) -> Competitors:
    """Some examples, and the candidates of each."""
    z, size = dots(h, w, candidates.row_numbers(), candidates.indices, exact)
    slack = 0.0 if exact else bound_of_sum(h.shape[1], size)
    return Competitors(candidates.indptr, candidates.indices, candidates.n_cols, z, slack)


def is_ranking(ids: Array, scores: Array, pool: Competitors, start: int) -> Verdicts:
    """Whether the places of some examples, of which the first has this number, are well given."""
    counts = np.diff(pool.indptr)
    filled = np.arange(ids.shape[1]) < counts[:, None]  # (B, k)
    yield is_near(ids, np.where(filled, ids, -1), 0.0, "result[0]", (start,))
    rows, places = np.nonzero(filled)[0], np.full(ids.shape, -1)
    places[filled], known = places_of(pool, rows, ids[filled])
    yield first_intruder(filled, ~known, ids, start, "is no candidate")
    yield first_intruder(filled, repeated(places[filled]), ids, start, "is there a second time")
    z = with_places(pool.z, places, filled, -np.inf)
    if isinstance(pool.slack, float):
        yield is_near(scores, z, 0.0, "result[1]", (start,))
        yield from is_in_order(ids, z, places, filled, pool, start)
        return
    slack = with_places(pool.slack, places, filled, 0.0)
    yield is_near(scores, z, slack, "result[1]", (start,))
    yield is_in_some_order(ids, z, slack, places[filled], pool, start)


def with_places(values: Array, places: Array, filled: Array, empty: float) -> Array:
    """The values at some places (B, k), and a number where none is to be."""
    found = np.full(places.shape, empty)
    found[filled] = values[places[filled]]
    return found


def places_of(pool: Competitors, rows: Array, ids: Array) -> tuple[Array, Array]:
    """Where in a pool the neurons of some examples are, and whether they are there."""
    if pool.ids is None:
        known = (ids >= 0) & (ids < pool.n)
        return np.where(known, pool.indptr[rows] + ids, 0), known
    members = np.repeat(np.arange(len(pool.indptr) - 1), np.diff(pool.indptr)) * pool.n + pool.ids
    places, known = places_in(members, rows * pool.n + ids)
    return places, known & (ids >= 0) & (ids < pool.n)


def repeated(numbers: Array) -> Array:
    """Which of some numbers have come before, bool."""
    again = np.ones(len(numbers), bool)
    again[np.unique(numbers, return_index=True)[1]] = False
    return again


def first_intruder(filled: Array, wrong: Array, ids: Array, start: int, why: str) -> Verdict:
    """The first id that should not be where it is."""
    if not wrong.any():
        return Verdict()
    i, rank = (int(axis[wrong.argmax()]) for axis in np.nonzero(filled))
    return Verdict(f"example {i + start}: id {ids[i, rank]} at place {rank} {why}")


def is_in_some_order(
    ids: Array, z: Array, slack: Array, taken: Array, pool: Competitors, start: int
) -> Verdict:
    """Whether no neuron comes after another one than which it is surely better."""
    least = pool.z - pool.slack
    least[taken] = -np.inf
    others = segment_maxima(least, pool.indptr, -np.inf)[:, None]
    following = np.concatenate([z - slack, others], axis=1)[:, 1:]
    best = np.maximum.accumulate(following[:, ::-1], axis=1)[:, ::-1]  # of all that come later
    return first_overtaken(best > z + slack, best, ids, z, start)


def is_in_order(
    ids: Array, z: Array, places: Array, filled: Array, pool: Competitors, start: int
) -> Verdicts:
    """Whether larger scores come first, and of equal ones the smaller id."""
    after = np.concatenate([z, np.full((len(z), 1), -np.inf)], axis=1)[:, 1:]
    yield first_overtaken(after > z, after, ids, z, start)
    smaller = np.diff(ids, axis=1, append=np.int32(-1)) < 0
    tied = (after == z) & filled & smaller
    yield first_overtaken(tied, after, ids, z, start)
    left = pool.z.copy()
    left[places[filled]] = -np.inf
    others = segment_maxima(left, pool.indptr, -np.inf)
    last = filled & ~np.pad(filled, ((0, 0), (0, 1)))[:, 1:]  # the last filled place of each row
    bar = np.max(z, axis=1, where=last, initial=-np.inf)
    yield first_overtaken(
        last & (others > bar)[:, None], np.broadcast_to(others[:, None], z.shape), ids, z, start
    )
    of_last = np.max(ids, axis=1, where=last, initial=-1)
    for i in np.flatnonzero((others == bar) & np.isfinite(bar)):
        members = slice(pool.indptr[i], pool.indptr[i + 1])
        first = int(np.argmax(left[members] == bar[i]))
        j = first if pool.ids is None else int(pool.ids[members][first])
        tie = f"example {i + start}: id {of_last[i]} is kept and id {j} is not, both {bar[i]}"
        yield verdict_unless(j > of_last[i], tie)


def first_overtaken(wrong: Array, better: Array, ids: Array, z: Array, start: int) -> Verdict:
    """The first place (B, k) at which another neuron should be."""
    if not wrong.any():
        return Verdict()
    i, rank = (int(axis) for axis in np.unravel_index(int(wrong.argmax()), wrong.shape))
    given = f"id {ids[i, rank]} ({z[i, rank]}) is at place {rank}"
    return Verdict(f"example {i + start}: {given}, another one ({better[i, rank]}) comes before it")
