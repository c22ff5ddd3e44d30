"""Arrays in a safetensors file, mapped: pages are read when needed, and shared by all processes.

The file is checked against its own header: lengths and places, not the gigabytes of numbers.
Ids among these are looked at by who knows what they lead to (`are_below`).
"""

from __future__ import annotations

import json
import mmap
import os
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import FAULTS, ModelError, reason_of, refused

DTYPES = {
    "BOOL": np.bool_, "I8": np.int8, "U8": np.uint8, "U16": np.uint16, "F16": np.float16,
    "I32": np.int32, "U32": np.uint32, "F32": np.float32, "I64": np.int64, "U64": np.uint64,
}  # fmt: skip
LENGTH = 8  # bytes of the number before the header: how long that is
MOST_HEADER = 1 << 20


def map_arrays(path: Path) -> dict[str, Array]:
    """All arrays of a file by name, read-only; memory is that of the pages that are looked at.

    Raises:
        ModelError: there is no such file, or its length and header do not fit together.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            header, begin = read_header(file, size)
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        return {name: mapped_array(mapped, begin, size, one) for name, one in header.items()}
    except OSError as error:
        raise ModelError(f"cannot read {path}: {refused(error)}; copy the whole folder") from None
    except FAULTS as error:
        raise ModelError(
            f"{path} is damaged ({reason_of(error)}): freeze the model again"
        ) from None


def read_header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """What a file says of its arrays, and where their bytes begin; ValueError if nothing."""
    begin = LENGTH + int.from_bytes(file.read(LENGTH), "little")
    if size < LENGTH or begin > min(size, LENGTH + MOST_HEADER):
        raise ValueError(f"it has {size} bytes and no whole header")
    header = json.loads(file.read(begin - LENGTH))
    header.pop("__metadata__", None)
    ends = [one["data_offsets"][1] for one in header.values()]
    if begin + max(ends, default=0) != size:
        raise ValueError(f"it has {size} bytes: expected {begin + max(ends, default=0)}")
    return header, begin


def mapped_array(mapped: mmap.mmap, begin: int, size: int, said: dict[str, Any]) -> Array:
    """One array as the header says; ValueError if it lies elsewhere than in the file."""
    dtype, shape = np.dtype(DTYPES[said["dtype"]]), tuple(said["shape"])
    first, last = said["data_offsets"]
    is_within = 0 <= first <= last <= size - begin and all(n >= 0 for n in shape)
    is_within = is_within and (begin + first) % dtype.itemsize == 0  # as compiled loops need it
    if not is_within or last - first != prod(shape) * dtype.itemsize:
        raise ValueError(f"an array of {dtype} {shape} from {first} to {last}")
    return np.frombuffer(mapped, dtype, prod(shape), begin + first).reshape(shape)
