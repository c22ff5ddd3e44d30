"""npz: the arrays themselves, in one file of ours or in a pair that SciPy wrote.

* Ours: `x_indptr x_indices x_values x_n_cols y_indptr y_indices y_n_cols`, and `y_values` where
  some labels are known to be wrong: 1 for a label, -1 for one that was shown and not chosen.
* A pair: `scipy.sparse.save_npz("X_name.npz", x)` and `Y_name.npz` beside it (or `x_` and `y_`),
  both in CSR format; the X file is the one to name.

The rules for rows are those of text: any order, repeated features summed in float32, repeated
labels once, and as 1 if one of them is. Other label values are refused, in a pair all but 1.
Pickles are never loaded, and no memory is taken for what a header claims: an array is the bytes
that are there.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.apart import joined
from slide.data.beside import labels_beside, left_out_beside, refuse_label_features
from slide.data.block import MAX_COLUMNS
from slide.data.compression import refuse_bomb
from slide.data.rows import as_labels, canonical
from slide.data.source import Source
from slide.data.streams import open_error
from slide.data.tables.row import told


def read_npz(source: Source, features_only: bool = False) -> Dataset:
    """The examples of an npz file, or of the SciPy pair that it belongs to.

    Args:
        source: the file.
        features_only: in a pair look at the features alone; there are no labels then.

    Raises:
        DataError: the file or its partner is missing, damaged, or not as described above.
    """
    path, arrays = source.name, _arrays(source)
    if "x_indptr" in arrays:
        x, y = _own(arrays, "x", path), _own(arrays, "y", path)
        left_out_path = None
    else:
        _refuse_foreign(path, arrays)
        x = _scipy(arrays, path)
        if features_only:
            return Dataset(_summed(x, path), CSR.empty(x.n_rows, 0))
        path, left_out_path = labels_beside(path), left_out_beside(path)
        y = _scipy(_arrays(Source(path)), path)
    if "y_values" in arrays and not (abs(y.values) == 1).all():
        sentence = "label values other than 1 and -1: store 1 for a label, -1 for one that was"
        raise DataError(f"{sentence} shown and not chosen, nothing for the others", path)
    if "y_values" not in arrays and not (y.values == 1).all():
        raise DataError("label values other than 1: store 1 for a label, nothing for none", path)
    return joined(_summed(x, path), as_labels(y), path, left_out_path)


def save_npz(dataset: Dataset, file: IO[bytes]) -> None:
    """Write our single file."""
    x, y = dataset.features, dataset.y
    features = {"x_indptr": x.indptr, "x_indices": x.indices, "x_values": x.values}
    labels = {"y_indptr": y.indptr, "y_indices": y.indices}
    if not (y.values == 1).all():
        labels["y_values"] = y.values
    # NumPy's stubs take any keyword for `allow_pickle`, which is no array.
    np.savez(file, **features, x_n_cols=x.n_cols, **labels, y_n_cols=y.n_cols)  # type: ignore[arg-type]


def _arrays(source: Source) -> dict[str, Array]:
    path, content = source.name, source.seekable()
    try:
        with zipfile.ZipFile(content) as archive:
            members = [each for each in archive.infolist() if each.filename.endswith(".npy")]
            _refuse_bomb(members, content, path)
            return {each.filename.removesuffix(".npy"): _read(archive, each) for each in members}
    except (DataError, MemoryError):
        raise
    except OSError as error:
        raise open_error(error, path) from None
    except Exception as error:
        # zipfile, zlib and NumPy's header parser raise a dozen kinds between them on damaged files.
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        sentence = f"no npz file, or a damaged one ({reason})"
        raise DataError(f"{sentence}: write or fetch it again", path) from None


def _refuse_bomb(members: list[zipfile.ZipInfo], content: Path | IO[bytes], path: Path) -> None:
    """Raise if members claim far more bytes than an archive has, however they overlap.

    Raises:
        DataError: there would be far more when they are decompressed.
        ValueError: there are more as they are.
    """
    n_there = os.path.getsize(content) if isinstance(content, Path) else _size(content)
    refuse_bomb(sum(each.file_size for each in members), n_there, path)
    if any(each.compress_size > n_there for each in members):
        raise ValueError("a member has more bytes than the file")


def _size(file: IO[bytes]) -> int:
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    return n_bytes


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """The array in a member; it decompresses to no more bytes than the archive says."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename!r} is compressed as NumPy does not")
    return _array(archive.read(member))


def _array(content: bytes) -> Array:
    """The array of an npy file, never larger than the file."""
    file = io.BytesIO(content)
    read_header = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }[npy.read_magic(file)]
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, expected numbers")
    array: Array = np.frombuffer(content, dtype, offset=file.tell())
    return array.reshape(shape)


def _own(arrays: dict[str, Array], side: str, path: Path) -> CSR:
    indptr, indices = (_member(arrays, f"{side}_{key}", path) for key in ("indptr", "indices"))
    if side == "y" and "y_values" not in arrays:
        values: Array = np.ones(indices.shape, np.float32)
    else:
        values = _member(arrays, f"{side}_values", path)
    return _csr(indptr, indices, values, _member(arrays, f"{side}_n_cols", path), path)


def _scipy(arrays: dict[str, Array], path: Path) -> CSR:
    kind = _member(arrays, "format", path)
    if kind.tolist() not in (b"csr", "csr"):
        sentence = f"a SciPy matrix in the format {told(kind.tolist())}, expected b'csr'"
        raise DataError(f"{sentence}: save matrix.tocsr()", path)
    shape = _member(arrays, "shape", path)
    if shape.shape != (2,):
        raise DataError("the shape is no pair of numbers: write the file again", path)
    indptr, indices, values = (_member(arrays, key, path) for key in ("indptr", "indices", "data"))
    matrix = _csr(indptr, indices, values, shape[1], path)
    if matrix.n_rows != shape[0]:
        sentence = f"{matrix.n_rows} rows, but the shape says {shape[0]}: write the file again"
        raise DataError(sentence, path)
    return matrix


def _refuse_foreign(path: Path, arrays: dict[str, Array]) -> None:
    """Raise DataError unless these are a SciPy matrix of examples."""
    refuse_label_features(path)
    if not arrays:
        raise DataError("a zip archive without arrays, expected npz: unpack it first", path)
    if "format" not in arrays:
        sentence = "neither slide's own arrays (x_indptr, ...) nor a SciPy matrix in an X_*.npz"
        raise DataError(f"{sentence}: write it again as one of them", path)


def _member(arrays: dict[str, Array], key: str, path: Path) -> Array:
    if key not in arrays:
        raise DataError(f"the array {key!r} is missing: write the file again", path)
    return arrays[key]


def _csr(indptr: Array, indices: Array, values: Array, n_cols: Array, path: Path) -> CSR:
    """A CSR whose rows may be unsorted and hold duplicates; all else is checked."""
    fault = _type_fault(indptr, indices, values, n_cols)
    fault = fault or _content_fault(indptr.astype(np.int64), indices, values, int(n_cols))
    if fault:
        raise DataError(f"{fault}: write the file again", path)
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        sentence = "a value is NaN, infinite, or overflows 32-bit floating point"
        raise DataError(f"{sentence}: clean the values and write the file again", path)
    return CSR(indptr.astype(np.int64), indices.astype(np.int32), values, int(n_cols))


def _type_fault(indptr: Array, indices: Array, values: Array, n_cols: Array) -> str | None:
    expected = {
        "row bounds": (indptr, "iu", 1),
        "indices": (indices, "iu", 1),
        "values": (values, "biuf", 1),
        "number of columns": (n_cols, "iu", 0),
    }
    for name, (array, kinds, ndim) in expected.items():
        if array.dtype.kind not in kinds or array.ndim != ndim:
            got = f"{array.dtype} with {array.ndim} dimensions"
            return f"the {name} are {got}, expected numbers with {ndim}"
    return None


def _content_fault(indptr: Array, indices: Array, values: Array, n_cols: int) -> str | None:
    if not 0 <= n_cols <= MAX_COLUMNS:
        return f"{n_cols} columns, expected 0 to {MAX_COLUMNS}"
    if not (len(indptr) and indptr[0] == 0 and (indptr[1:] >= indptr[:-1]).all()):
        return "the row bounds do not rise from 0"
    if not indptr[-1] == len(indices) == len(values):
        counts = f"{len(indices)} indices and {len(values)} values"
        return f"the row bounds end at {indptr[-1]}, but there are {counts}"
    if len(indices) and not 0 <= indices.min() <= indices.max() < n_cols:
        return f"indices from {indices.min()} to {indices.max()}, expected 0 to {n_cols - 1}"
    return None


def _summed(features: CSR, path: Path) -> CSR:
    summed = canonical(features)
    if not np.isfinite(summed.values).all():
        sentence = "values of a repeated feature sum to more than 32-bit floating point holds"
        raise DataError(f"{sentence}: give each feature once", path)
    return summed
