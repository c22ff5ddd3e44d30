"""A hidden layer of training examples: those nearest to what is asked say what may come.

Its units are training examples, active are the nearest. Each passes on its labels; and its features
where feature j and label j are one thing, as an item of a session or of a basket is: what stood
beside this item may come after it. What the example itself has may come again, or not at all. How
much each of these counts is the same for all labels, and learned on examples that were held out
(`slide.core.direct.stacking`). The result is one more input for each label, of weight 1.
Embeddings of items (`slide.core.direct.embeddings`), where there are some, say one thing more of
the labels that all these name.

It says most where a linear score of each label by itself is weak: where labels have few examples,
and an example has few features.

Source: nearest neighbours of sessions, Jannach and Ludewig (RecSys 2017), Garg et al. (STAN, SIGIR
2019); weights learned by stacking, Wolpert (Neural Networks 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.invariants import demand
from slide.core.contract.lists import distinct
from slide.core.contract.sparse import InvertedIndex
from slide.core.direct.embeddings import Embeddings
from slide.core.direct.hidden import AT_A_TIME, FAINT, Hidden, as_it_is, found, shares_of_near
from slide.core.direct.inputs import LEAST_RARE, Inputs
from slide.core.direct.things import gone_on_to, own_features, together
from slide.core.examples.dataset import Dataset, batches
from slide.core.examples.weights import of_rows

NEAR, VOTED = 500, 100  # examples that are nearest, and labels of an example that they name
COMMON = 3000  # examples of a feature that are looked at, those that have most of it
INDICES = "examples", "labels", "features", "wholes", "members"
ARRAYS = "offsets", "ids", "values", "base"
OTHERS = "rarity", "label_rarity", "weights"
VOTES = 3  # of labels, of features, and of members of wholes
SUMMANDS = VOTES + 3  # of a label: whether it is a feature, of what value, and how rare
PREFIX = "near_"  # of the names of all arrays


@dataclass(frozen=True, slots=True)
class Summands:
    """What speaks for labels of some examples, before it is weighed.

    Args:
        cells: i64, ascending: example * n_labels + label.
        values: f32 (len(cells), SUMMANDS, or one more), none below 0: the logarithm of the label's
            share among the labels, and among the features, of the nearest examples, and among both
            of the nearest whole ones, 0 where that is too little to count; whether the example has
            the feature of this number, and how much of it beside its largest; how rare the label
            is, where it has a share; and its logit by embeddings, if there are some, less the
            smallest that is named for the example.
    """

    cells: Array
    values: Array

    def without(self, number: int) -> Summands:
        """The same but for one of the summands."""
        return Summands(self.cells, np.delete(self.values, number, axis=1))


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What finds the nearest examples, and what they say.

    Args:
        examples: of each feature the training examples that have it, of unit length each, times
            what the example counts for.
        labels: of each training example its labels.
        features: of each training example its features as labels, as `own_features` gives them.
        wholes: as `examples`, of those alone that no other one goes on from (`things.gone_on_to`).
        members: of each training example its labels and its features as labels, 1 each.
        rarity: f32 (n_features,), what each feature is multiplied by.
        label_rarity: f32 (n_labels,), from 0.
        weights: f32 (SUMMANDS,), that all labels share; one more with embeddings.
        embeddings: of the labels, if there are some.
    """

    examples: InvertedIndex
    labels: InvertedIndex
    features: InvertedIndex
    wholes: InvertedIndex
    members: InvertedIndex
    rarity: Array
    label_rarity: Array
    weights: Array
    embeddings: Embeddings | None = None

    @classmethod
    def of(
        cls,
        data: Dataset,
        weights: Array,
        backend: Backend,
        embeddings: Embeddings | None = None,
    ) -> Neighbours:
        """With these examples.

        Args:
            data: features and labels.
            weights: f32 (SUMMANDS,); one more with embeddings.
            backend: whose arrays the indices are.
            embeddings: of the labels.
        """
        x, y, put = data.features, data.y.positive(), backend.put
        counts, n = y.column_counts(), max(data.n_samples, 1)
        rarity = np.log((n + 1) / (x.column_counts() + 1))
        rarity = np.maximum(rarity, LEAST_RARE).astype(np.float32)
        shown, sets = scaled(x, rarity), together(data)
        for factors in (data.weights, recency(data.times)):
            shown = of_rows(shown, factors)
        wholes = shown.where((gone_on_to(data) < 0)[shown.row_numbers()])
        none = put(np.zeros(data.n_samples, np.float32))
        return cls(
            backend.invert(shown.map(put), none, COMMON),
            passing_on(y.with_values(np.ones_like(y.values)), backend),
            passing_on(own_features(x, data.n_labels), backend),
            backend.invert(wholes.map(put), none, COMMON),
            passing_on(sets, backend),
            rarity,
            np.log((n + 1) / (counts + 1)).astype(np.float32),
            np.asarray(weights, np.float32),
            embeddings,
        )

    @classmethod
    def read(cls, stored: dict[str, Array], backend: Backend | None = None) -> Neighbours | None:
        """Take the arrays of `tensors` out of those of a network; None if there are none.

        The indices stay on the host if there is no backend to put them to.
        """
        put = as_it_is if backend is None else backend.put
        if f"{PREFIX}{OTHERS[0]}" not in stored:
            return None
        parts: dict[str, Any] = {name: stored.pop(f"{PREFIX}{name}") for name in OTHERS}
        for name in INDICES:
            arrays = (put(stored.pop(f"{PREFIX}{name}_{array}")) for array in ARRAYS)
            parts[name] = InvertedIndex(*arrays)
        return cls(**parts, embeddings=Embeddings.read(stored, PREFIX))

    def tensors(self, backend: Backend) -> dict[str, Array]:
        """All arrays by name, on the host."""
        indices = {
            f"{PREFIX}{index}_{array}": backend.get(getattr(getattr(self, index), array))
            for index in INDICES
            for array in ARRAYS
        }
        others = {f"{PREFIX}{name}": getattr(self, name) for name in OTHERS}
        embedded = {} if self.embeddings is None else self.embeddings.tensors(PREFIX)
        return indices | others | embedded

    @property
    def n_units(self) -> int:
        return len(self.label_rarity)

    @property
    def n_summands(self) -> int:
        """How many numbers speak for a label."""
        return SUMMANDS + (self.embeddings is not None)

    def check(self, inputs: Inputs, n_labels: int) -> None:
        """Raise ValueError, in one sentence, unless all fits together and to such a network."""
        n_examples, n_features = len(self.examples.base), inputs.n_features
        expected = {
            "examples": (n_features + 1, n_examples),
            "labels": (n_examples + 1, n_labels),
            "features": (n_examples + 1, n_labels),
            "wholes": (n_features + 1, n_examples),
            "members": (n_examples + 1, n_labels),
        }
        for name, shape in expected.items():
            index: InvertedIndex = getattr(self, name)
            index.check()
            got = len(index.offsets), len(index.base)
            demand(got == shape, f"{name} of neighbours are of {got}, not {shape}")
        lengths = {"rarity": n_features, "label_rarity": n_labels, "weights": self.n_summands}
        for name, n in lengths.items():
            array: Array = getattr(self, name)
            is_one = array.dtype == np.float32 and array.shape == (n,)
            demand(is_one and bool(np.isfinite(array).all()), f"{name} of neighbours is no {n} f32")
        if self.embeddings is not None:
            self.embeddings.check(n_labels)

    def labels_behind(self, units: Array) -> Array:
        """The labels whose share among the nearest examples units are: i64 (m, 2), the first -1."""
        labels = np.where((units >= 0) & (units < self.n_units), units, -1)
        return np.stack([np.full_like(labels, -1), labels], axis=1)

    def joined(self, inputs: CSR, x: CSR, backend: Backend) -> CSR:
        """Inputs of examples that are not among those trained on, and units: on the host.

        Args:
            inputs: CSR (B, n_inputs).
            x: the features that they are made of, CSR (B, n_features).
            backend: computes.
        """
        n_labels, n_cols = self.n_units, inputs.n_cols + self.n_units
        parts = [CSR.empty(0, n_cols)]
        for rows in batches(x.n_rows, AT_A_TIME):
            part = inputs.take(rows)
            found = self.summands(x.take(rows), None, backend)
            which, labels = np.divmod(found.cells, n_labels)
            cells = np.concatenate([
                part.row_numbers() * n_cols + part.indices,
                which * n_cols + inputs.n_cols + labels,
            ])  # fmt: skip
            values = np.concatenate([part.values, self.weighed(found)])
            order = np.argsort(cells)
            parts.append(CSR.of_cells(cells[order], values[order], (len(rows), n_cols)))
        return CSR.stack(parts, n_cols)

    def weighed(self, found: Summands) -> Array:
        """The activation of each unit that is active: f32 (len(cells),)."""
        return weighed(found.values, self.weights)

    def summands(self, x: CSR, excluded: CSR | None, backend: Backend) -> Summands:
        """What speaks for labels of some examples.

        Args:
            x: features, CSR (B, n_features), on the host.
            excluded: CSR (B, n_examples), examples that are not looked at for each; None for none.
            backend: computes.
        """
        n_labels = self.n_units
        asked = scaled(x, self.rarity).map(backend.put)
        near, wholes = (
            shares_of_near(index, asked, NEAR, backend, excluded).map(backend.put)
            for index in (self.examples, self.wholes)
        )
        parts = []
        for index, active in (self.labels, near), (self.features, near), (self.members, wholes):
            labels, shares = found(index, active, VOTED, backend)
            rows, places = np.nonzero((labels >= 0) & (shares > 0))
            values = np.log1p(shares[rows, places] / np.float32(FAINT))
            parts.append((rows * n_labels + labels[rows, places], values))
        own = own_features(x, n_labels)
        parts += [(own.cells(), np.ones_like(own.values)), (own.cells(), own.values)]
        cells = distinct(np.concatenate([cells for cells, _ in parts]))
        values = np.zeros((len(cells), self.n_summands), np.float32)
        for number, (those, summand) in enumerate(parts):
            values[np.searchsorted(cells, those), number] = summand
        has_share = values[:, :VOTES].max(axis=1, initial=0) > 0
        rarity = self.label_rarity[cells % max(n_labels, 1)]
        values[:, SUMMANDS - 1] = np.where(has_share, rarity, 0)
        if self.embeddings is not None:
            named = CSR.of_cells(cells, np.zeros(len(cells), np.float32), (x.n_rows, n_labels))
            logits = self.embeddings.logits(x, named, backend)
            values[:, SUMMANDS] = above_least(logits, named)
        return Summands(cells, values)

    def nearest(self, x: CSR, excluded: CSR | None, k: int, backend: Backend) -> CSR:
        """The k nearest examples of each, and their shares: CSR (B, n_examples), on the host."""
        asked = scaled(x, self.rarity).map(backend.put)
        return shares_of_near(self.examples, asked, k, backend, excluded)


Layer = Hidden | Neighbours


def layer_of(stored: dict[str, Array], backend: Backend | None = None) -> Layer | None:
    """Take a hidden layer out of the arrays of a network; None if there is none."""
    return Hidden.read(stored, backend) or Neighbours.read(stored, backend)


def scaled(x: CSR, rarity: Array) -> CSR:
    """Features by their rarity, of unit length, also before, for values may be very large."""
    x = x.with_unit_rows()
    return x.with_values(x.values * rarity[x.indices]).with_unit_rows()


def recency(times: Array | None) -> Array | None:
    """How much examples count for their age: the latest 1, the earliest 1/2; f32 (n,)."""
    if times is None or not len(times):
        return None
    span = max(float(times.max() - times.min()), np.finfo(np.float64).tiny)
    age: Array = (times.max() - times) / span
    return (0.5**age).astype(np.float32)


def passing_on(y: CSR, backend: Backend) -> InvertedIndex:
    """Of each example, what it has of labels, CSR (n, n_labels): an index of the backend."""
    labels = CSR.from_scipy(y.to_scipy().T.tocsr())
    none = backend.put(np.zeros(y.n_cols, np.float32))
    return backend.invert(labels.map(backend.put), none, y.n_cols)


def above_least(values: Array, named: CSR) -> Array:
    """Values in the order of the entries of a matrix, less the smallest of its row."""
    rows = np.flatnonzero(named.row_lengths())
    least = np.zeros(named.n_rows, np.float32)
    if len(rows):
        least[rows] = np.minimum.reduceat(values, named.indptr[rows])
    above: Array = values - least[named.row_numbers()]
    return above


def weighed(values: Array, weights: Array) -> Array:
    """The sum of each row by these weights: f32; a matrix product would depend on threads."""
    total = np.zeros(len(values), np.float32)
    for summand, weight in zip(values.T, weights, strict=True):
        total += summand * weight
    return total
