"""The contract between `slide` and whoever computes: eleven kernels over plain arrays.

B examples, d fan_in, n neurons, K bits per code, L tables, R neurons of an active set.

What holds for every kernel:

* No randomness. Where chance is wanted, `salt` (an integer) is mixed with ids by
  `slide.core.hashing.mix`, so integer results are equal on all backends.
* No policy, no files, no logging, no fall-back to another backend.
* Arguments are never written to, except those of `update_rows`; read-only arrays are accepted.
* Empty arguments (no rows, no neurons, no labels) give empty results.
* Results have the dtypes stated here and do not depend on the number of threads (the reference
  keeps this by using one; more BLAS threads change its last bits, see decision 0005).
* Between kernels the training step uses operators, indexing and NumPy functions on the backend's
  arrays, so these are NumPy arrays or follow `__array_function__` and `__array_ufunc__`.

A set of active neurons comes in one of two layouts, and so do the logits over it and their
gradient. `CSR` (B, n): each example has a set of its own (scope `example`). `Block`: one set
that all examples of a batch share (scope `batch`), its values being (1, R) for the set and
(B, R) for logits. Each kernel answers in the layout it was given.

Exactness, judged by `slide verify`: *equal* means bit for bit. *Bound* means equal wherever all
partial sums are exact in float32, and otherwise within `terms * eps * sum |a| |b|` of the result
in infinite precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.hashing import SimHash, Tables
from slide.core.optim import Adam

Strategy = Literal["vanilla", "topk"]

FROM_LABELS, FROM_TABLES, FROM_EXTRA = 0.0, 1.0, 2.0
"""Values of an active set as `query` returns it: where each neuron came from."""

KERNELS = (
    "put", "get", "hash", "build", "query", "sddmm", "spmm", "spmm_t", "loss", "update_rows",
    "top_k",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """How to choose among the neurons found in an example's L buckets.

    Args:
        strategy: order of preference. `vanilla`: tables are probed in an order of the
            example's own, earlier first. `topk`: neurons met in more tables first.
            Ties go to the smaller `mix(id, salt)`.
        budget: keep at most this many distinct neurons per example.
        bucket_limit: look at no more than the first entries of a bucket.
        shared: True for one set per batch (the union over its examples), False for one each.

    Source: SLIDE (arXiv 1903.03129) section 3.1, sampling strategies.
    """

    strategy: Strategy
    budget: int
    bucket_limit: int
    shared: bool


class Backend(Protocol):
    """The kernels. `slide.reference.kernels` is the definition written out."""

    name: str

    def put(self, array: Array) -> Array:
        """A host array as the backend's own kind of array. Exactness: identity."""

    def get(self, array: Array) -> Array:
        """A backend array as a NumPy array on the host. Exactness: identity."""

    def hash(self, x: Array, center: Array, family: SimHash) -> Array:
        """codes[i, l] = sum_k 2**k * [(x_i - center) . r_(l, k) > 0].

        Args:
            x: f32 (n, d), C order.
            center: f32 (d,), subtracted from every row: the mean weight row for neurons, zero
                for queries. The ranking of the logits of one query does not change by it.
            family: directions r.

        Returns:
            u32 (n, L).

        Exactness: equal where the projections are exact.
        Cost: 2 n d K L flops; reads 4 n d bytes, writes 4 n L.
        Source: SLIDE section 3.1; Charikar (STOC 2002).
        """

    def build(self, codes: Array, n_buckets: int, salt: int) -> Tables:
        """Sort the ids of all neurons by bucket, once per table (see `Tables`).

        Args:
            codes: u32 (n, L), each below n_buckets.
            n_buckets: buckets per table.
            salt: orders the ids of one bucket of table l by `mix(id, salt + l)`.

        Returns:
            Tables with ids i32 and offsets i64.

        Exactness: equal.
        Cost: a counting sort of n ids for each of L tables; writes 4 n L bytes.
        Source: SLIDE section 3.1; the reservoir cut of a full bucket becomes a cut of this order.
        """

    def query(
        self,
        tables: Tables | None,
        codes: Array,
        required: CSR,
        extra: CSR,
        query: Query,
        salt: int,
    ) -> CSR | Block:
        """Active set = required + retrieved from the tables + extra, without repetitions.

        Args:
            tables: of the n neurons; None to retrieve nothing.
            codes: u32 (B, L), of the examples. Not read where tables is None.
            required: CSR (B, n), neurons that must be active (the labels).
            extra: CSR (B, n), neurons to be active besides (the uniform share).
            query: what to keep of the neurons found in the tables.
            salt: decides probing orders (`mix(i * L + l, salt)` sorts example i's tables) and ties.

        Returns:
            CSR (B, n), or Block with values (1, R) where `query.shared`. The values say where a
            neuron came from, the first that applies: FROM_LABELS, FROM_TABLES, FROM_EXTRA.

        Exactness: equal.
        Cost: reads the examples' buckets once; sorts what it found.
        Source: SLIDE section 3.1.
        """

    def sddmm(self, h: Array, w: Array, active: CSR | Block) -> CSR | Block:
        """z[i, j] = h_i . w_j for the active j only (sampled dense-dense product).

        Args:
            h: f32 (B, d), C order.
            w: f32 (n, d), C order.
            active: the pattern; its values are not read.

        Returns:
            Logits in the layout of `active`, f32.

        Exactness: bound, d terms.
        Cost: 2 d flops and 4 d bytes of w an entry (of w a neuron, in a Block).
        """

    def spmm(self, z: CSR | Block, w: Array) -> Array:
        """Row i = sum_j z[i, j] w_j: the input layer, and the way back to the hidden layer.

        Args:
            z: (B, n).
            w: f32 (n, d), C order.

        Returns:
            f32 (B, d).

        Exactness: bound, as many terms as row i has entries.
        Cost: as sddmm.
        """

    def spmm_t(self, z: CSR | Block, h: Array) -> RowGrad:
        """Row j = sum_i z[i, j] h_i, for the columns j that z stores: a weight gradient.

        Args:
            z: (B, n).
            h: f32 (B, d), C order.

        Returns:
            RowGrad: `rows` are the distinct columns of z, also those whose values are 0.

        Exactness: bound, as many terms as column j has entries.
        Cost: as sddmm; writes 4 d bytes a touched row.
        """

    def loss(self, z: CSR | Block, log_weights: CSR | Block, y: CSR) -> tuple[Array, CSR | Block]:
        """Softmax over the active set: loss_i = -(1 / |y_i|) sum_(j in y_i) log p_ij.

        p_i = softmax(z_i + log_weights_i): an entry that stands for m neurons counts m times.
        Labels that are not active are ignored; an example without (active) labels has loss 0
        and gradient 0.

        Args:
            z: logits.
            log_weights: in the layout of z; in a Block (1, R).
            y: CSR (B, n), labels; the values are not read.

        Returns:
            Loss of each example f32 (B,), and the gradient of their mean over all B examples
            with respect to z, in the layout of z.

        Exactness: 16 ulp of the largest term of each result.
        Cost: one exp an entry.
        Source: SLIDE section 3.1 (softmax over active neurons); the weights are those of
            sampled softmax (Jean et al., ACL 2015), which correct negatives only.
        """

    def update_rows(
        self, param: Param, grad: RowGrad, optimizer: Adam, lr: float, step: int
    ) -> None:
        """One lazy Adam step on the rows that `grad` touches; all other rows stay as they are.

        mean += (1 - beta1) (g - mean); square += (1 - beta2) (g**2 - square);
        weight -= optimizer.step_size(lr, step) * mean / (sqrt(square) + epsilon).

        Args:
            param: written in place, the only argument of any kernel that is.
            grad: rows below n, values f32 (R, d).
            optimizer: the constants.
            lr: learning rate.
            step: number of this step, from 1.

        Exactness: 8 ulp of the largest term of each result.
        Cost: reads and writes 12 d bytes a touched row, reads 4 d.
        Source: Kingma and Ba (ICLR 2015), algorithm 1.
        """

    def top_k(self, h: Array, w: Array, candidates: CSR | None, k: int) -> tuple[Array, Array]:
        """The k largest h_i . w_j of each example, largest first; ties go to the smaller j.

        Args:
            h: f32 (B, d), C order.
            w: f32 (n, d), C order.
            candidates: CSR (B, n), where to look; None for all neurons.
            k: at least 1.

        Returns:
            ids i32 (B, k) and scores f32 (B, k). Where an example has fewer than k candidates
            the rest is id -1 and score -inf.

        Exactness: equal ids where scores differ by more than the bound of sddmm.
        Cost: 2 B n d flops in blocks (or as sddmm with candidates).
        """
