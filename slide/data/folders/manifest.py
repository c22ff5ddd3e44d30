"""What a data folder says of itself in manifest.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from slide.core.errors import DataError, quoted
from slide.core.examples.names_file import NAMES, are_counts
from slide.core.examples.texts_file import TEXT
from slide.data.block import MAX_COLUMNS
from slide.data.folders.arrays import refuse_no_file
from slide.data.streams import open_error

FORMAT, VERSION = "slide-data", 1
NAMED = 2  # of a folder whose columns have names; all others are still of VERSION
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1 << 20  # bytes
MATRICES = ("x", "y", "left_out")
FIELDS = {"indptr": "<i8", "indices": "<i4", "values": "<f4"}
DTYPES = {
    f"{matrix}_{field}": np.dtype(dtype) for matrix in MATRICES for field, dtype in FIELDS.items()
} | {"keys": np.dtype("<u8")}
SIZES = ("n_samples", "n_features", "n_labels")
MOST = {"n_samples": 2**62, "n_features": MAX_COLUMNS, "n_labels": MAX_COLUMNS}

Manifest = dict[str, Any]


def file_of(folder: Path, name: str) -> Path:
    """Where an array is."""
    return folder / f"{name}.npy"


def manifest_text(described: Manifest) -> str:
    """The text of manifest.json."""
    return json.dumps({"format": FORMAT, "version": VERSION} | described, indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """What a folder says of itself, every entry of its type and in its range.

    Raises:
        DataError: it is no data folder, or damaged, or of another version.
    """
    path = folder / MANIFEST
    refuse_no_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_MANIFEST)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"there is no {MANIFEST} in this folder, expected a file, or a folder that "
                        "`slide convert IN DIR` wrote: name one", folder) from None  # fmt: skip
    except OSError as error:
        raise open_error(error, path) from None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"damaged ({error}): convert the data again", path) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(f"it is not of a data folder, expected format {FORMAT!r}: name one", path)
    if type(found.get("version")) is not int or found["version"] not in (VERSION, NAMED):
        got = f"version {quoted(found.get('version'))}, but this slide reads {VERSION} and {NAMED}"
        raise DataError(f"{got}: convert the data again", path)
    fault = _fault(found)
    if fault:
        raise DataError(f"{fault}: convert the data again", path)
    return found


def _fault(found: Manifest) -> str | None:
    """What is not as it must be, if anything."""
    for name in SIZES:
        if not _is_size(found.get(name), MOST[name]):
            return f"{name} is {quoted(found.get(name))}, expected 0 to {MOST[name]}"
    if type(found.get("is_binary")) is not bool:
        return f"is_binary is {quoted(found.get('is_binary'))}, expected true or false"
    arrays = found.get("arrays")
    if not isinstance(arrays, dict):
        return "arrays is no object"
    left_out = {name for name in DTYPES if name.startswith("left_out_")}
    if set(arrays) not in (set(DTYPES), set(DTYPES) - left_out):
        got = ", ".join(sorted(arrays))[:60] or "nothing"
        return f"arrays has {got}, expected {', '.join(DTYPES)}"
    fault = next((fault for name in arrays if (fault := _array_fault(found, name))), None)
    return fault or (_naming_fault(found) if found["version"] == NAMED else None)


def _naming_fault(found: Manifest) -> str | None:
    """What is not as it must be of names, if anything."""
    names, beside = found.get("names"), found.get("beside")
    if not are_counts(names):
        return f"names is {quoted(names)}, expected numbers of names of features and labels"
    assert isinstance(names, dict)
    for side, n in names.items():
        if n not in (None, found[f"n_{side}"]):
            return f"there are {n} names of {side}, expected {found[f'n_{side}']}"
    if not isinstance(beside, dict) or set(beside) not in ({NAMES}, {NAMES, TEXT}):
        return f"beside is {quoted(beside)}, expected {NAMES}, and {TEXT} of texts"
    return next((f"{name} is {quoted(entry)}, expected its length and crc32"
                 for name, entry in beside.items() if not _is_described(entry)), None)  # fmt: skip


def _is_described(entry: Any) -> bool:
    """Whether this says a length and a checksum."""
    return isinstance(entry, dict) and all(
        _is_size(entry.get(key), 2**62) for key in ("length", "crc32")
    )


def _array_fault(found: Manifest, name: str) -> str | None:
    entry, n = found["arrays"][name], found["n_samples"]
    if not _is_described(entry):
        return f"{name} is {quoted(entry)}, expected its length and crc32"
    expected = {"indptr": n + 1, "keys": n}.get(name.rpartition("_")[2])
    if expected is not None and entry["length"] != expected:
        return f"{name} has the length {entry['length']}, expected {expected}"
    return None


def _is_size(number: Any, most: int) -> bool:
    return type(number) is int and 0 <= number <= most
