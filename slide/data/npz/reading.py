"""Examples of the arrays in one archive of ours, or in a pair of SciPy's, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.apart import read_left_out, refuse_misfit, without
from slide.data.beside import labels_beside, left_out_beside, refuse_label_features
from slide.data.npz.archive import Archive
from slide.data.npz.matrix import Entries, Stored, stored
from slide.data.parts import Part, Parts
from slide.data.rows import as_labels
from slide.data.source import BEGIN, Place, Source
from slide.data.tables.row import told

ENTRIES_AT_A_TIME, ROWS_AT_A_TIME = 1 << 18, 1 << 16


def npz_parts(
    source: Source,
    features_only: bool = False,
    start: Place = BEGIN,
    entries_at_a_time: int = ENTRIES_AT_A_TIME,
) -> Parts:
    """The examples of an npz file, or of the SciPy pair that it belongs to.

    Args:
        source: the file.
        features_only: in a pair look at the features alone; there are no labels then.
        start: the place behind the rows that somebody has already.
        entries_at_a_time: features of a part, and labels, but for a row that has more.

    Raises:
        DataError: the file or its partner is missing, damaged, or not as described above.
    """
    archive, left_out_path = Archive(source), None
    if "x_indptr" in archive:
        x, y = _own(archive, "x"), _own(archive, "y")
    else:
        _refuse_foreign(archive)
        x = _scipy(archive)
        if features_only:
            return Parts(_features(source, x, start, entries_at_a_time), x.n_cols, 0)
        left_out_path = left_out_beside(archive.path)
        y = _scipy(Archive(Source(labels_beside(archive.path))))
    refuse_misfit(x.n_rows, y.n_rows, y.archive.path)
    left_out = None
    if left_out_path is not None:
        left_out = read_left_out(Source(left_out_path), (y.n_rows, y.n_cols))
    parts = _side_by_side(source, x, y, left_out, start, entries_at_a_time)
    return Parts(parts, x.n_cols, y.n_cols)


def _side_by_side(
    source: Source, x: Stored, y: Stored, left_out: CSR | None, start: Place, n_entries: int
) -> Iterator[Part]:
    begin = start.n_lines
    with x.opened(begin) as features, y.opened(begin) as labels:
        for end in _ends(begin, [x.indptr, y.indptr], n_entries):
            own, theirs = features.summed(end), _labels(labels, end)
            pairs = left_out and left_out.take(np.arange(begin, end))
            begin = end
            _tell(source, x, end)
            yield Part(without(own, theirs, pairs), Place(0, end))
    for archive in {x.archive, y.archive}:
        archive.read_rest()


def _features(source: Source, x: Stored, start: Place, n_entries: int) -> Iterator[Part]:
    with x.opened(start.n_lines) as features:
        for end in _ends(start.n_lines, [x.indptr], n_entries):
            own = features.summed(end)
            _tell(source, x, end)
            yield Part(Dataset(own, CSR.empty(own.n_rows, 0)), Place(0, end))
    x.archive.read_rest()


def _tell(source: Source, x: Stored, end: int) -> None:
    source.has_read(end / max(x.n_rows, 1))


def _ends(begin: int, bounds: list[Array], n_entries: int) -> Iterator[int]:
    """Where parts end: at least one row, at most so many entries, and all rows in the end.

    There is one part, without a row, where there are no rows.
    """
    n_rows = len(bounds[0]) - 1
    while True:
        end = min(n_rows, begin + ROWS_AT_A_TIME)
        for indptr in bounds:
            fit = int(np.searchsorted(indptr, indptr[begin] + n_entries, side="right")) - 1
            end = min(end, max(fit, begin + 1))
        yield end
        begin = end
        if begin >= n_rows:
            return


def _labels(entries: Entries, end: int) -> CSR:
    """The labels of the rows before `end`, or DataError where a value is that of none."""
    rows = entries.rows(end)
    is_signed = "y_values" in entries.matrix.archive
    if is_signed and not (abs(rows.values) == 1).all():
        sentence = "label values other than 1 and -1: store 1 for a label, -1 for one that was"
        raise entries.fault(lambda: f"{sentence} shown and not chosen, nothing for the others")
    if not is_signed and not (rows.values == 1).all():
        sentence = "label values other than 1: store 1 for a label, nothing for none"
        raise entries.fault(lambda: sentence)
    return as_labels(rows)


def _own(archive: Archive, side: str) -> Stored:
    indptr, indices = archive[f"{side}_indptr"], archive[f"{side}_indices"]
    has_values = side == "x" or "y_values" in archive
    values = archive[f"{side}_values"] if has_values else None
    return stored(archive, indptr, indices, values, archive.array(f"{side}_n_cols"))


def _scipy(archive: Archive) -> Stored:
    kind = archive.array("format")
    if kind.tolist() not in (b"csr", "csr"):
        sentence = f"a SciPy matrix in the format {told(kind.tolist())}, expected b'csr'"
        raise DataError(f"{sentence}: save matrix.tocsr()", archive.path)
    shape = archive.array("shape")
    if shape.shape != (2,):
        raise DataError("the shape is no pair of numbers: write the file again", archive.path)
    indptr, indices, values = (archive[key] for key in ("indptr", "indices", "data"))
    matrix = stored(archive, indptr, indices, values, shape[1])
    if matrix.n_rows != shape[0]:
        sentence = f"{matrix.n_rows} rows, but the shape says {shape[0]}: write the file again"
        raise DataError(sentence, archive.path)
    return matrix


def _refuse_foreign(archive: Archive) -> None:
    """Raise DataError unless these are a SciPy matrix of examples."""
    path = archive.path
    refuse_label_features(path)
    if not archive.members:
        raise DataError("a zip archive without arrays, expected npz: unpack it first", path)
    if "format" not in archive:
        sentence = "neither slide's own arrays (x_indptr, ...) nor a SciPy matrix in an X_*.npz"
        raise DataError(f"{sentence}: write it again as one of them", path)


def save_npz(dataset: Dataset, file: IO[bytes]) -> None:
    """Write our single file."""
    x, y = dataset.features, dataset.y
    features = {"x_indptr": x.indptr, "x_indices": x.indices, "x_values": x.values}
    labels = {"y_indptr": y.indptr, "y_indices": y.indices}
    if not (y.values == 1).all():
        labels["y_values"] = y.values
    # NumPy's stubs take any keyword for `allow_pickle`, which is no array.
    np.savez(file, **features, x_n_cols=x.n_cols, **labels, y_n_cols=y.n_cols)  # type: ignore[arg-type]
