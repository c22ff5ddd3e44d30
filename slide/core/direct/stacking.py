"""How much the nearest examples count beside the connections, learned on held-out examples.

What is held out is answered by connections that were not trained on it, and by its nearest examples
other than parts of the same thing. Of all labels that either of them names, those of the example
are to score highest: a softmax with one weight for each summand, six in all (conditional logit).
The layer stays if what is held out is answered better with it, by more than chance; parts of one
thing are one witness.

Source: stacking, Wolpert (Neural Networks 1992); conditional logit, McFadden (1974).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.direct.embeddings import Embeddings
from slide.core.direct.neighbours import (
    Neighbours,
)
from slide.core.direct.network import Direct
from slide.core.examples.dataset import Dataset

HELD_OUT, MOST_HELD_OUT, FEWEST_HELD_OUT = 0.05, 4000, 100  # share of the examples, and bounds
MOST_ENTRIES = 1 << 24  # features of the examples that the model keeps: 128 MiB of them
PENALTY = 1e-3  # of squared weights, where summands have unit variance
LEAST = 0.01  # weight of the connections, which rank labels that no near example has


def drawn(order: Array, times: Array | None, rng: np.random.Generator) -> tuple[Array, Array]:
    """Which examples are trained on, and which are held out; none if there are too few of them.

    Args:
        order: all rows in their canonical order.
        times: of the rows; the latest are held out, for later ones will be asked. None: any.
        rng: draws.
    """
    n_held = min(int(HELD_OUT * len(order)), MOST_HELD_OUT)
    if n_held < FEWEST_HELD_OUT:
        return order, order[:0]
    last = rng.permutation(len(order)) if times is None else np.argsort(times[order], kind="stable")
    places = np.sort(last[-n_held:])
    return np.delete(order, places), order[places]


@dataclass(frozen=True, slots=True)
class Asked:
    """Examples that are held out, and those that may be near to them.

    Args:
        asked: those held out.
        shown: those that may be near.
        things: what each of `asked`, and of `shown`, is a part of.
    """

    asked: Dataset
    shown: Dataset
    things: tuple[Array, Array]

    @classmethod
    def of(
        cls, train: Dataset, used: Array, held: Array, things_of: Callable[[Dataset], Array]
    ) -> Asked:
        """Rows of the training set.

        Args:
            train: all examples.
            used: the rows that were trained on, i64.
            held: those held out.
            things_of: numbers examples, those of one thing the same.
        """
        asked, shown = train.take(held), train.take(sample_of(train, used))
        of_shown, of_asked = np.split(things_of(one_after_other(shown, asked)), [shown.n_samples])
        return cls(asked, shown, (of_asked, of_shown))

    @property
    def has_parts(self) -> bool:
        """Whether most of what is held out is a part of a thing that has others."""
        of_asked, _ = self.things
        things, sizes = np.unique(np.concatenate(self.things), return_counts=True)
        n_with_parts = (sizes[np.searchsorted(things, of_asked)] > 1).sum()
        return bool(2 * n_with_parts > len(of_asked))

    def strangers(self) -> Dataset:
        """Those that may be near and are no parts of what is held out.

        Embeddings are trained on these: more than anything else they know what comes together.
        """
        of_asked, of_shown = self.things
        return self.shown.take(np.flatnonzero(~np.isin(of_shown, of_asked)))

    def parts(self) -> Dataset:
        """The others of them."""
        of_asked, of_shown = self.things
        return self.shown.take(np.flatnonzero(np.isin(of_shown, of_asked)))

    def without_parts(self) -> Asked:
        """Less what is held out of a thing that has been trained on."""
        of_asked, of_shown = self.things
        rows = np.flatnonzero(~np.isin(of_asked, of_shown))
        return replace(self, asked=self.asked.take(rows), things=(of_asked[rows], of_shown))


@dataclass(frozen=True, slots=True)
class Stacked:
    """What stacking has found.

    Args:
        neighbours: weights of what they say, f32 (SUMMANDS,); one more if embeddings count, too.
        connections: what these are multiplied by.
    """

    neighbours: Array
    connections: float


def with_neighbours(
    network: Direct, found: Stacked, train: Dataset, order: Array, backend: Backend,
    embeddings: Embeddings | None = None,
) -> Direct:  # fmt: skip
    """The network with a hidden layer of all examples, each unit connected to its label.

    Args:
        network: the connections.
        found: how much they count, and neighbours.
        train: all examples.
        order: their canonical order.
        backend: whose arrays there are.
        embeddings: that were found to count.
    """
    weight, share = network.without_bias(backend), np.float32(found.connections)
    n, n_inputs = weight.n_rows, weight.n_cols
    units = CSR(
        np.arange(n + 1), np.arange(n_inputs, n_inputs + n, dtype=np.int32),
        np.ones(n, np.float32), n_inputs + n,
    )  # fmt: skip
    wider = replace(weight.with_values(share * weight.values), n_cols=n_inputs + n).union(units)
    hidden = Neighbours.of(
        train.take(sample_of(train, order)), found.neighbours, backend, embeddings
    )
    bias = share * backend.get(network.bias)
    return Direct.of(wider, bias, network.inputs, backend, hidden)


def one_after_other(first: Dataset, second: Dataset) -> Dataset:
    """Features and labels of both."""
    x = CSR.stack([first.features, second.features], first.n_features)
    return Dataset(x, CSR.stack([first.y, second.y], first.n_labels))


def sample_of(data: Dataset, rows: Array) -> Array:
    """The examples that the model keeps, i64: all, or evenly many of too many."""
    return evenly(rows, max(len(rows) * MOST_ENTRIES // max(data.features.nnz, MOST_ENTRIES), 1))


def evenly(rows: Array, most: int) -> Array:
    """So many of some rows at most, evenly spaced."""
    n = min(most, len(rows))
    return rows[np.arange(n) * len(rows) // max(n, 1)]


def fitted(rows: Array, values: Array, is_label: Array) -> Array:
    """Weights by which the labels of an example score highest among its candidates.

    Minimises the mean over examples, and over their labels, of the logarithm of a softmax.

    Args:
        rows: i64 (m,), the example of each candidate, ascending.
        values: f32 (m, n), what speaks for it, connections last.
        is_label: bool (m,).

    Returns:
        f32 (n,); that of connections is LEAST at least.
    """
    n_labels = np.bincount(rows, is_label)
    kept = n_labels[rows] > 0
    rows, is_label = np.unique(rows[kept], return_inverse=True)[1], is_label[kept]
    columns = values[kept].astype(np.float64).T
    spread = columns.std(axis=1, keepdims=True) if len(rows) else np.zeros((len(columns), 1))
    columns = columns / np.where(spread > 0, spread, 1)
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    n, share = max(len(starts), 1), is_label / np.maximum(n_labels[n_labels > 0][rows], 1)

    def objective(weights: Array) -> tuple[float, Array]:
        scores = sum(w * column for w, column in zip(weights, columns, strict=True))
        highest = np.maximum.reduceat(scores, starts)
        exp = np.exp(scores - highest[rows])
        total = np.add.reduceat(exp, starts)
        loss = (np.log(total) + highest).sum() - (share * scores).sum()
        slope = exp / total[rows] - share
        slopes = np.array([(column * slope).sum() for column in columns])
        return (
            loss / n + PENALTY * float((weights**2).sum()),
            slopes / n + 2 * PENALTY * weights,
        )

    scale = np.where(spread > 0, spread, 1)[:, 0]
    bounds = [(None, None)] * (len(columns) - 1) + [(LEAST * scale[-1], None)]
    begin = np.full(len(columns), LEAST) * scale
    weights = begin
    if len(starts):
        from scipy.optimize import minimize  # takes time to import

        weights = minimize(objective, begin, jac=True, method="L-BFGS-B", bounds=bounds).x
    return (weights / scale).astype(np.float32)


def is_sure(gain: Array, things: Array) -> bool:
    """Whether a gain is above 0 by more than its standard error.

    Args:
        gain: f64 (B,), of each example.
        things: what each is a part of; all parts of one are one witness.
    """
    which = np.unique(things, return_inverse=True)[1]
    means = np.bincount(which, gain) / np.bincount(which)
    return bool(means.mean() > means.std() / np.sqrt(len(means)))
