"""Fewer weights, and fewer bits of each: what makes a frozen model small."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.invariants import demand
from slide.core.contract.lists import indptr_of
from slide.core.errors import said
from slide.core.settings.demands import demand_float, demand_one_of

DtypeName = Literal["float32", "float16", "int8"]
DTYPE_NAMES: tuple[str, ...] = get_args(DtypeName)
LARGEST_CODE = {"float16": 1.0, "int8": 127.0}  # what the largest weight of a group stands as


def demand_packing(dtype: object, keep: object) -> None:
    """Raise ConfigError unless both are what a model can be frozen with."""
    demand_one_of(said("dtype"), dtype, DTYPE_NAMES)
    demand_float(said("keep"), keep, 1e-6, 1.0)


def scales_of(largest: Array, dtype: str) -> Array:
    """The scales of groups of weights, of the largest magnitude in each: f32, above 0."""
    scales = largest / np.float32(LARGEST_CODE[dtype])
    return np.where(scales > 0, scales, np.float32(1)).astype(np.float32)


def codes_of(values: Array, scales: Array, dtype: str) -> Array:
    """Codes of weights, i8 or f16: a weight is about its code times its scale.

    An int8 is off by half a scale at most, a float16 by 2**-11 of the weight.
    """
    codes = values / scales
    return (np.rint(codes) if dtype == "int8" else codes).astype(dtype)


def demand_codes(codes: Array) -> None:
    """Raise ValueError unless an array is of codes."""
    demand(codes.dtype in ("int8", "float16"), f"codes are {codes.dtype}, expected int8 or float16")


def decoded(codes: Array) -> tuple[Array, Array]:
    """Codes as unsigned integers, and what each such integer stands for: f32 (256 or 65536,)."""
    unsigned = np.dtype(f"u{codes.itemsize}")
    every = np.arange(1 << 8 * codes.itemsize).astype(unsigned)
    with np.errstate(invalid="ignore"):  # codes that are not numbers, which no weight has
        return codes.view(unsigned), every.view(codes.dtype).astype(np.float32)


def largest_of_runs(values: Array, offsets: Array) -> Array:
    """The largest magnitude in each run `offsets[f]:offsets[f + 1]`, f32; 0 where that is empty."""
    out = np.zeros(len(offsets) - 1, np.float32)
    has_any = np.diff(offsets) > 0
    if has_any.any():
        out[has_any] = np.maximum.reduceat(np.abs(values), offsets[:-1][has_any])
    return out


def with_largest(weight: CSR, keep: float) -> CSR:
    """Of each row the largest weights by magnitude, this share of them, rounded up.

    Ties go to the smaller column; a keep of 1 is all.
    """
    if keep == 1:
        return weight
    rows, lengths = weight.row_numbers(), weight.row_lengths()
    order = np.lexsort((-np.abs(weight.values), rows))  # stable: ties in the order of columns
    places = np.arange(weight.nnz) - np.repeat(indptr_of(lengths)[:-1], lengths)
    kept = np.zeros(weight.nnz, bool)
    kept[order] = places < np.repeat(np.ceil(keep * lengths), lengths)
    return weight.where(kept)
