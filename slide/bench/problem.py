"""What calls are made of, at three sizes: drawn numbers, and what numba makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from slide.backends import complete
from slide.bench.drawn import draw_examples, rows_of
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend, Query
from slide.core.contract.families import Family, HashName, draw_family
from slide.core.contract.sparse import InvertedIndex
from slide.core.contract.tables import Tables
from slide.core.direct.active import active_set
from slide.core.sampled.rules import digits_for
from slide.core.sampled.sampling import draw_uniform

Layout = Literal["block", "csr"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
L = 16
BUCKET_LIMIT = 128  # entries of a bucket that a query looks at
LIST_LIMIT = 1000  # neurons that an inverted index keeps for an input
NEGATIVES = 60  # hardest neurons that a step on direct connections searches for each example


@dataclass(frozen=True, slots=True)
class Size:
    """B examples, d units and a constant, n neurons, features, and neurons proposed by layout.

    Args:
        connections: entries in a row of sparse weights, repetitions included.
        n_samples: examples of a whole training set, from which connections are chosen.
    """

    B: int
    d: int
    n: int
    n_features: int
    wanted: dict[Layout, int]
    connections: int
    n_samples: int

    def __str__(self) -> str:
        return f"{self.B} examples, {self.n:,} neurons of {self.d} weights"


SIZES = {
    "small": Size(32, 33, 1_000, 2_000, {"block": 200, "csr": 50}, 20, 500),
    "demo": Size(256, 257, 15_314, 23_502, {"block": 2_000, "csr": 500}, 50, 8_000),
    "large": Size(256, 129, 670_091, 135_909, {"block": 8_000, "csr": 1_000}, 20, 20_000),
}


@dataclass
class Problem:
    """Arguments of all kernels at one size, on the host; each is made when first wanted.

    What is drawn depends on its name and the size alone, never on what was wanted before.
    """

    size: Size
    maker: Backend = field(default_factory=lambda: complete("numba"))

    def rng(self, name: str) -> np.random.Generator:
        """One for each thing that is drawn."""
        return np.random.default_rng(list(name.encode()))

    def normal(self, name: str, *shape: int) -> Array:
        """Random numbers f32, of mean 0 and variance 1."""
        return self.rng(name).standard_normal(shape, dtype=np.float32)

    @cached_property
    def h(self) -> Array:
        """Hidden units f32 (B, d)."""
        return self.normal("h", self.size.B, self.size.d)

    @cached_property
    def w(self) -> Array:
        """Weights of the output layer, f32 (n, d)."""
        return self.normal("w", self.size.n, self.size.d)

    @cached_property
    def w_features(self) -> Array:
        """Weights of the input layer, f32 (n_features, d)."""
        return self.normal("w_features", self.size.n_features, self.size.d)

    @cached_property
    def x(self) -> CSR:
        """Features (B, n_features)."""
        return draw_examples(self.size.B, self.size.n_features, 2).features

    @cached_property
    def y(self) -> CSR:
        """Labels (B, n)."""
        return draw_examples(self.size.B, 2, self.size.n).y

    def extra(self, layout: Layout) -> CSR:
        """Uniform neurons."""
        B, n = self.size.B, self.size.n
        n_sets = 1 if layout == "block" else B
        return draw_uniform(n, self.size.wanted[layout], n_sets, B, self.rng(f"extra {layout}"))

    @cached_property
    def active(self) -> dict[Layout, CSR | Block]:
        """Labels and uniform neurons, in both layouts."""
        codes = np.zeros((self.size.B, 0), np.uint32)
        how = {name: Query("topk", 1, BUCKET_LIMIT, shared=name == "block") for name in LAYOUTS}
        return {
            name: self.maker.query(None, codes, self.y, self.extra(name), how[name], 0)
            for name in LAYOUTS
        }

    def logits(self, layout: Layout) -> CSR | Block:
        """Of the active neurons."""
        return self.maker.sddmm(self.h, self.w, self.active[layout])

    def touched(self, name: str) -> Array:
        """The neurons that a step of scope `batch` has touched, i32 ascending."""
        wanted = self.size.wanted["block"]
        rows = self.rng(name).choice(self.size.n, wanted, replace=False)
        return np.sort(rows).astype(np.int32)

    def family(self, name: HashName, d: int) -> Family:
        """Of as many digits as the recipe gives n neurons."""
        K = digits_for(self.size.n, name)
        return draw_family(name, d, K, L, 1 << 18, np.random.default_rng(1))

    @cached_property
    def codes(self) -> Array:
        """Of all neurons."""
        return self.maker.hash(self.w, None, self.family("simhash", self.size.d))

    @cached_property
    def tables(self) -> Tables:
        """Of all neurons."""
        n_buckets = self.family("simhash", self.size.d).n_buckets
        return self.maker.build(self.codes, n_buckets, 0, "reservoir")

    @cached_property
    def inputs(self) -> CSR:
        """Features as direct connections see them: unit rows and a constant."""
        return self.x.with_unit_rows().with_constant()

    @cached_property
    def connected(self) -> CSR:
        """Sparse weights (n, n_features + 1), the last column being the bias."""
        size = self.size
        pattern = rows_of(size.n, size.connections, size.n_features, self.rng("connected"))
        pattern = pattern.with_constant()
        return pattern.with_values(self.normal("weights", pattern.nnz))

    @cached_property
    def base(self) -> Array:
        """What the score of a neuron starts with, f32 (n,): its bias."""
        last = self.connected.indptr[1:] - 1
        return np.take(self.connected.values, last)

    @cached_property
    def index(self) -> InvertedIndex:
        """Finds neurons by the inputs that they are connected to."""
        return self.maker.invert(self.connected, self.base, LIST_LIMIT).without_last()

    @cached_property
    def hardest(self) -> CSR:
        """Labels and the neurons of largest scores beside them (B, n)."""
        found, _ = self.maker.search(self.index, self.inputs, self.y, NEGATIVES)
        return active_set(found, self.y)
