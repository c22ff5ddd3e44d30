"""weights.safetensors, written array by array, without a second copy of any in memory.

Source: the format of safetensors, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.pieces import Pieces

CODES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "float16": "F16",
    "int32": "I32", "uint32": "U32", "float32": "F32", "float64": "F64", "int64": "I64",
    "uint64": "U64",
}  # fmt: skip
"""What files call dtypes; those that stand last here stand first there."""
ALIGNED = 8  # bytes of which the header is a multiple
BYTES_AT_A_TIME = 1 << 24


def save_tensors(tensors: Mapping[str, Array | Pieces], path: Path) -> None:
    """Write the same bytes as `safetensors.numpy.save_file`.

    Args:
        tensors: by name, of a dtype of CODES.
        path: of the file, which is replaced if it is there.

    Raises:
        OSError: the operating system refuses.
    """
    names = sorted(tensors, key=lambda name: (-place_of(tensors[name]), name))
    with path.open("wb") as file:
        file.write(header_of({name: tensors[name] for name in names}))
        for name in names:
            for piece in pieces_of(tensors[name]):
                file.write(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)


def place_of(tensor: Array | Pieces) -> int:
    """Of a dtype among all that there are."""
    return list(CODES).index(np.dtype(tensor.dtype).name)


def header_of(tensors: Mapping[str, Array | Pieces]) -> bytes:
    """The length of a description, and the description, padded."""
    described, begin = {}, 0
    for name, tensor in tensors.items():
        end = begin + int(np.prod(tensor.shape, dtype=object)) * np.dtype(tensor.dtype).itemsize
        code = CODES[np.dtype(tensor.dtype).name]
        described[name] = {
            "dtype": code, "shape": list(tensor.shape), "data_offsets": [begin, end],
        }  # fmt: skip
        begin = end
    text = json.dumps(described, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNED)
    return len(text).to_bytes(8, "little") + text


def pieces_of(tensor: Array | Pieces) -> Iterator[Array]:
    """The entries of an array in C order, some at a time."""
    if isinstance(tensor, Pieces):
        yield from tensor.parts()
        return
    rows = tensor.reshape(len(tensor), -1) if tensor.size else tensor[:0]
    n_rows = max(1, BYTES_AT_A_TIME // max(1, rows[:1].nbytes))
    for begin in range(0, len(rows), n_rows):
        yield rows[begin : begin + n_rows]
