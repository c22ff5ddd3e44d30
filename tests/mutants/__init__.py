"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from mutants import hashing, products, query, training  # they register themselves
from mutants.registry import LONE_KILLS, MUTANTS, REFERENCE

__all__ = ["LONE_KILLS", "MUTANTS", "REFERENCE", "hashing", "products", "query", "training"]
