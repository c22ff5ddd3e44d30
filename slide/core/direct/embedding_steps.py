"""Training of embeddings: a sampled softmax over items, Adam, a few passes over the examples.

Negatives are drawn for a whole batch by the items' counts to the power 0.75, and stand for the
others by how likely they are to be drawn. Vectors begin as `slide.core.direct.embedding_vectors`
has them.

Source: importance-weighted sampling, Jean et al. (ACL 2015); counts to the power 0.75, Mikolov et
al. (NIPS 2013); Adam, Kingma and Ba (ICLR 2015).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from slide.core.contract.arrays import Array
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.direct.embedding_vectors import POWER, following
from slide.core.direct.embeddings import (
    SCALE,
    Attention,
    Embeddings,
    Pooled,
    Trails,
    summed_by,
    unit_rows,
)
from slide.core.examples.dataset import Dataset

if TYPE_CHECKING:
    pass

DIM = 64
EPOCHS, NEGATIVES = 5, 512
FEWEST_STEPS = 400  # of a pass, where batches are not the smallest
SMALLEST, LARGEST = 32, 512  # batches
RATE, LAST_RATE = 0.004, 0.03  # at most, and as a share of that at the end
WARM_UP, MOST_WARM_UP = 0.1, 200  # as a share of the steps, and steps at most
BETA, BETA_SQUARE, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


@dataclass(frozen=True, slots=True)
class Followed:
    """Examples, and what they are followed by.

    Args:
        trails: their items.
        labels: i32 (n,), the item that comes next.
        weights: f32 (n,), what each counts for; None if all count alike.
    """

    trails: Trails
    labels: Array
    weights: Array | None

    @classmethod
    def of(cls, data: Dataset) -> Followed:
        """One for each label of an example."""
        y = data.y.positive()
        rows = y.row_numbers()
        weights = None if data.weights is None else data.weights[rows]
        return cls(Trails.of(data.features, data.n_labels).take(rows), y.indices, weights)

    def take(self, rows: Array) -> Followed:
        """Some of them."""
        weights = None if self.weights is None else self.weights[rows]
        return Followed(self.trails.take(rows), self.labels[rows], weights)

    @property
    def batch_size(self) -> int:
        """Small batches of few examples."""
        return min(max(len(self.labels) // FEWEST_STEPS, SMALLEST), LARGEST)

    def batches(self, order: Array, size: int) -> Iterator[Followed]:
        """Of so many, in some order."""
        for begin in range(0, len(order), size):
            yield self.take(order[begin : begin + size])


@dataclass(slots=True)
class EmbeddingRun:
    """State of a training run of embeddings.

    Args:
        examples: that are trained on.
        vectors: f32 (n_labels, DIM), whose directions the embeddings are.
        attention: what pools them.
        rng: draws orders and negatives.
        means: f32, first moments, by name; those of vectors by row.
        squares: f32, second moments likewise.
        counts: i32 (n_labels,), steps that each vector has taken.
        n_steps: steps that the attention has taken.
        n_epochs: passes over the examples that are done.
        odds: f64 (n_labels,), cumulated, by which negatives are drawn.
        log_odds: f32 (n_labels,), of being drawn in a batch.
    """

    examples: Followed
    vectors: Array
    attention: Attention
    rng: np.random.Generator
    means: dict[str, Array]
    squares: dict[str, Array]
    counts: Array
    n_steps: int
    n_epochs: int
    odds: Array
    log_odds: Array

    @classmethod
    def begin(cls, data: Dataset, dim: int, seed: int) -> EmbeddingRun:
        """With vectors of what follows what.

        Args:
            data: the examples, of whose features the largest values are the latest.
            dim: dimensions.
            seed: of all that is drawn.
        """
        rng, examples = np.random.default_rng((seed, dim)), Followed.of(data)
        with threadpool_limits(limits=1, user_api="blas"):
            vectors = following(data, dim, rng)
        attention = Attention.begin(dim, rng)
        begun = {"vectors": vectors} | attention.named()
        means, squares = ({k: np.zeros_like(v) for k, v in begun.items()} for _ in range(2))
        return cls(
            examples, vectors, attention, rng, means, squares,
            np.zeros(data.n_labels, np.int32), 0, 0, *odds_of(examples.labels, data.n_labels),
        )  # fmt: skip

    @classmethod
    def resume(cls, data: Dataset, state: State) -> EmbeddingRun:
        """Go on from such a state, on the same examples."""
        examples = Followed.of(data)
        return cls(
            examples, state["vectors"], Attention(**state["attention"]), rng_from(state["rng"]),
            state["means"], state["squares"], state["counts"], state["n_steps"],
            state["n_epochs"], *odds_of(examples.labels, data.n_labels),
        )  # fmt: skip

    def state(self) -> State:
        """All that later steps depend on beside the examples."""
        return {
            "vectors": self.vectors,
            "attention": self.attention.named(),
            "rng": state_of_rng(self.rng),
            "means": self.means,
            "squares": self.squares,
            "counts": self.counts,
            "n_steps": self.n_steps,
            "n_epochs": self.n_epochs,
        }

    @property
    def embeddings(self) -> Embeddings:
        """As they are."""
        return Embeddings(unit_rows(self.vectors)[0], self.attention)

    def epoch(self, seconds: float = np.inf) -> None:
        """A pass over all examples, on one thread: bits do not depend on how many there are.

        Args:
            seconds: after which it ends where it is.
        """
        ends = time.perf_counter() + seconds
        n, size = len(self.examples.labels), self.examples.batch_size
        n_steps = EPOCHS * -(-n // size)
        with threadpool_limits(limits=1, user_api="blas"):
            for batch in self.examples.batches(self.rng.permutation(n), size):
                if time.perf_counter() >= ends:
                    break
                self.learn(batch, rate(self.n_steps, n_steps))
        self.n_epochs += 1

    def teach(self, data: Dataset) -> None:
        """A pass over other examples, as late in a run: those that were held out."""
        held = Followed.of(data)
        with threadpool_limits(limits=1, user_api="blas"):
            for batch in held.batches(np.arange(len(held.labels)), self.examples.batch_size):
                self.learn(batch, RATE * LAST_RATE)

    def learn(self, batch: Followed, lr: float) -> None:
        """One step on some examples."""
        trails, labels = batch.trails, batch.labels
        drawn = np.searchsorted(self.odds, self.rng.random(NEGATIVES), "right").astype(np.int32)
        touched, which = np.unique(
            np.concatenate([trails.items, labels, drawn]), return_inverse=True
        )
        units, lengths = unit_rows(self.vectors[touched])
        bounds = np.cumsum([len(trails.items), len(labels)])
        of_items, of_labels, of_drawn = np.split(which, bounds)
        pooled = Pooled.of(trails, units[of_items], self.attention)
        rows = pooled.rows
        wanted, others = units[of_labels[rows]], units[of_drawn]
        slopes = softmax_slopes(
            SCALE * (pooled.directions * wanted).sum(axis=1),
            SCALE * (pooled.directions @ others.T) - self.log_odds[drawn],
            drawn == labels[rows][:, None],
            None if batch.weights is None else batch.weights[rows],
        )
        slope = slopes[0][:, None] * wanted + slopes[1] @ others
        items, attention = pooled.gradient(trails, slope, self.attention)
        parts = np.zeros((len(which), units.shape[1]), np.float32)
        parts[: bounds[0]] = items
        parts[bounds[0] + rows] = slopes[0][:, None] * pooled.directions
        parts[bounds[1] :] = slopes[1].T @ pooled.directions
        gradient = summed_by(parts, which, len(touched))
        gradient -= units * (gradient * units).sum(axis=1, keepdims=True)
        self.move_vectors(touched, gradient / lengths, lr)
        self.move_attention(attention, lr)

    def move_vectors(self, touched: Array, gradient: Array, lr: float) -> None:
        """A step of Adam of those that a batch has, each by the number of its own steps."""
        self.counts[touched] += 1
        steps = self.counts[touched].astype(np.float32)[:, None]
        mean, square = self.means["vectors"][touched], self.squares["vectors"][touched]
        moved = adam(mean, square, gradient, steps, lr)
        self.means["vectors"][touched], self.squares["vectors"][touched] = mean, square
        self.vectors[touched] -= moved

    def move_attention(self, gradient: Attention, lr: float) -> None:
        """A step of Adam of what pools."""
        self.n_steps += 1
        for each in fields(Attention):
            name, steps = each.name, np.float32(self.n_steps)
            array: Array = getattr(self.attention, name)
            slope: Array = getattr(gradient, name)
            array -= adam(self.means[name], self.squares[name], slope, steps, lr)


def odds_of(labels: Array, n_labels: int) -> tuple[Array, Array]:
    """Cumulated odds of drawing a label, f64, and the logarithm of being drawn in a batch, f32."""
    odds = np.bincount(labels, minlength=n_labels) ** POWER
    odds /= max(odds.sum(), 1)
    cumulated = odds.cumsum()
    cumulated[-1:] = 1
    seldom = np.maximum(odds, np.finfo(np.float32).tiny)
    return cumulated, np.log(NEGATIVES * seldom).astype(np.float32)


def softmax_slopes(
    wanted: Array, others: Array, is_wanted: Array, weights: Array | None
) -> tuple[Array, Array]:
    """Gradients of the mean of the examples' losses by cosines, logits being SCALE times these.

    Args:
        wanted: f32 (B,), logit of the label.
        others: f32 (B, NEGATIVES), of negatives, less the logarithm of their odds.
        is_wanted: bool (B, NEGATIVES), which of them are the label, and count for nothing.
        weights: f32 (B,), of the examples.
    """
    others[is_wanted] = -np.inf
    highest = np.maximum(wanted, others.max(axis=1, initial=-np.inf))
    wanted, others = np.exp(wanted - highest), np.exp(others - highest[:, None])
    factors = np.full(len(wanted), SCALE / np.float32(max(len(wanted), 1)))
    if weights is not None:
        factors *= weights
    shares = factors / (wanted + others.sum(axis=1))
    others *= shares[:, None]
    return wanted * shares - factors, others


def adam(
    mean: Array, square: Array, gradient: Array, steps: Array | np.float32, lr: float
) -> Array:
    """How far to go; both moments are written in place."""
    mean += (1 - BETA) * (gradient - mean)
    square += (1 - BETA_SQUARE) * (gradient * gradient - square)
    root = np.sqrt(square / (1 - BETA_SQUARE**steps))
    moved: Array = np.float32(lr) * (mean / (1 - BETA**steps)) / (root + EPSILON)
    return moved


def rate(step: int, n_steps: int) -> float:
    """Of learning: it rises for some steps, and falls until the end."""
    warm_up = min(max(WARM_UP * n_steps, 1), MOST_WARM_UP)
    return RATE * min((step + 1) / warm_up, max(LAST_RATE, 1 - step / max(n_steps, 1)), 1)
