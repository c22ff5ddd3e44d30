"""Arguments at the sizes of use: thousands of ids, widths of hundreds, a million neurons.

They are bounded by products of sizes, not by each size alone, so that an example takes little time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from slide.reference.cases import Case
from slide.reference.cases.drawing import Draw
from slide.reference.cases.scale.codes import hash_arguments
from slide.reference.cases.scale.drawing import Scaled
from slide.reference.cases.scale.losses import loss_arguments
from slide.reference.cases.scale.products import (
    array_argument,
    sddmm_arguments,
    spmm_arguments,
    spmm_t_arguments,
    top_k_arguments,
    update_rows_arguments,
)
from slide.reference.cases.scale.sparse import (
    invert_arguments,
    masked_spgemm_arguments,
    search_arguments,
    solve_rows_arguments,
    spgemm_t_arguments,
    update_entries_arguments,
)
from slide.reference.cases.scale.tables import build_arguments, query_arguments, reinsert_arguments

__all__ = ["AT_SCALE", "Scaled", "draw_at_scale"]


def draw_at_scale(kernel: str, draw: Draw) -> Case:
    """Arguments for one kernel; `draw` is a `Scaled`."""
    return Case(kernel, AT_SCALE[kernel](cast(Scaled, draw)))


AT_SCALE: dict[str, Callable[[Scaled], tuple[Any, ...]]] = {
    "put": array_argument,
    "get": array_argument,
    "hash": hash_arguments,
    "build": build_arguments,
    "reinsert": reinsert_arguments,
    "query": query_arguments,
    "sddmm": sddmm_arguments,
    "spmm": spmm_arguments,
    "spmm_t": spmm_t_arguments,
    "loss": loss_arguments,
    "update_rows": update_rows_arguments,
    "top_k": top_k_arguments,
    "spgemm_t": spgemm_t_arguments,
    "invert": invert_arguments,
    "search": search_arguments,
    "masked_spgemm": masked_spgemm_arguments,
    "update_entries": update_entries_arguments,
    "solve_rows": solve_rows_arguments,
}
