"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from mutants import (  # they register themselves
    callers,
    codes,
    direct_training,
    losses,
    memory,
    optimizers,
    products,
    query,
    scale_codes,
    scale_losses,
    scale_products,
    scale_sparse,
    scale_tables,
    scale_updates,
    sparse,
    tables,
    threads,
    training,
    zeros,
)  # fmt: skip
from mutants.registry import AT_DEFAULT, LONE_KILLS, MUTANTS, REFERENCE

__all__ = [
    "AT_DEFAULT", "LONE_KILLS", "MUTANTS", "REFERENCE", "callers", "codes", "direct_training",
    "losses", "memory", "optimizers", "products", "query", "scale_codes", "scale_losses",
    "scale_products", "scale_sparse", "scale_tables", "scale_updates", "sparse", "tables",
    "threads", "training", "zeros",
]  # fmt: skip
