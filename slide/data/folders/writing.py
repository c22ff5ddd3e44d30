"""All files of a data folder that is being written, and what is counted on the way."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import is_even
from slide.data.called import Called
from slide.data.folders.arrays import HEADER, ArrayFile, refuse_no_file, write_durably
from slide.data.folders.manifest import (
    DTYPES,
    FIELDS,
    MANIFEST,
    MATRICES,
    Manifest,
    file_of,
    manifest_text,
)
from slide.data.folders.naming import write_called
from slide.data.parts import highest

UNNAMED = Called()


@dataclass(slots=True)
class Counted:
    """What was seen of the examples so far.

    Args:
        n_features, n_labels: sizes that were stated, or that what was seen needs.
        is_even: the features of each example have one value, which is above 0.
    """

    n_features: int = 0
    n_labels: int = 0
    is_even: bool = True

    def see(self, part: Dataset) -> None:
        """Count some more."""
        self.widen(highest(part.features) + 1, highest(part.y) + 1)
        if part.left_out is not None:
            self.widen(0, highest(part.left_out) + 1)
        self.is_even = self.is_even and is_even(part.features)

    def widen(self, n_features: int, n_labels: int) -> None:
        """Have at least these sizes."""
        self.n_features = max(self.n_features, n_features)
        self.n_labels = max(self.n_labels, n_labels)


class FolderWriter:
    """Appends examples to the arrays of a folder.

    Args:
        folder: that exists; what stands in it is gone, but for what `state` tells of.
        state: what `sync` returned, if examples were written there before.
    """

    def __init__(self, folder: Path, state: dict[str, Any] | None = None) -> None:
        self.folder = folder
        known = state["arrays"] if state else {}
        self.counted = Counted(**state["counted"]) if state else Counted()
        for name in DTYPES:
            refuse_no_file(file_of(folder, name))
        self.files = {
            name: ArrayFile(file_of(folder, name), dtype, **known.get(name, {}))
            for name, dtype in DTYPES.items()
        }
        if not state:
            for side in MATRICES:
                self.files[f"{side}_indptr"].append(np.zeros(1, np.int64))

    @property
    def n_samples(self) -> int:
        return self.files["keys"].length

    @property
    def n_bytes(self) -> int:
        """Of all numbers that were written."""
        return sum(file.length * file.dtype.itemsize for file in self.files.values())

    def append(self, part: Dataset) -> None:
        """Write examples behind those that are there."""
        self.counted.see(part)
        self.files["keys"].append(part.row_keys())
        left_out = part.left_out or CSR.empty(part.n_samples, 0)
        for side, matrix in zip(MATRICES, (part.features, part.y, left_out), strict=True):
            n_before = self.files[f"{side}_indices"].length
            self.files[f"{side}_indptr"].append(matrix.indptr[1:] + n_before)
            self.files[f"{side}_indices"].append(matrix.indices)
            self.files[f"{side}_values"].append(matrix.values)

    def sync(self) -> dict[str, Any]:
        """What to go on from, when all that was appended is on the disk."""
        for file in self.files.values():
            file.sync()
        arrays = {
            name: {"length": file.length, "crc": file.crc} for name, file in self.files.items()
        }
        return {"arrays": arrays, "counted": asdict(self.counted)}

    def finish(self, called: Called = UNNAMED) -> None:
        """Complete all files, the manifest last.

        Args:
            called: what columns are called: all of them, where they have names.
        """
        self.counted.widen(*(0 if names is None else len(names) for names in called[:2]))
        for file in self.files.values():
            file.finish()
        if not self.files["left_out_indices"].length:
            for field in FIELDS:
                self.files.pop(f"left_out_{field}").path.unlink()
        told = write_called(self.folder, called)
        write_durably(self.folder / MANIFEST, manifest_text(self._described() | told))

    def _described(self) -> Manifest:
        n, nnz = self.n_samples, self.files["x_indices"].length
        return {
            "n_samples": n,
            "n_features": self.counted.n_features,
            "n_labels": self.counted.n_labels,
            "is_binary": self.counted.is_even and nnz > max(n, 1),
            "arrays": {
                name: {"length": file.length, "crc32": file.crc}
                for name, file in self.files.items()
            },
        }

    def close(self) -> None:
        """Let go of all files, whole or not."""
        for file in self.files.values():
            file.file.close()


def is_there(folder: Path, state: dict[str, Any]) -> bool:
    """Whether a folder holds what `FolderWriter.sync` has told of."""
    return all(
        file_of(folder, name).stat().st_size
        >= HEADER + state["arrays"][name]["length"] * dtype.itemsize
        for name, dtype in DTYPES.items()
    )
