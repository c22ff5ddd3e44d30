"""Training of embeddings: a sampled softmax over items, Adam, a few passes over the examples.

Negatives are drawn for a whole batch by the items' counts to the power 0.75, and stand for the
others by how likely they are to be drawn. Vectors begin as `slide.core.direct.embedding_vectors`
has them.

Threads of the backend work at once on parts of a batch, then on spans of its vectors. Both are of
fixed sizes, so that bits do not depend on how many threads there are.

Source: counts to the power 0.75, Mikolov et al. (NIPS 2013); Adam, Kingma and Ba (ICLR 2015).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.concurrent import concurrently
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.direct.embedding_batches import Batch, Followed
from slide.core.direct.embedding_rows import through_lengths, unit_rows
from slide.core.direct.embedding_softmax import Negatives
from slide.core.direct.embedding_vectors import POWER, following
from slide.core.direct.embeddings import Attention, Embeddings, Pooled
from slide.core.examples.dataset import Dataset

DIM = 64
EPOCHS, NEGATIVES = 5, 512
RATE, LAST_RATE = 0.004, 0.03  # at most, and as a share of that at the end
WARM_UP, MOST_WARM_UP = 0.1, 200  # as a share of the steps, and steps at most
BETA, BETA_SQUARE, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)

Ahead = TypeVar("Ahead")


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
        stands: f32 (n_labels,), for how many negatives a label stands that is drawn.
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
    stands: Array

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

    def epoch(self, backend: Backend, seconds: float = np.inf) -> None:
        """A pass over all examples.

        Args:
            backend: whose threads work on parts of a batch: bits do not depend on how many.
            seconds: after which it ends where it is.
        """
        ends = time.perf_counter() + seconds
        n, size = len(self.examples.labels), self.examples.batch_size
        n_steps = EPOCHS * -(-n // size)
        batches = self.examples.take(self.rng.permutation(n)).parts(size)
        in_time = takewhile(lambda _: time.perf_counter() < ends, batches)
        self.learn(in_time, lambda: rate(self.n_steps, n_steps), backend)
        self.n_epochs += 1

    def teach(self, data: Dataset, backend: Backend) -> None:
        """A pass over other examples, as late in a run: those that were held out."""
        held = Followed.of(data)
        self.learn(held.parts(self.examples.batch_size), lambda: RATE * LAST_RATE, backend)

    def learn(self, batches: Iterable[Followed], lr: Callable[[], float], backend: Backend) -> None:
        """A step on each of some batches; the next one is made ready while vectors are moved.

        Args:
            batches: of the examples that are trained on, or of others.
            lr: the learning rate, asked for before each step.
            backend: whose threads work.
        """
        ready = (Batch.of(examples, self.drawn()) for examples in batches)
        with threadpool_limits(limits=1, user_api="blas"):
            batch = next(ready, None)
            while batch is not None:
                batch = self.step(batch, lr(), backend, partial(next, ready, None))

    def drawn(self) -> Array:
        """Negatives of a batch, i32 (NEGATIVES,)."""
        return np.searchsorted(self.odds, self.rng.random(NEGATIVES), "right").astype(np.int32)

    def step(self, batch: Batch, lr: float, backend: Backend, ahead: Callable[[], Ahead]) -> Ahead:
        """One step, and what `ahead` gives, which is called meanwhile."""
        negatives = Negatives(batch.drawn, self.units(batch.drawn), self.stands[batch.drawn])
        slopes = np.empty((len(batch.entries), self.vectors.shape[1]), np.float32)
        of_attention = concurrently(backend, [
            partial(self.write_slopes, part, negatives, batch.n_pooled, out)
            for part, out in zip(batch.parts, batch.split(slopes), strict=True)
        ])  # fmt: skip
        moves = [partial(self.move_span, batch, span, slopes, lr) for span in batch.spans()]
        last = partial(self.move_attention, of_attention, lr)
        calls: list[Callable[[], Any]] = [ahead, *moves, last]
        found: Ahead = concurrently(backend, calls)[0]
        return found

    def units(self, labels: Array) -> Array:
        """Their vectors at unit length, f32 (n, DIM)."""
        return unit_rows(self.vectors.take(labels, axis=0))[0]

    def write_slopes(
        self, part: Followed, negatives: Negatives, n_pooled: int, out: Array
    ) -> Attention:
        """The gradient of the mean loss of a batch by the attention, of a part of the examples.

        Args:
            part: of a batch.
            negatives: of the batch.
            n_pooled: of its examples, those that have items.
            out: f32 (e, DIM), to be filled with the gradient by the part's entries: see `Batch`.
        """
        trails, n_items = part.trails, len(part.trails.items)
        pooled = Pooled.of(trails, self.units(trails.items), self.attention)
        labels = part.labels[pooled.rows]
        factors = np.full(len(labels), 1 / max(n_pooled, 1), np.float32)
        if part.weights is not None:
            factors *= part.weights[pooled.rows]
        slope, of_wanted, of_negatives = negatives.slopes(
            pooled.directions, labels, self.units(labels), factors
        )
        out[:n_items], of_attention = pooled.gradient(trails, slope, self.attention)
        out[n_items : n_items + len(part.labels)] = 0
        out[n_items + pooled.rows] = of_wanted
        out[n_items + len(part.labels) :] = of_negatives
        return of_attention

    def move_span(self, batch: Batch, span: slice, slopes: Array, lr: float) -> None:
        """A step of some of the vectors that a batch needs.

        Args:
            batch: the examples.
            span: which of `batch.touched`.
            slopes: f32 (e, DIM), the gradient by what the vectors are at unit length.
            lr: learning rate.
        """
        touched = batch.touched[span]
        vectors = self.vectors.take(touched, axis=0)
        gradient = through_lengths(batch.summed(slopes, span), vectors)
        self.move_vectors(touched, gradient, lr)

    def move_vectors(self, touched: Array, gradient: Array, lr: float) -> None:
        """A step of Adam of some vectors, each by the number of its own steps."""
        steps = self.counts[touched] + 1
        mean = self.means["vectors"].take(touched, axis=0)
        square = self.squares["vectors"].take(touched, axis=0)
        moved = adam(mean, square, gradient, steps[:, None], lr)
        self.counts[touched] = steps
        self.means["vectors"][touched], self.squares["vectors"][touched] = mean, square
        self.vectors[touched] = self.vectors.take(touched, axis=0) - moved

    def move_attention(self, gradients: list[Attention], lr: float) -> None:
        """A step of Adam of what pools, by the sum of gradients."""
        self.n_steps += 1
        for name, array in self.attention.named().items():
            gradient = sum(getattr(each, name) for each in gradients)
            array -= adam(self.means[name], self.squares[name], gradient, self.n_steps, lr)


def odds_of(labels: Array, n_labels: int) -> tuple[Array, Array]:
    """Cumulated odds of drawing a label, f64, and for how many a drawn one stands, f32."""
    odds = np.bincount(labels, minlength=n_labels) ** POWER
    odds /= max(odds.sum(), 1)
    cumulated = odds.cumsum()
    cumulated[-1:] = 1
    seldom = np.maximum(odds, np.finfo(np.float32).tiny)
    return cumulated, (1 / (NEGATIVES * seldom)).astype(np.float32)


def adam(mean: Array, square: Array, gradient: Array, steps: Array | int, lr: float) -> Array:
    """How far to go; both moments are written in place, and the gradient serves as scratch.

    In the order of the paper's section 2: epsilon is added before the bias is corrected.
    """
    moved = gradient * gradient
    moved -= square
    moved *= 1 - BETA_SQUARE
    square += moved
    gradient -= mean
    gradient *= 1 - BETA
    mean += gradient
    np.sqrt(square, out=moved)
    moved += EPSILON
    np.divide(mean, moved, out=moved)
    steps = np.asarray(steps, np.float32)
    moved *= np.float32(lr) * np.sqrt(1 - BETA_SQUARE**steps) / (1 - BETA**steps)
    return moved


def rate(step: int, n_steps: int) -> float:
    """Of learning: it rises for some steps, and falls until the end."""
    warm_up = min(max(WARM_UP * n_steps, 1), MOST_WARM_UP)
    return RATE * min((step + 1) / warm_up, max(LAST_RATE, 1 - step / max(n_steps, 1)), 1)
