"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from mutants import codes, losses, optimizers, products, query, tables  # they register themselves
from mutants.registry import LONE_KILLS, MUTANTS, REFERENCE

__all__ = [
    "LONE_KILLS", "MUTANTS", "REFERENCE", "codes", "losses", "optimizers", "products", "query",
    "tables",
]  # fmt: skip
