"""A data folder as examples whose arrays stay on disk until they are looked at."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError, InputError
from slide.core.examples.dataset import checked, keys_of
from slide.core.examples.mapped import Mapped
from slide.data.folders.arrays import crc_of, mapped
from slide.data.folders.manifest import DTYPES, MANIFEST, Manifest, file_of, read_manifest
from slide.data.folders.naming import read_called
from slide.data.streams import open_error

N_TRIED = 4  # examples whose keys are computed again, from the first to the last


def open_folder(folder: Path) -> Mapped:
    """The examples of a data folder, mapped: they take memory as they are looked at.

    Looks at the manifest, at the size and the header of each file, at the ends of the rows, and at
    a few examples and their keys; numbers are checked by whoever trains on them, as others are, and
    checksums by `check_folder`.

    Raises:
        DataError: it is no data folder, or one that is damaged.
    """
    manifest = read_manifest(folder)
    x = _matrix(folder, manifest, "x", manifest["n_features"])
    y = _matrix(folder, manifest, "y", manifest["n_labels"])
    has_left_out = "left_out_indptr" in manifest["arrays"]
    left_out = _matrix(folder, manifest, "left_out", y.n_cols) if has_left_out else None
    keys = mapped(file_of(folder, "keys"), DTYPES["keys"], x.n_rows)
    _refuse_other_keys(x, y, keys, file_of(folder, "keys"))
    called = read_called(folder, manifest)._asdict()
    told = {"keys": keys, "is_binary": manifest["is_binary"], "folder": folder}
    return Mapped(x, y, left_out, **called, **told)


def is_data_folder(folder: Path) -> bool:
    """Whether a folder says that it holds data."""
    return os.path.lexists(folder / MANIFEST)


def _matrix(folder: Path, manifest: Manifest, side: str, n_cols: int) -> CSR:
    """One of its matrices, whose rows end where its entries do."""
    names = [f"{side}_{field}" for field in ("indptr", "indices", "values")]
    arrays = [
        mapped(file_of(folder, name), DTYPES[name], manifest["arrays"][name]["length"])
        for name in names
    ]
    indptr, indices, values = arrays
    if not (indptr[0] == 0 and indptr[-1] == len(indices) == len(values)):
        raise DataError(
            f"rows from {indptr[0]} to {indptr[-1]}, expected 0 to {len(indices)} as there are "
            f"indices, and {len(values)} values: convert the data again",
            file_of(folder, names[0]),
        )
    return CSR(indptr, indices, values, n_cols)


def _refuse_other_keys(x: CSR, y: CSR, keys: Array, path: Path) -> None:
    """Raise DataError if one of a few examples has another key than it should have."""
    for row in np.linspace(0, len(keys) - 1, min(N_TRIED, len(keys)), dtype=np.int64).tolist():
        key = int(keys_of(_row(x, row), _row(y, row))[0])
        if key != keys[row]:
            raise DataError(
                f"the key of example {row + 1} is {keys[row]}, expected {key} by its features and "
                "labels, so one of these was damaged after it was written: convert the data again",
                path,
            )


def _row(matrix: CSR, row: int) -> CSR:
    """One row; of ends that are damaged, whatever lies between them."""
    between = slice(*matrix.indptr[row : row + 2].tolist())
    indices, values = matrix.indices[between], matrix.values[between]
    return CSR(np.array([0, len(indices)]), indices, values, matrix.n_cols)


def check_folder(folder: Path) -> Mapped:
    """The same, when every byte was looked at.

    Raises:
        DataError: a checksum is another than when the folder was written, or numbers contradict
            each other.
    """
    data = open_folder(folder)
    for name, entry in read_manifest(folder)["arrays"].items():
        path = file_of(folder, name)
        try:
            crc = crc_of(path)
        except OSError as error:
            raise open_error(error, path) from None
        if crc != entry["crc32"]:
            raise DataError(
                f"its checksum is {crc:08x}, expected {entry['crc32']:08x} by the manifest, so it "
                "was damaged after it was written: convert the data again",
                path,
            )
    try:
        checked(data, "the data")
    except InputError as error:
        raise DataError(f"{error}: convert the data again", folder) from None
    for names in (data.feature_names, data.label_names):
        if names is not None:
            names.get("")  # which parses them
    if not (np.abs(data.y.values) == 1).all():
        raise DataError("a label has a value other than 1 and -1: convert the data again", folder)
    return data
