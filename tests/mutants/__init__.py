"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from mutants import (  # they register themselves
    codes,
    losses,
    optimizers,
    products,
    query,
    sparse,
    tables,
    threads,
    training,
)  # fmt: skip
from mutants.registry import LONE_KILLS, MUTANTS, REFERENCE

__all__ = [
    "LONE_KILLS", "MUTANTS", "REFERENCE", "codes", "losses", "optimizers", "products", "query",
    "sparse", "tables", "threads", "training",
]  # fmt: skip
