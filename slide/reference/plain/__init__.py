"""Every kernel a second time, as dumb as can be: Python loops, sets, dicts and `math.fsum`.

Written from the contract in `slide.core.contract.backend` alone, so that it and `kernels.py` check
each other. Floating results are float64, integers are exact; only the judges and tests call it.
"""

from slide.core.contract.arrays import Array
from slide.reference.plain.codes import hash
from slide.reference.plain.hashing import mix
from slide.reference.plain.losses import log_softmax, loss
from slide.reference.plain.optimizers import update_rows
from slide.reference.plain.products import sddmm, spmm, spmm_t, top_k
from slide.reference.plain.rows import Row, csr, dot, patterns, rows_of
from slide.reference.plain.solving import Descent, descents, solve_rows
from slide.reference.plain.sparse import (
    invert,
    masked_spgemm,
    products_t,
    search,
    spgemm_t,
    terms_met,
    update_entries,
)
from slide.reference.plain.tables import build, query, reinsert

__all__ = [
    "Descent", "Row", "build", "csr", "descents", "dot", "get", "hash", "invert", "log_softmax",
    "loss", "masked_spgemm", "mix", "patterns", "products_t", "put", "query", "reinsert", "rows_of",
    "sddmm", "search", "solve_rows", "spgemm_t", "spmm", "spmm_t", "terms_met", "top_k",
    "update_entries", "update_rows",
]  # fmt: skip


def put(array: Array) -> Array:
    """The array itself."""
    return array


def get(array: Array) -> Array:
    """The array itself."""
    return array
