"""How large a case is, dimension by dimension."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import Query
from slide.core.contract.families import Family
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.contract.tables import Tables
from slide.reference.cases import Case

Dimensions = dict[str, int]
NO_LIMIT = 1 << 20  # whoever draws so large a one wants nothing to be cut


def dimensions_of(case: Case) -> Dimensions:
    """Each dimension of the arguments of a kernel by its name; of a training step none.

    `examples`, `neurons`, `inputs` and `width` (columns of a dense matrix) are what the contract
    calls B, n, n_inputs and d; `ids` those of a Block; `row` is the longest row of a CSR.
    """
    found: Dimensions = {}
    for name, thing in zip(case.names, case.arguments, strict=True):
        if name in BY_NAME:
            found = larger(found, BY_NAME[name](thing))
    return found


def larger(one: Mapping[str, int], other: Mapping[str, int]) -> Dimensions:
    """The larger value of each dimension that either has."""
    names = [*one, *(name for name in other if name not in one)]
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in names}


def longest(matrix: CSR) -> int:
    """Entries of the longest row."""
    return int(matrix.row_lengths().max(initial=0))


def of_pattern(z: CSR | Block | None) -> Dimensions:
    """Entries of examples and neurons."""
    match z:
        case CSR():
            return {"examples": z.n_rows, "neurons": z.n_cols, "row": longest(z)}
        case Block():
            return {"examples": z.n_rows, "neurons": z.n_cols, "ids": len(z.ids)}
    return {}


def of_vectors(x: Array | CSR) -> Dimensions:
    """Examples, dense or sparse."""
    if isinstance(x, CSR):
        return {"examples": x.n_rows, "inputs": x.n_cols, "row": longest(x)}
    return {"examples": len(x), "width": x.shape[1]}


def of_weights(w: Array | CSR) -> Dimensions:
    """Neurons, dense or sparse."""
    if isinstance(w, CSR):
        return {"neurons": w.n_rows, "inputs": w.n_cols, "row": longest(w)}
    return {"neurons": len(w), "width": w.shape[1]}


def of_param(param: Param | SparseParam) -> Dimensions:
    """Neurons and their weights."""
    return of_weights(param.weight)


def of_tables(tables: Tables | None) -> Dimensions:
    """Tables, buckets and neurons; none where nothing is retrieved."""
    if tables is None:
        return {}
    return {"neurons": tables.n_neurons, "tables": tables.L, "buckets": tables.n_buckets}


def of_family(family: Family) -> Dimensions:
    """Digits and tables."""
    return {"digits": family.K, "tables": family.L, "buckets": family.n_buckets}


def of_query(query: Query) -> Dimensions:
    """What is looked at and kept."""
    return {"bucket limit": query.bucket_limit} | of_limit("budget", query.budget)


def of_limit(name: str, limit: int) -> Dimensions:
    """A limit, unless it is none."""
    return {name: limit} if limit < NO_LIMIT else {}


def of_index(index: InvertedIndex) -> Dimensions:
    """Lists and who is in them."""
    lengths = np.diff(index.offsets)
    return {
        "neurons": len(index.base),
        "inputs": len(lengths),
        "list": int(lengths.max(initial=0)),
    }


def of_grad(grad: RowGrad) -> Dimensions:
    """Touched rows."""
    return {"touched": len(grad.rows)}


BY_NAME: dict[str, Callable[[Any], Dimensions]] = {
    "array": lambda array: {"entries": array.size},
    "h": of_vectors,
    "x": of_vectors,
    "w": of_weights,
    "z": of_pattern,
    "dz": of_pattern,
    "y": of_pattern,
    "active": of_pattern,
    "candidates": of_pattern,
    "required": of_pattern,
    "extra": of_pattern,
    "wanted": lambda wanted: {"neurons": wanted.n_rows, "wanted": longest(wanted)},
    "start": lambda start: {"start": longest(start)},
    "passes": lambda passes: {"passes": passes},
    "excluded": lambda excluded: {"excluded": longest(excluded)},
    "family": of_family,
    "probes": lambda probes: {"probes": probes},
    "codes": lambda codes: {"coded": len(codes), "codes": codes.shape[1]},
    "n_buckets": lambda n: {"buckets": n},
    "tables": of_tables,
    "rows": lambda rows: {"moved": len(rows)},
    "query": of_query,
    "param": of_param,
    "grad": of_grad,
    "k": lambda k: {"k": k},
    "limits": lambda limits: {"limit": int(limits[limits < NO_LIMIT].max(initial=0))},
    "limit": lambda limit: of_limit("limit", limit),
    "index": of_index,
}
"""By the name that an argument has in the contract."""
