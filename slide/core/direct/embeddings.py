"""Items as vectors: what an example is made of its items by attention, and which items are like it.

Where feature j and label j are one thing, as an item of a session is, each item has one vector of
unit length, as feature and as label. The items of an example are pooled: by a softmax over how much
each, at its place from the end, has to say beside the latest one (soft attention). The pooled
vector and that of the latest item make the example's own, whose cosine with an item's, times
`SCALE`, is the item's logit.

Source: attention of sessions, NARM (Li et al., CIKM 2017), STAMP (Liu et al., KDD 2018), SR-GNN (Wu
et al., AAAI 2019), whose equation 6 this is; cosines for logits, NISER (Gupta et al., 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.invariants import demand
from slide.core.contract.lists import indptr_of
from slide.core.direct.embedding_rows import dots, summed, totals, unit_rows
from slide.core.direct.things import own_features

PLACES = 20  # from the end; items before them are not looked at
SCALE = np.float32(16)  # of a cosine as a logit


@dataclass(frozen=True, slots=True)
class Trails:
    """The items of some examples, by how long ago they came.

    Args:
        indptr: i64 (B + 1), of example i there are the items `indptr[i]:indptr[i + 1]`.
        items: i32 (m,), below n_labels.
        places: u8 (m,), how many items of the example have a larger value: 0 for the latest.
    """

    indptr: Array
    items: Array
    places: Array

    @classmethod
    def of(cls, x: CSR, n_labels: int) -> Trails:
        """Of features, CSR (B, n_features), the largest values the latest."""
        own = own_features(x, n_labels)
        rows, which = own.row_numbers(), np.arange(own.nnz)
        order = np.lexsort((-own.values, rows))
        values, rows = own.values[order], rows[order]
        is_new = np.ones(len(order), bool)
        is_new[1:] = (rows[1:] != rows[:-1]) | (values[1:] != values[:-1])
        first_equal = np.maximum.accumulate(np.where(is_new, which, 0))
        places = first_equal - own.indptr[rows]
        kept = places < PLACES
        lengths = np.bincount(rows[kept], minlength=x.n_rows)
        return cls(indptr_of(lengths), own.indices[order][kept], places[kept].astype(np.uint8))

    def take(self, rows: Array) -> Trails:
        """Of some of the examples."""
        as_csr = CSR(self.indptr, self.items, self.places, 0).take(rows)
        return Trails(as_csr.indptr, as_csr.indices, as_csr.values)

    def part(self, begin: int, end: int) -> Trails:
        """Of the examples from one to before another, as views."""
        bounds = self.indptr[begin : end + 1]
        inside = slice(bounds[0], bounds[-1])
        return Trails(bounds - bounds[0], self.items[inside], self.places[inside])


@dataclass(frozen=True, slots=True)
class Attention:
    """What pools the items of an example, f32, of DIM dimensions.

    Args:
        places: (PLACES, DIM), added to an item at its place.
        key: (DIM, DIM), of an item.
        query: (DIM, DIM), of the latest item.
        offset: (DIM,), added to both.
        energy: (DIM,), of a sigmoid of them.
        output: (2 DIM, DIM), of the pooled items and the latest one.
    """

    places: Array
    key: Array
    query: Array
    offset: Array
    energy: Array
    output: Array

    @classmethod
    def begin(cls, dim: int, rng: np.random.Generator) -> Attention:
        """All items count alike, and as much as the latest one."""
        bound = dim**-0.5
        key, query, energy, output = (
            rng.uniform(-bound, bound, shape).astype(np.float32)
            for shape in ((dim, dim), (dim, dim), (dim,), (2 * dim, dim))
        )
        same = np.vstack([np.eye(dim, dtype=np.float32)] * 2)
        return cls(
            np.zeros((PLACES, dim), np.float32), key, query, np.zeros(dim, np.float32), energy,
            same + output / 10,
        )  # fmt: skip

    def named(self) -> dict[str, Array]:
        """All arrays by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class Pooled:
    """What comes of pooling some examples, and what its gradient is worked out of.

    Args:
        rows: of the examples, those that have items; i64 (R,).
        bounds: where each of them begins in what follows, and the last ends; i64 (R + 1,).
        which: of each item the place of its example in `rows`; i64 (m,).
        items: f32 (m, DIM), vectors.
        placed: f32 (m, DIM), these at their places.
        is_latest: f32 (m,), 1 over the number of latest items of the example, or 0.
        latest: f32 (R, DIM).
        sigmoid: f32 (m, DIM).
        shares: f32 (m,), what items count for.
        joined: f32 (R, 2 DIM), pooled and latest.
        lengths: f32 (R, 1), of what the output makes of them.
        directions: f32 (R, DIM).
    """

    rows: Array
    bounds: Array
    which: Array
    items: Array
    placed: Array
    is_latest: Array
    latest: Array
    sigmoid: Array
    shares: Array
    joined: Array
    lengths: Array
    directions: Array

    @classmethod
    def of(cls, trails: Trails, items: Array, attention: Attention) -> Pooled:
        """Pool examples.

        Args:
            trails: their items.
            items: f32 (m, DIM), the vector of each of them.
            attention: how.
        """
        counts = np.diff(trails.indptr)
        rows = np.flatnonzero(counts)
        bounds = np.append(trails.indptr[rows], len(items))
        which = np.repeat(np.arange(len(rows)), counts[rows])
        is_latest = (trails.places == 0).astype(np.float32)
        is_latest /= totals(is_latest, bounds)[which]
        latest = summed(items, bounds, is_latest)
        placed = items + attention.places.take(trails.places, axis=0)
        query = latest @ attention.query + attention.offset
        sigmoid = placed @ attention.key
        sigmoid += query.take(which, axis=0)
        np.exp(np.negative(sigmoid, out=sigmoid), out=sigmoid)
        sigmoid += 1
        np.reciprocal(sigmoid, out=sigmoid)
        energies = sigmoid @ attention.energy
        if len(rows):
            energies -= np.maximum.reduceat(energies, bounds[:-1])[which]
        shares = np.exp(energies)
        shares /= totals(shares, bounds)[which]
        joined = np.hstack([summed(items, bounds, shares), latest])
        directions, lengths = unit_rows(joined @ attention.output)
        return cls(
            rows, bounds, which, items, placed, is_latest, latest, sigmoid, shares, joined,
            lengths, directions,
        )  # fmt: skip

    def gradient(
        self, trails: Trails, slope: Array, attention: Attention
    ) -> tuple[Array, Attention]:
        """Of the vectors of items, f32 (m, DIM), and of the attention.

        Args:
            trails: the same as of `of`.
            slope: f32 (R, DIM), the gradient of `directions`.
            attention: the same.
        """
        along = dots(slope, self.directions)[:, None]
        made = (slope - along * self.directions) / self.lengths
        pooled, latest = np.split(made @ attention.output.T, 2, axis=1)
        items = pooled.take(self.which, axis=0)
        shares = dots(self.items, items)
        energies = self.shares * (shares - totals(self.shares * shares, self.bounds)[self.which])
        inner = 1 - self.sigmoid
        inner *= self.sigmoid
        inner *= energies[:, None]
        inner *= attention.energy
        of_query = summed(inner, self.bounds, np.ones_like(self.shares))
        placed = inner @ attention.key.T
        latest = latest + of_query @ attention.query.T
        items *= self.shares[:, None]
        items += placed
        at_end = np.flatnonzero(self.is_latest)
        items[at_end] += self.is_latest[at_end, None] * latest[self.which[at_end]]
        at_place = trails.places == np.arange(PLACES, dtype=np.uint8)[:, None]  # (PLACES, m)
        return items, Attention(
            places=at_place.astype(np.float32) @ placed,
            key=self.placed.T @ inner,
            query=self.latest.T @ of_query,
            offset=of_query.sum(axis=0),
            energy=self.sigmoid.T @ energies,
            output=self.joined.T @ made,
        )


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of all items, and what pools them.

    Args:
        items: f32 (n_labels, DIM), of unit length, or 0.
        attention: of as many dimensions.
    """

    items: Array
    attention: Attention

    @classmethod
    def read(cls, stored: dict[str, Array], prefix: str) -> Embeddings | None:
        """Take the arrays of `tensors` out of others, on the host; None if there are none."""
        if f"{prefix}items" not in stored:
            return None
        names = [each.name for each in fields(Attention)]
        parts: dict[str, Any] = {name: stored.pop(f"{prefix}attention_{name}") for name in names}
        return cls(stored.pop(f"{prefix}items"), Attention(**parts))

    def tensors(self, prefix: str) -> dict[str, Array]:
        """All arrays by name."""
        parts = self.attention.named().items()
        return {f"{prefix}items": self.items} | {
            f"{prefix}attention_{name}": array for name, array in parts
        }

    def check(self, n_labels: int) -> None:
        """Raise ValueError, in one sentence, unless all are finite and fit to each other."""
        demand(self.items.ndim == 2, "embeddings of items are no matrix")
        dim = self.items.shape[1]
        shapes = {
            "items": (n_labels, dim), "places": (PLACES, dim), "key": (dim, dim),
            "query": (dim, dim), "offset": (dim,), "energy": (dim,), "output": (2 * dim, dim),
        }  # fmt: skip
        for name, array in ({"items": self.items} | self.attention.named()).items():
            is_one = array.dtype == np.float32 and array.shape == shapes[name]
            demand(
                is_one and bool(np.isfinite(array).all()),
                f"{name} of embeddings are no f32 of {shapes[name]}",
            )

    def pooled(self, x: CSR) -> Array:
        """The vector of each example, CSR (B, n_features), times SCALE; 0 if it has no items."""
        trails = Trails.of(x, len(self.items))
        pooled = Pooled.of(trails, self.items[trails.items], self.attention)
        vectors = np.zeros((x.n_rows, self.items.shape[1]), np.float32)
        vectors[pooled.rows] = SCALE * pooled.directions
        return vectors

    def logits(self, x: CSR, wanted: CSR, backend: Backend) -> Array:
        """Of some labels of each example, f32, in the order of `wanted`, CSR (B, n_labels)."""
        put = backend.put
        found = backend.sddmm(put(self.pooled(x)), put(self.items), wanted.map(put))
        logits: Array = backend.get(found.values)
        return logits
