"""Examples, and an order of them that does not depend on the order of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.invariants import demand
from slide.core.errors import InputError, a_type
from slide.core.examples.names import Names
from slide.core.examples.naming import names_of_columns
from slide.core.examples.targets import is_listed, labels_listed
from slide.core.examples.texts import TextFeatures
from slide.core.examples.weights import checked_times, checked_weights


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples: row i of `x` holds the features and row i of `y` the labels of example i.

    Sparse features come as CSR, dense ones as `Block.of(array)`; matrices of SciPy and NumPy are
    brought into these when a Dataset is made of them. Labels may be lists, too, of those of each
    example, or one for each: whole numbers are ids, anything else names. A label counts where its
    value is above 0; a label of value -1 is one that was shown and not chosen (see the loss
    `saros`). `left_out` has an entry where a label is neither right nor wrong for an example, its
    own page for instance: rankings are judged without it. It is no label in `y`. `feature_names`,
    `label_names` and, of texts, `text` tell what the columns are, those of frames by themselves;
    the model that is trained keeps them. `weights`, f32 (n_samples,), say how many examples each
    one counts for in training: 0 leaves it out. `times`, f64 (n_samples,), say when each one was,
    in any unit: where what is near to an example is looked at, later ones count for more, and what
    is judged by are the latest.

    Raises:
        InputError: one of them is no matrix (see `slide.core.contract.handed`). The arrays of CSR
            and Block are checked by whoever is handed the examples (`checked`).
    """

    x: CSR | Block
    y: CSR
    left_out: CSR | None = None
    feature_names: Names | None = None
    label_names: Names | None = None
    text: TextFeatures | None = None
    weights: Array | None = None
    times: Array | None = None

    def __post_init__(self) -> None:
        for side, given in (("feature_names", self.x), ("label_names", self.y)):
            if getattr(self, side) is None:
                object.__setattr__(self, side, names_of_columns(given))
        if not isinstance(self.x, CSR | Block):
            object.__setattr__(self, "x", handed.features(self.x))
        listed: Names | None = None
        if is_listed(self.y):
            y, listed = labels_listed(self.y)
            object.__setattr__(self, "y", y)
            if self.label_names is None:
                object.__setattr__(self, "label_names", listed)
        if not isinstance(self.y, CSR):
            object.__setattr__(self, "y", handed.labels(self.y))
        if not isinstance(self.left_out, CSR | None):
            object.__setattr__(self, "left_out", handed.labels(self.left_out))
        for side in ("feature_names", "label_names"):
            if not isinstance(getattr(self, side), Names | None):
                object.__setattr__(self, side, Names(getattr(self, side)))
        if listed is not None and self.label_names not in (None, listed):
            raise InputError(
                f"label_names are {self.label_names}, but y names its labels itself, in the order "
                f"{listed}: leave label_names out, or give whole numbers as y"
            )

    @property
    def n_samples(self) -> int:
        return self.x.n_rows

    @property
    def n_features(self) -> int:
        return self.x.n_cols

    @property
    def n_labels(self) -> int:
        return self.y.n_cols

    @property
    def features(self) -> CSR:
        """x as CSR; of dense features the entries that are not zero."""
        return features_of(self.x)

    def place(self, what: str) -> str:
        """What it is called in a sentence, and where it is, if that is known."""
        return what

    def take(self, rows: Array) -> Dataset:
        """The given examples in the given order."""
        left_out = self.left_out and self.left_out.take(rows)
        weights = None if self.weights is None else self.weights[rows]
        times = None if self.times is None else self.times[rows]
        x, y = self.x.take(rows), self.y.take(rows)
        return replace(self, x=x, y=y, left_out=left_out, weights=weights, times=times)

    def counted(self) -> Dataset:
        """Without the examples of weight 0, which are left out."""
        if self.weights is None or bool(self.weights.all()):
            return self
        return self.take(np.flatnonzero(self.weights))

    def distinct(self) -> Dataset:
        """Equal examples as one, of the weight of all of them; as they are without weights."""
        if self.weights is None:
            return self
        _, first, which = np.unique(self.row_keys(), return_index=True, return_inverse=True)
        weights = np.bincount(which, self.weights).astype(np.float32)
        return replace(self.take(first), weights=weights)

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        self.x.check()
        self.y.check()
        demand(
            self.x.n_rows == self.y.n_rows,
            f"{self.x.n_rows} rows of features and {self.y.n_rows} rows of labels",
        )
        if self.left_out is not None:
            self.left_out.check()
            demand(
                self.left_out.shape == self.y.shape,
                f"what is left out has the shape {self.left_out.shape}, labels {self.y.shape}",
            )

    def canonical_order(self) -> Array:
        """An order of the examples that their contents decide, i64 (n_samples,).

        Training shuffles from here, so that two files with the same lines in another order give
        the same network. Equal examples are interchangeable; different ones have the same key of
        64 bits with a probability of 2**-64.
        """
        keys = self.row_keys()
        if self.weights is None:
            return np.argsort(keys, kind="stable")
        return np.lexsort((self.weights, keys))

    def row_keys(self) -> Array:
        """A number for each example that its features and labels decide, u64 (n_samples,)."""
        return keys_of(self.x, self.y)


def checked(data: Any, what: str) -> Dataset:
    """Examples that somebody hands over, with arrays as kernels take them.

    Args:
        data: a Dataset.
        what: it is called in a sentence.

    Raises:
        InputError: it is something else, its arrays contradict themselves or each other, or a
            number is not finite.
    """
    if not isinstance(data, Dataset):
        raise InputError(
            f"{what} is {a_type(data)}: expected a slide.Dataset(x, y), features and "
            "labels of examples"
        )
    what = data.place(what)
    x, y = handed.features(data.x, f"{what}, x"), handed.labels(data.y, f"{what}, y")
    left_out = data.left_out and handed.labels(data.left_out, f"{what}, left_out")
    if x.n_rows != y.n_rows:
        raise InputError(
            f"{what}: {x.n_rows} rows of features and {y.n_rows} rows of labels: expected a row of "
            "each for every example"
        )
    if left_out and left_out.shape != y.shape:
        raise InputError(
            f"{what}: left_out has the shape {left_out.shape} and labels {y.shape}: expected one "
            "shape of both"
        )
    weights = None if data.weights is None else checked_weights(data.weights, x.n_rows)
    times = None if data.times is None else checked_times(data.times, x.n_rows)
    parts = x, y, left_out, weights, times
    given = data.x, data.y, data.left_out, data.weights, data.times
    if all(one is other for one, other in zip(parts, given, strict=True)):
        return data
    return replace(data, x=x, y=y, left_out=left_out, weights=weights, times=times)


def refuse_nameless(data: Dataset, what: str) -> None:
    """Raise InputError unless every id has a name, if any has."""
    for side, n in (("feature_names", data.n_features), ("label_names", data.n_labels)):
        names = getattr(data, side)
        if names is not None and len(names) < n:
            raise InputError(
                f"{what}, {side}: {len(names)} names of {n} ids: expected a name for each"
            )


def batches(n: int, size: int) -> Iterator[Array]:
    """0, 1, ..., n - 1 in runs of `size`."""
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def features_of(x: CSR | Block) -> CSR:
    """Features as CSR; of dense ones the entries that are not zero."""
    return handed.entries_of(x)


SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, as in SplitMix64


def keys_of(x: CSR | Block, y: CSR) -> Array:
    """See `Dataset.row_keys`."""
    keys: Array = row_keys(x) * SPREAD + row_keys(y)
    return keys


def row_keys(matrix: CSR | Block) -> Array:
    """A number for each row that its entries decide: the sum of their hashes, u64 (n_rows,)."""
    if isinstance(matrix, Block):
        sums: Array = entry_keys(matrix.ids, matrix.values).sum(axis=1, dtype=np.uint64)
        return sums
    total = np.zeros(matrix.nnz + 1, np.uint64)
    np.cumsum(entry_keys(matrix.indices, matrix.values), out=total[1:])
    keys: Array = total[matrix.indptr[1:]] - total[matrix.indptr[:-1]]  # modulo 2**64
    return keys


def entry_keys(indices: Array, values: Array) -> Array:
    """A hash of column and value, by the finalizer of SplitMix64 (Steele et al., 2014); u64."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    z = (bits | indices.astype(np.uint64) << np.uint64(32)) + SPREAD
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    key: Array = z ^ z >> np.uint64(31)
    return key
