"""Examples that stay on disk, and what was counted when they were written there."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.examples.dataset import Dataset
from slide.core.examples.fetching import taken


@dataclass(frozen=True, slots=True)
class Mapped(Dataset):
    """A Dataset of arrays that are mapped from files, read-only.

    Args:
        keys: u64 (n_samples,), what the canonical order sorts by.
        is_binary: see `slide.core.settings.traits.Traits`.
        folder: where the files are, whose disk has room for others; None if that is not known.

    Parts of it (`take`) are in memory, a Dataset as others.
    """

    keys: Array = field(default_factory=lambda: np.zeros(0, np.uint64))
    is_binary: bool = False
    folder: Path | None = None

    def take(self, rows: Array) -> Dataset:
        """The given examples in the given order, in memory."""
        own = {each.name: getattr(self, each.name) for each in fields(Dataset)}
        none = CSR.empty(self.n_samples, self.n_features)
        others = Dataset(**own | {"x": none}).take(rows)
        return replace(others, x=taken(self.features, rows))

    def place(self, what: str) -> str:
        """See `Dataset`."""
        return what if self.folder is None else f"{what} in {self.folder}"

    def row_keys(self) -> Array:
        """See `Dataset`; nothing of the examples is looked at."""
        return self.keys


def is_even(x: CSR) -> bool:
    """Whether the features of each example have one value, which is above 0."""
    lengths = x.row_lengths()
    firsts = x.values[x.indptr[:-1][lengths > 0]]
    is_one = bool(np.all(x.values == np.repeat(firsts, lengths[lengths > 0])))
    return is_one and bool(np.all(x.values > 0))
