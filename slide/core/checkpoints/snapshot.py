"""A state at one moment, as the bytes of its files.

Memory that a process asks for is found page by page, and cleared; that takes ten times as long as
copying into memory that is there. So the copy of a state goes where the one before it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.state import State

BLOCK = 1 << 24  # bytes that are written, or summed, in one go
PAGE = 1 << 12  # bytes that memory begins at a multiple of where a disk can take it itself
ARRAY = "\0array"  # key of what stands for an array: no name in a state has such a letter
DTYPES = {
    "float64": "F64", "float32": "F32", "int64": "I64", "int32": "I32", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is written of a state.

    Args:
        body: the state as a line of JSON, names in place of its arrays.
        blocks: the bytes of its arrays as safetensors has them, u8, BLOCK of them but for the last.
        parts: where they are taken from. Whoever lent that memory is to be told in the thread that
            computes, when nobody looks at it any more, and not in the one that writes.
    """

    body: str
    blocks: Iterable[Array]
    parts: Sequence[Array] = ()

    @classmethod
    def of(cls, state: State) -> Snapshot:
        """Of a state that nobody writes into until it is on the disk: nothing of it is copied."""
        body, parts = taken_apart(state)
        return cls(body, poured(iter(parts), repeat(aligned())), parts)

    @classmethod
    def copied(cls, state: State, memory: Memory) -> Snapshot:
        """Of a state as it is now.

        Raises:
            MemoryError: there is not enough of it.
        """
        body, parts = taken_apart(state)
        return cls(body, list(poured(parts, memory)))


class Memory:
    """Blocks that are kept, as many as were ever asked for."""

    def __init__(self) -> None:
        self.blocks: list[Array] = []

    def __iter__(self) -> Iterator[Array]:
        yield from self.blocks
        while True:
            self.blocks.append(aligned())
            yield self.blocks[-1]

    def obtain(self, n_bytes: int) -> None:
        """Have so much, every page of it.

        Raises:
            MemoryError: there is not so much.
        """
        for begin, block in zip(range(0, n_bytes, BLOCK), self, strict=False):
            block[: n_bytes - begin].fill(0)


def aligned() -> Array:
    """A block that begins with a page: u8 (BLOCK,)."""
    block = np.empty(BLOCK + PAGE, np.uint8)
    begin = -block.ctypes.data % PAGE
    return block[begin : begin + BLOCK]


def poured(parts: Iterable[Array], blocks: Iterable[Array]) -> Iterator[Array]:
    """Bytes, one part after the other, in blocks that they are written into."""
    blocks = iter(blocks)
    block, n = next(blocks), 0
    for part in parts:
        while len(part):
            end = min(n + len(part), len(block))
            block[n:end] = part[: end - n]
            part, n = part[end - n :], end
            if n == len(block):
                yield block
                block, n = next(blocks), 0
    if n:
        yield block[:n]


def taken_apart(state: State) -> tuple[str, list[Array]]:
    """A state as JSON without arrays, and the bytes of these after a header for safetensors."""
    arrays: dict[str, Array] = {}
    body = json.dumps(without_arrays(state, "", arrays))
    header = header_of(arrays)
    return body, [np.frombuffer(header, np.uint8), *map(bytes_of, arrays.values())]


def n_bytes_of(state: State) -> int:
    """Of the arrays of a state, and of the header before them."""
    return sum(map(len, taken_apart(state)[1]))


def header_of(arrays: dict[str, Array]) -> bytes:
    """What stands before arrays in a file of safetensors."""
    described, end = dict[str, Any](), 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        dtype = DTYPES[array.dtype.name]
        described[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [begin, end]}
    header = json.dumps(described).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header


def bytes_of(array: Array) -> Array:
    """The bytes of an array in C order, u8; where it lies, if it has that order."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def without_arrays(tree: Any, path: str, arrays: dict[str, Array]) -> Any:
    """The tree with a name in place of each array, which is put among the arrays by it."""
    if isinstance(tree, np.ndarray):
        arrays[path] = tree
        return {ARRAY: path}
    if isinstance(tree, dict):
        return {key: without_arrays(one, f"{path}/{key}", arrays) for key, one in tree.items()}
    if isinstance(tree, list | tuple):
        return [without_arrays(one, f"{path}/{n}", arrays) for n, one in enumerate(tree)]
    return tree
