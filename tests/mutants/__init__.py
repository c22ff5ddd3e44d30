"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from mutants import codes, hashing, losses, optimizers, products, query  # they register themselves
from mutants.registry import LONE_KILLS, MUTANTS, REFERENCE

__all__ = [
    "LONE_KILLS", "MUTANTS", "REFERENCE", "codes", "hashing", "losses", "optimizers", "products",
    "query",
]  # fmt: skip
