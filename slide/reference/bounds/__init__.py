"""How far from the definition a result may be, and where it is further.

Integers must be equal. Floating results may differ by what the contract in
`slide.core.contract.backend` allows, computed here in float64 from the arguments themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slide.reference.bounds.codes import hash_difference
from slide.reference.bounds.comparing import difference, named_arrays
from slide.reference.bounds.deciding import top_k_difference
from slide.reference.bounds.losses import loss_bound
from slide.reference.bounds.optimizers import update_rows_bound
from slide.reference.bounds.products import sddmm_bound, spmm_bound, spmm_t_bound
from slide.reference.bounds.solving import solve_rows_bound, solve_rows_difference
from slide.reference.bounds.sparse import (
    masked_spgemm_bound,
    search_difference,
    spgemm_t_difference,
    update_entries_bound,
)

__all__ = [
    "bound_of",
    "difference",
    "hash_difference",
    "named_arrays",
    "search_difference",
    "solve_rows_difference",
    "spgemm_t_difference",
    "top_k_difference",
]


def bound_of(kernel: str, arguments: tuple[Any, ...]) -> Any:
    """By how much a result may differ, in the structure of the result; None for not at all."""
    return BOUNDS[kernel](*arguments) if kernel in BOUNDS else None


BOUNDS: dict[str, Callable[..., Any]] = {
    "sddmm": sddmm_bound,
    "spmm": spmm_bound,
    "spmm_t": spmm_t_bound,
    "loss": loss_bound,
    "update_rows": update_rows_bound,
    "masked_spgemm": masked_spgemm_bound,
    "update_entries": update_entries_bound,
    "solve_rows": solve_rows_bound,
}
