"""How each kernel is cut into parts, and what they give is put together.

A part is a span of examples, of neurons, of inputs or of tables, computed by the same kernel of one
backend, and what it writes to belongs to nobody else. Where a result depends on the part that it is
computed in, as the last bits of a BLAS product do, the cuts depend on the arguments alone and not
on the number of workers: so the bits are the same whoever computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.contract.lists import indptr_of, merged
from slide.core.contract.sparse import InvertedIndex, SolvedRows, SparseParam
from slide.core.contract.tables import Tables

Arguments = tuple[Any, ...]
Join = Callable[..., Array]


class Cut(NamedTuple):
    """How a kernel is cut.

    Args:
        size: of what is cut, for some arguments.
        grain: of a part, given the size and the number of workers.
        part: the arguments of the part from start to stop.
        joined: the result, given `Store.joined`, those of all parts in order (there is one at
            least), and the arguments.
        room: shape of a large array of the result, for some arguments, if it is known before;
            `joined` finds the array behind the arguments.
        write: writes what a part gave into it, and returns the rest.
    """

    size: Callable[..., int]
    grain: Callable[[int, int], int]
    part: Callable[..., Arguments]
    joined: Callable[..., Any]
    room: Callable[..., tuple[int, ...]] | None = None
    write: Callable[..., Any] | None = None

    def spans(self, n_workers: int, *arguments: Any) -> list[tuple[int, int]]:
        """Where each part begins and ends."""
        size = self.size(*arguments)
        at_least_one = max(size, 1)
        grain = self.grain(at_least_one, n_workers)
        return [(start, min(start + grain, size)) for start in range(0, at_least_one, grain)]


def always(n: int) -> Callable[[int, int], int]:
    """Parts of n."""
    return lambda size, n_workers: n


def shares(least: int) -> Callable[[int, int], int]:
    """A part for each worker, if it has something to do."""
    return lambda size, n_workers: max(-(-size // n_workers), least)


def rows_of(matrix: CSR, start: int, stop: int) -> CSR:
    """Some rows, as views."""
    first, last = matrix.indptr[start], matrix.indptr[stop]
    return CSR(
        matrix.indptr[start : stop + 1] - first, matrix.indices[first:last],
        matrix.values[first:last], matrix.n_cols,
    )  # fmt: skip


def entries_within(matrix: CSR, start: int, stop: int) -> CSR:
    """The entries in the columns from start to stop."""
    return matrix.where((matrix.indices >= start) & (matrix.indices < stop))


def columns_of(matrix: CSR, start: int, stop: int) -> CSR:
    """The same, whose columns are counted from the first of them."""
    some = entries_within(matrix, start, stop)
    return replace(some, indices=some.indices - np.int32(start), n_cols=stop - start)


def span_of(x: Any, start: int, stop: int) -> Any:
    """Examples from start to stop of features, activations, logits or sets."""
    if isinstance(x, CSR):
        return rows_of(x, start, stop)
    if isinstance(x, Block):
        return x.with_values(x.values[start:stop])
    return x[start:stop]


def n_rows(x: Any) -> int:
    """Of features in any layout."""
    return len(x) if isinstance(x, np.ndarray) else int(x.n_rows)


def concatenated(join: Join, parts: list[Array], *_: Any) -> Array:
    """Rows, one below the other."""
    return join(parts)


def pairs(join: Join, parts: list[tuple[Array, Array]], *_: Any) -> tuple[Array, Array]:
    """Ids and scores, one below the other."""
    ids, scores = zip(*parts, strict=True)
    return join(list(ids)), join(list(scores))


def no_result(join: Join, parts: list[None], *_: Any) -> None:
    """A kernel that writes to its arguments gives nothing back."""


def sddmm_part(start: int, stop: int, h: Array, w: Array, active: CSR | Block) -> Arguments:
    """Some neurons of a shared set, or some examples."""
    if isinstance(active, Block):
        return h, w, Block(active.ids[start:stop], active.values[:, start:stop], active.n_cols)
    return h[start:stop], w, rows_of(active, start, stop)


def sddmm_joined(join: Join, parts: list[CSR], h: Array, w: Array, active: CSR) -> CSR:
    """The examples, one below the other."""
    return active.with_values(join([part.values for part in parts]))


def sddmm_write(out: Array, found: Block, start: int, stop: int, *_: Any) -> None:
    """The neurons, side by side."""
    out[:, start:stop] = found.values


def spmm_t_part(start: int, stop: int, z: CSR | Block, h: Array) -> Arguments:
    """Some neurons of a shared set, or some columns."""
    if isinstance(z, Block):
        return Block(z.ids[start:stop], z.values[:, start:stop], z.n_cols), h
    return entries_within(z, start, stop), h


def spmm_t_joined(join: Join, parts: list[RowGrad], *_: Any) -> RowGrad:
    """The rows of each part follow those of the one before."""
    return RowGrad(join([part.rows for part in parts]), join([part.values for part in parts]))


def spmm_t_write(out: Array, found: RowGrad, start: int, stop: int, *_: Any) -> None:
    """The rows of the neurons."""
    out[start:stop] = found.values


def loss_part(start: int, stop: int, z: Any, log_weights: Any, y: CSR, name: str) -> Arguments:
    """Some examples."""
    shared = isinstance(log_weights, Block)
    weights = log_weights if shared else rows_of(log_weights, start, stop)
    return span_of(z, start, stop), weights, rows_of(y, start, stop), name


def loss_write(out: Array, found: Any, start: int, stop: int, z: Any, *_: Any) -> Array:
    """The gradient, which is of a mean over the part's own examples; their losses are left."""
    losses, dz = found
    share = np.float32((stop - start) / max(z.n_rows, 1))
    span = slice(z.indptr[start], z.indptr[stop]) if isinstance(z, CSR) else slice(start, stop)
    np.multiply(dz.values, share, out=out[span])
    found_losses: Array = losses
    return found_losses


def loss_joined(join: Join, parts: list[Array], z: Any, *others: Any) -> tuple[Array, CSR | Block]:
    """Losses one below the other, and the gradient where it was written."""
    return join(parts), z.with_values(others[-1])


def update_rows_part(
    start: int, stop: int, param: Param, grad: RowGrad, *constants: Any
) -> Arguments:
    """Some rows of the gradient."""
    return param, RowGrad(grad.rows[start:stop], grad.values[start:stop]), *constants


def top_k_part(
    start: int, stop: int, h: Array, w: Array, candidates: CSR | None, k: int
) -> Arguments:
    """Some examples."""
    some = candidates if candidates is None else rows_of(candidates, start, stop)
    return h[start:stop], w, some, k


def build_part(start: int, stop: int, codes: Array, n_buckets: int, salt: int, policy: str) -> Any:
    """Some tables, which have a salt each."""
    return np.ascontiguousarray(codes[:, start:stop]), n_buckets, salt + start, policy


def tables_of(tables: Tables, start: int, stop: int) -> Tables:
    """Some tables, as views."""
    offsets = tables.offsets[start * tables.n_buckets : stop * tables.n_buckets + 1]
    ids = tables.ids[offsets[0] : offsets[-1]]
    return replace(
        tables, offsets=offsets - offsets[0], ids=ids, L=stop - start, salt=tables.salt + start
    )


def reinsert_part(start: int, stop: int, tables: Tables, rows: Array, codes: Array) -> Arguments:
    """Some tables."""
    return tables_of(tables, start, stop), rows, np.ascontiguousarray(codes[:, start:stop])


def tables_joined(join: Join, parts: list[Tables], *_: Any) -> Tables:
    """The ids of all tables in a row."""
    if len(parts) == 1:
        return parts[0]
    begins = indptr_of(np.array([len(part.ids) for part in parts]))
    offsets = [part.offsets[:-1] + begin for part, begin in zip(parts, begins, strict=False)]
    ids = join([part.ids for part in parts])
    L = sum(part.L for part in parts)
    return replace(parts[0], offsets=join([*offsets, begins[-1:]]), ids=ids, L=L)


def query_size(
    tables: Any, codes: Array, required: CSR, extra: CSR, query: Query, salt: int
) -> int:
    """Examples; in `vanilla` they are one part, for their numbers decide on the probing order."""
    return 1 if query.strategy == "vanilla" else required.n_rows


def query_part(
    start: int, stop: int, tables: Tables | None, codes: Array, required: CSR, extra: CSR,
    query: Query, salt: int,
) -> Arguments:  # fmt: skip
    """Some examples, each with a set of its own."""
    if query.strategy == "vanilla":
        stop = required.n_rows
    some = rows_of(required, start, stop), rows_of(extra, start, stop)
    return tables, codes[start:stop], *some, replace(query, shared=False), salt


def query_joined(
    join: Join,
    parts: list[CSR],
    tables: Any,
    codes: Array,
    required: CSR,
    extra: CSR,
    query: Query,
    salt: int,
) -> CSR | Block:
    """The sets, or their union."""
    found = CSR.stack(parts, required.n_cols, join)
    if not query.shared:
        return found
    origins = FROM_LABELS, FROM_TABLES, FROM_EXTRA
    ids, first = merged(*(found.indices[found.values == origin] for origin in origins))
    return Block(ids.astype(np.int32), first[None], found.n_cols)


def spgemm_t_part(start: int, stop: int, z: CSR, x: CSR, limits: Array, excluded: CSR) -> Arguments:
    """Some rows of the product."""
    return columns_of(z, start, stop), x, limits[start:stop], rows_of(excluded, start, stop)


def invert_part(start: int, stop: int, w: CSR, base: Array, limit: int) -> Arguments:
    """The lists of some inputs."""
    return columns_of(w, start, stop), base, limit


def invert_joined(
    join: Join, parts: list[InvertedIndex], w: CSR, base: Array, limit: int
) -> InvertedIndex:
    """The lists in a row."""
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return InvertedIndex(
        indptr_of(lengths), join([part.ids for part in parts]),
        join([part.values for part in parts]), base.copy(),
    )  # fmt: skip


def update_entries_part(
    start: int, stop: int, param: SparseParam, dz: CSR, x: CSR, lr: float
) -> Arguments:
    """Some neurons."""
    w = param.weight
    span = slice(w.indptr[start], w.indptr[stop])
    own = SparseParam(rows_of(w, start, stop), param.square[span])
    return own, columns_of(dz, start, stop), x, lr


def solve_rows_part(
    start: int, stop: int, x: CSR, wanted: CSR, duals: Array, prior: CSR, base: Array, *others: Any
) -> Arguments:
    """Some rows."""
    constant, limits, passes, salt = others
    entries = slice(wanted.indptr[start], wanted.indptr[stop])
    rows = rows_of(wanted, start, stop), duals[entries], rows_of(prior, start, stop)
    return x, *rows, base[start:stop], constant, limits[start:stop], passes, salt


def solve_rows_joined(join: Join, parts: list[SolvedRows], x: CSR, *_: Any) -> SolvedRows:
    """The rows, one below the other."""
    weight = CSR.stack([part.weight for part in parts], x.n_cols, join)
    bias, duals = ([getattr(part, name) for part in parts] for name in ("bias", "duals"))
    return SolvedRows(weight, join(bias), join(duals))


EXAMPLES, NEURONS, ROWS = 64, 1024, 4096
"""Of a part of a BLAS product."""

CUTS: dict[str, Cut] = {
    "hash": Cut(
        lambda x, *_: n_rows(x), always(ROWS),
        lambda start, stop, x, *others: (span_of(x, start, stop), *others), concatenated,
    ),
    "build": Cut(lambda codes, *_: codes.shape[1], shares(1), build_part, tables_joined),
    "reinsert": Cut(lambda tables, *_: tables.L, shares(1), reinsert_part, tables_joined),
    "query": Cut(query_size, shares(16), query_part, query_joined),
    "sddmm of a Block": Cut(
        lambda h, w, active: len(active.ids), always(NEURONS), sddmm_part,
        lambda join, parts, h, w, active, out: active.with_values(out),
        lambda h, w, active: (len(h), len(active.ids)), sddmm_write,
    ),
    "sddmm": Cut(lambda h, w, active: active.n_rows, shares(16), sddmm_part, sddmm_joined),
    "spmm": Cut(
        lambda z, w: z.n_rows, always(EXAMPLES),
        lambda start, stop, z, w: (span_of(z, start, stop), w), concatenated,
    ),
    "spmm_t of a Block": Cut(
        lambda z, h: len(z.ids), always(NEURONS), spmm_t_part,
        lambda join, parts, z, h, out: RowGrad(z.ids, out),
        lambda z, h: (len(z.ids), h.shape[1]), spmm_t_write,
    ),
    "spmm_t": Cut(lambda z, h: z.n_cols, shares(1024), spmm_t_part, spmm_t_joined),
    "loss": Cut(
        lambda z, *_: z.n_rows, always(EXAMPLES), loss_part, loss_joined,
        lambda z, *_: z.values.shape, loss_write,
    ),
    "update_rows": Cut(
        lambda param, grad, *_: len(grad.rows), shares(64), update_rows_part, no_result
    ),
    "top_k": Cut(lambda h, *_: len(h), always(EXAMPLES), top_k_part, pairs),
    "spgemm_t": Cut(
        lambda z, *_: z.n_cols, shares(64), spgemm_t_part,
        lambda join, parts, z, x, *_: CSR.stack(parts, x.n_cols, join),
    ),
    "invert": Cut(lambda w, *_: w.n_cols, shares(1024), invert_part, invert_joined),
    "search": Cut(
        lambda index, x, *_: x.n_rows, shares(16),
        lambda start, stop, index, x, excluded, k:
            (index, rows_of(x, start, stop), rows_of(excluded, start, stop), k),
        pairs,
    ),
    "masked_spgemm": Cut(
        lambda x, *_: x.n_rows, shares(16),
        lambda start, stop, x, w, active:
            (rows_of(x, start, stop), w, rows_of(active, start, stop)),
        lambda join, parts, x, w, active: CSR.stack(parts, active.n_cols, join),
    ),
    "update_entries": Cut(
        lambda param, *_: param.weight.n_rows, shares(64), update_entries_part, no_result
    ),
    "solve_rows": Cut(
        lambda x, wanted, *_: wanted.n_rows, shares(16), solve_rows_part, solve_rows_joined
    ),
}  # fmt: skip
"""By kernel, and by the layout of its set where that matters."""


def cut_of(kernel: str, arguments: Arguments) -> str:
    """The name of the cut."""
    of_block = {"sddmm": 2, "spmm_t": 0}
    is_block = kernel in of_block and isinstance(arguments[of_block[kernel]], Block)
    return f"{kernel} of a Block" if is_block else kernel
