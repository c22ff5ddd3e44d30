"""Rows that are asked for while another one is worked on.

Kernels read one row of a matrix after the other, anywhere in memory. A row is some cache lines, of
which the processor foresees none but those after the first few: without a hint it waits for memory
at the beginning of each row.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from slide.backends.threads.compiling import compiled
from slide.backends.threads.layouts import Rows
from slide.core.contract.arrays import Array

LINE = 16  # entries of 4 bytes in a cache line
FORESEEN = 512  # entries of a row after which the processor has seen where this goes
FOR_READING, TO_ALL_CACHES, OF_DATA = 0, 3, 1


def prefetch(array: Array, place: int) -> None:
    """Begin to load the cache line of an entry; no more than a hint, and in Python nothing."""


@intrinsic
def prefetch_instruction(_: Any, array: Any, place: Any) -> Any:
    """The instruction of LLVM of that name."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        entries = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = ir.IntType(8).as_pointer()
        address = builder.bitcast(builder.gep(entries, [arguments[1]]), pointer)
        number = ir.IntType(32)
        declared: Any = cgutils.get_or_insert_function
        function = declared(
            builder.module,
            ir.FunctionType(ir.VoidType(), [pointer, number, number, number]),
            "llvm.prefetch.p0i8",
        )
        hints = [ir.Constant(number, hint) for hint in (FOR_READING, TO_ALL_CACHES, OF_DATA)]
        builder.call(function, [address, *hints])
        return context.get_dummy_value()

    return types.void(array, types.intp), written


@overload(prefetch, inline="always")
def compiled_prefetch(array: Any, place: Any) -> Any:
    """What compiled functions call."""

    instruction: Any = prefetch_instruction  # whose first argument the compiler gives

    def hint(array: Any, place: Any) -> None:
        instruction(array, place)

    return hint


@compiled
def prefetch_entries(array: Array, first: int, last: int) -> None:
    """Begin to load some entries, or as many as the processor would be slow to foresee."""
    for place in range(first, min(last, first + FORESEEN), LINE):
        prefetch(array, place)


@compiled
def prefetch_row(rows: Rows, i: int) -> None:
    """Begin to load a row."""
    prefetch_entries(rows.indices, rows.indptr[i], rows.indptr[i + 1])
    prefetch_entries(rows.values, rows.indptr[i], rows.indptr[i + 1])
