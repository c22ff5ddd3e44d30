"""A hidden layer of sparse units: labels that a first pass scores high, and examples that are near.

A linear score of each label by itself cannot say "if this one, then that one", nor "as in that
example". Units are columns beside the inputs: one for each label, active by its score in the first
pass if that is among the highest, and one more for each label, active by the share of it among the
nearest training examples. What is trained on them must not see answers to itself: scores are of
labels solved without the example, and no example is near itself.

Source: stacking on out-of-fold scores, Wolpert (Neural Networks 1992); scores of labels as features
of others, Godbole and Sarawagi (PAKDD 2004); nearest neighbours, Zhang and Zhou (ML-KNN, 2007).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.sparse import InvertedIndex
from slide.core.contract.state import State
from slide.core.direct.inputs import Inputs
from slide.core.examples.dataset import batches

SCORED, NEAREST, VOTED = 10, 50, 20  # labels by score, examples, and labels by them, of an example
SLOPE = 3.0  # of the sigmoid that makes an activation of a score, whose margins are -1 and 1
ACTIVATION = 0.35  # of a unit at most, beside inputs whose length is 1
FAINT = 1e-3  # an activation below which a unit is not active
COMMON = 3000  # examples of an input that are looked at, those that have most of it
AT_A_TIME = 1 << 14  # examples whose units are found
INDICES = "scores", "examples", "votes"
ARRAYS = "offsets", "ids", "values", "base"


@dataclass(frozen=True, slots=True)
class Units:
    """The units of some examples that may be active.

    Args:
        scored: i32 (B, SCORED), labels of highest score; -1 where there is none.
        scores: f32 (B, SCORED), theirs.
        voted: i32 (B, VOTED), labels that most of the nearest examples have; -1 likewise.
        votes: f32 (B, VOTED), their shares, of 1 in all.
    """

    scored: Array
    scores: Array
    voted: Array
    votes: Array

    @classmethod
    def unknown(cls, n: int) -> Units:
        """Of n examples, of which nothing is known yet."""
        return cls(
            np.full((n, SCORED), -1, np.int32), np.zeros((n, SCORED), np.float32),
            np.full((n, VOTED), -1, np.int32), np.zeros((n, VOTED), np.float32),
        )  # fmt: skip

    @classmethod
    def restored(cls, state: State) -> Units:
        """The units of such a state."""
        return cls(**state)

    def state(self) -> State:
        """All of them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def take(self, rows: Array) -> Units:
        """Of some of the examples."""
        return Units(self.scored[rows], self.scores[rows], self.voted[rows], self.votes[rows])

    def beside(self, x: CSR, n_labels: int) -> CSR:
        """Inputs, and the units that are active after them: CSR (B, n_inputs + 2 n_labels)."""
        n_cols = x.n_cols + 2 * n_labels
        by_score = ACTIVATION / (1 + np.exp(-SLOPE * np.maximum(self.scores, -10)))
        cells, values = [x.row_numbers() * n_cols + x.indices], [x.values]
        begin = x.n_cols
        for labels, active in (self.scored, by_score), (self.voted, ACTIVATION * self.votes):
            rows, places = np.nonzero((labels >= 0) & (active > FAINT))
            cells.append(rows * n_cols + begin + labels[rows, places])
            values.append(active[rows, places].astype(np.float32))
            begin += n_labels
        joined = np.concatenate(cells)
        order = np.argsort(joined, kind="stable")
        return CSR.of_cells(joined[order], np.concatenate(values)[order], (x.n_rows, n_cols))


@dataclass(frozen=True, slots=True)
class Hidden:
    """What finds the units of an example, in arrays of one backend.

    Args:
        scores: of the first pass: of each input, and of one more, the labels that it speaks for.
        examples: of each input the training examples that have it.
        votes: of each training example its labels.
    """

    scores: InvertedIndex
    examples: InvertedIndex
    votes: InvertedIndex

    @classmethod
    def of(cls, scores: InvertedIndex, x: CSR, y: CSR, backend: Backend) -> Hidden:
        """With these examples.

        Args:
            scores: as `Direct.index` gives it.
            x: inputs of the examples, CSR (n, n_inputs), arrays of the backend.
            y: their labels, CSR (n, n_labels), on the host.
        """
        put = backend.put
        examples = backend.invert(x, put(np.zeros(x.n_rows, np.float32)), COMMON)
        labels = CSR.from_scipy(y.with_values(np.ones_like(y.values)).to_scipy().T.tocsr())
        none = put(np.zeros(y.n_cols, np.float32))
        return cls(scores, examples, backend.invert(labels.map(put), none, y.n_cols))

    @classmethod
    def read(cls, stored: dict[str, Array], backend: Backend | None = None) -> Hidden | None:
        """Take the arrays of `tensors` out of those of a network; None if there are none.

        They stay on the host if there is no backend to put them to.
        """
        put = as_it_is if backend is None else backend.put
        if not any(name in stored for name in names_of(INDICES[0])):
            return None
        return cls(*(
            InvertedIndex(*(put(stored.pop(name)) for name in names_of(index)))
            for index in INDICES
        ))  # fmt: skip

    def tensors(self, backend: Backend) -> dict[str, Array]:
        """All arrays by name, on the host."""
        return {
            name: backend.get(getattr(getattr(self, index), array))
            for index in INDICES
            for name, array in zip(names_of(index), ARRAYS, strict=True)
        }

    @property
    def n_units(self) -> int:
        return 2 * len(self.votes.base)

    def check(self, inputs: Inputs, n_labels: int) -> None:
        """Raise ValueError, in one sentence, unless all fits together and to such a network."""
        for index in INDICES:
            getattr(self, index).check()
        n_examples = len(self.examples.base)
        shapes = {
            "scores": (len(self.scores.offsets), len(self.scores.base)),
            "examples": (len(self.examples.offsets), n_examples),
            "votes": (len(self.votes.offsets), len(self.votes.base)),
        }
        expected = {
            "scores": (inputs.n_inputs + 2, n_labels),
            "examples": (inputs.n_inputs + 1, n_examples),
            "votes": (n_examples + 1, n_labels),
        }
        for index in INDICES:
            if shapes[index] != expected[index]:
                raise ValueError(f"hidden {index} are of {shapes[index]}, not {expected[index]}")

    def scoring(self, index: InvertedIndex) -> Hidden:
        """The same after another first pass."""
        return replace(self, scores=index)

    def labels_behind(self, units: Array) -> Array:
        """The labels whose score, or whose share, units are: i64 (m, 2), -1 elsewhere."""
        n_labels = self.n_units // 2
        labels = units[:, None] - n_labels * np.arange(2)
        return np.where((labels >= 0) & (labels < n_labels), labels, -1)

    def joined(self, inputs: CSR, x: CSR, backend: Backend) -> CSR:
        """Inputs of examples that are not among those trained on, and units: on the host.

        Args:
            inputs: CSR (B, n_inputs), on the host.
            x: the features that they are made of.
            backend: computes.
        """
        n_labels = self.n_units // 2
        parts = [Units.unknown(0).beside(CSR.empty(0, inputs.n_cols), n_labels)]
        for rows in batches(inputs.n_rows, AT_A_TIME):
            part = inputs.take(rows)
            parts.append(self.units(part, None, backend).beside(part, n_labels))
        return CSR.stack(parts, inputs.n_cols + self.n_units)

    def units(self, x: CSR, excluded: CSR | None, backend: Backend) -> Units:
        """Of some examples.

        Args:
            x: CSR (B, n_inputs), on the host.
            excluded: CSR (B, n_examples), examples that are not looked at for each; None for none.
        """
        inputs = x.map(backend.put)
        return Units(
            *found(self.scores, inputs, SCORED, backend),
            *self.voted(inputs, excluded, backend),
        )

    def voted(self, x: CSR, excluded: CSR | None, backend: Backend) -> tuple[Array, Array]:
        """Labels of the nearest examples, and their shares: see `Units`."""
        near = shares_of_near(self.examples, x, NEAREST, backend, excluded)
        return found(self.votes, near.map(backend.put), VOTED, backend)


def found(
    index: InvertedIndex, x: CSR, k: int, backend: Backend, excluded: CSR | None = None
) -> tuple[Array, Array]:
    """The k best of an index for each row: i32 and f32 (B, k), on the host; -1 where fewer are."""
    n = len(index.base)
    none = CSR.empty(x.n_rows, n) if excluded is None else excluded
    ids, scores = backend.search(index, x, none.map(backend.put), min(k, n))
    missing = ((0, 0), (0, k - min(k, n)))
    ids = np.pad(backend.get(ids), missing, constant_values=-1)
    return ids, np.where(ids >= 0, np.pad(backend.get(scores), missing), np.float32(0))


def shares_of_near(
    examples: InvertedIndex, x: CSR, k: int, backend: Backend, excluded: CSR | None = None
) -> CSR:
    """The k nearest examples of each, by cosine, of 1 in all: CSR (B, n_examples), on the host.

    Args:
        examples: of each input, the examples that have it.
        x: of unit length, an array of the backend.
        k: how many.
        backend: searches.
        excluded: CSR (B, n_examples), those that are not looked at; None for none.
    """
    near, cosines = found(examples, x, k, backend, excluded)
    cosines = np.where(near >= 0, np.maximum(cosines, 0), 0)
    total = np.maximum(cosines.sum(axis=1, keepdims=True), np.float32(FAINT))
    rows, places = np.nonzero(cosines > 0)
    n_examples = len(examples.base)
    cells = rows * n_examples + near[rows, places]
    order = np.argsort(cells)
    shares = (cosines / total)[rows, places][order]
    return CSR.of_cells(cells[order], shares, (len(near), n_examples))


def as_it_is(array: Array) -> Array:
    """Where it is."""
    return array


def names_of(index: str) -> Iterator[str]:
    """The names of an index' arrays in a model."""
    return (f"hidden_{index}_{array}" for array in ARRAYS)
