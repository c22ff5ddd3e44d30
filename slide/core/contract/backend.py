"""The contract between `slide` and whoever computes: eighteen kernels over plain arrays.

Twelve of them are here, with what holds for all; those on weights that are sparse themselves are in
`slide.core.contract.sparse_kernels`.

B examples, d fan_in, n neurons, K digits per code, L tables, P probes per table, R neurons of an
active set.

What holds for every kernel:

* No randomness. Where chance is wanted, `salt` (an integer) is mixed with ids by
  `slide.core.contract.tables.mix`, so integer results are equal on all backends.
* No policy, no files, no logging, no fall-back to another backend.
* Arguments are never written to, except the parameters of `update_rows` and `update_entries`;
  read-only arrays are accepted.
* Arrays, of arguments and of results, are contiguous in C order and aligned to their items, and may
  begin anywhere: a part of a larger array is one.
* A kernel may be called on any thread, and on several at once. It remembers nothing: a result
  depends on what the arguments hold when it is called (`put` gives what the array holds then), and
  stays as it is whatever is called next. It may consist of arrays of the arguments.
* A stored zero is an entry like any other, unless a kernel says that values are not read.
* Empty arguments (no rows, no neurons, no labels) give empty results.
* Results have the dtypes stated here and do not depend on the number of threads (BLAS is kept at
  one by whoever calls, for more change its last bits: decision 0005).
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

from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.families import Family
from slide.core.contract.losses import LossName
from slide.core.contract.optim import Optimizer
from slide.core.contract.sparse_kernels import SparseKernels
from slide.core.contract.tables import Policy, Tables

Strategy = Literal["vanilla", "topk", "threshold"]

FROM_LABELS, FROM_TABLES, FROM_EXTRA = 0.0, 1.0, 2.0
"""Values of an active set as `query` returns it: where each neuron came from."""

KERNELS = (
    "put", "get", "hash", "build", "reinsert", "query", "sddmm", "spmm", "spmm_t", "loss",
    "update_rows", "top_k", "spgemm_t", "invert", "search", "masked_spgemm", "update_entries",
    "solve_rows",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """How to choose among the neurons found in the buckets of an example.

    Args:
        strategy: order of preference. `vanilla`: buckets are probed one after the other, the
            nearest ones of all tables, then the second nearest ones, and so on, each time in the
            same order of the tables, which is the example's own; neurons met earlier first.
            `topk`: neurons met in more tables first. `threshold`: as `topk`, but only neurons met
            in at least `threshold` tables. Ties, as between the neurons that one bucket has in
            `vanilla`, go to the smaller `mix(id, salt)`.
        budget: keep at most this many distinct neurons per example.
        bucket_limit: look at no more than the first entries of a bucket.
        shared: True for one set per batch (the union over its examples), False for one each.
        threshold: read by the strategy of that name alone.

    Source: SLIDE (arXiv 1903.03129) section 3.1, sampling strategies.
    """

    strategy: Strategy
    budget: int
    bucket_limit: int
    shared: bool
    threshold: int = 1


class Backend(SparseKernels, Protocol):
    """The kernels. `slide.reference.kernels` is the definition written out.

    Five things more, which are no kernels, are used if they are there:

    * `hogwild_workers`: processes that take the training steps of an epoch, several at once (see
      `slide.core.contract.workers.Workers`); None if steps are to come one after the other.
    * `figures()`: of the last epoch, by their names in metrics.jsonl.
    * `demand_room(n_bytes)`: raises BackendError, before training, unless a network and its
      tables of that size have a place where `put` puts them.
    * `synchronize()`: returns when all that was asked for is done, for kernels that return before
      (those of a GPU); whoever measures time calls it.
    * `concurrently(calls)`: the results of some functions, in order, by the threads of the backend;
      none of them calls a kernel (see `slide.core.contract.concurrent`).
    """

    name: str

    def set_threads(self, n: int) -> int:
        """Compute with at most n threads from now on; no result depends on it. Not a kernel.

        Whoever calls a backend keeps the thread pools of BLAS at one thread, so that threads have
        one owner.

        Returns:
            How many will be used: n, or fewer where a backend has no use for more.
        """

    def put(self, array: Array) -> Array:
        """A host array as the backend's own kind of array. Exactness: identity."""

    def get(self, array: Array) -> Array:
        """A backend array as a NumPy array on the host. Exactness: identity."""

    def hash(self, x: Array | CSR, center: Array | None, family: Family, probes: int = 1) -> Array:
        """Buckets of every v = x_i - center: the nearest one of each table, or the P nearest.

        The digits of a table (`slide.core.contract.families`) give its nearest bucket. Each digit
        has a margin, which kept it from being a second digit:

        * `SimHash`: |v . r|; the other bit.
        * `WTA` and `DWTA`: the winner's lead over the runner-up; the place of the runner-up, ties
          to the first.
        * `DOPH`: what the coordinate that gave the digit has more than the smallest one of the
          set; the second place of the bin that belongs to the set.

        Where there is no second digit the margin is infinite. A bin that borrows takes all three
        from its donor. Sort the digits of a table by margin, ties by place: bit r of a mask says
        that the r-th of them becomes its second digit, and the margins of those that do, added
        up in float64 from the smallest, are the distance. The P nearest buckets are those of the
        P masks of smallest distance, ascending, ties to the smaller mask; where fewer than P
        distances are finite, the nearest bucket again fills the places that are left.

        Args:
            x: f32 (n, width), C order, or CSR (n, width), which means the same as its dense rows
                (a stored zero is a zero); finite, and width at least `family.d`.
            center: f32 (width,), subtracted from every row: the mean weight row for neurons, None
                for queries. The ranking of the logits of one query does not change by it.
            family: which digits; only the first `family.d` coordinates count.
            probes: P, from 1 to 16.

        Returns:
            u32 (n, L * P): buckets of table l, nearest first, in columns l * P to l * P + P - 1.

        Exactness: equal, x - center being one float32 subtraction and margins differences in
            float64. Only the projections of SimHash may be rounded otherwise: those of x - center,
            d + 1 terms, where |x - center| counts as |x| + |center|.
        Cost: SimHash 2 n d K L flops, the others n m K L comparisons; reads 4 n d bytes.
        Source: SLIDE section 3.1; probing: Lv et al. (VLDB 2007).
        """

    def build(self, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
        """Sort the ids of all neurons by bucket, once per table (see `Tables`).

        Args:
            codes: u32 (n, L), each below n_buckets.
            n_buckets: buckets per table.
            salt: orders the ids of one bucket of table l by `mix(id, salt + l)`, smallest first.
            policy: `reservoir`, as above, or `fifo`: the ids of a bucket in descending order, as
                if neuron 0 had come first; the salt is only kept then.

        Returns:
            Tables with ids i32 and offsets i64, every neuron in one bucket of each table.

        Exactness: equal.
        Cost: a counting sort of n ids for each of L tables; writes 4 n L bytes.
        Source: SLIDE section 3.1; the reservoir cut of a full bucket becomes a cut of this order.
        """

    def reinsert(self, tables: Tables, rows: Array, codes: Array) -> Tables:
        """Tables in which some neurons have moved to the buckets of their new codes.

        With the policy `reservoir` equal to a build from the codes of all neurons. With `fifo`
        the moved ones come first in their buckets, larger ids first, also where the bucket is the
        one that they were in, and the others keep their order.

        Args:
            tables: as `build` or `reinsert` made them.
            rows: i32 (R,), strictly increasing: the neurons to move.
            codes: u32 (R, L), their new ones, each below n_buckets.

        Returns:
            New Tables of the same salt and policy; the old ones stay as they are.

        Exactness: equal.
        Cost: a merge of R ids into n for each of L tables.
        Source: SLIDE section 3.1.3, where neurons are deleted and added.
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
            tables: of the n neurons, however filled (see `Tables`); None to retrieve nothing.
            codes: u32 (B, L * P), of the examples, as `hash` gives them. A neuron that several
                probes of one table meet is met in one table. Not read where tables is None.
            required: CSR (B, n), neurons that must be active (the labels).
            extra: CSR (B, n), neurons to be active besides (the uniform share).
            query: what to keep of the neurons found in the tables.
            salt: decides ties and probing orders: example i takes its tables l by ascending
                `mix(i * L + l, salt)`.

        Returns:
            CSR (B, n), or Block with values (1, R) where `query.shared`. The values say where a
            neuron came from, the first that applies: FROM_LABELS, FROM_TABLES, FROM_EXTRA.

        Exactness: equal.
        Cost: reads the first entries of B L P buckets once; sorts what it found.
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

    def loss(
        self, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
    ) -> tuple[Array, CSR | Block]:
        """Loss of each example over its active set, by a formula of `slide.core.contract.losses`.

        Args:
            z: logits, of any finite size.
            log_weights: in the layout of z, in a Block (1, R): an entry stands for
                exp(log_weight) neurons.
            y: CSR (B, n), labels: positive where the value is above 0, otherwise known negatives.
                Labels that are not active are ignored.
            name: which loss.

        Returns:
            Loss of each example f32 (B,), and the gradient of their mean over all B examples
            with respect to z, in the layout of z.

        Exactness: 16 ulp of the largest term of each result in `softmax`; in `bce` and `saros`
            16 ulp of each term of a sum and one more for each term that is summed.
        Cost: one exp an entry (softmax), an exp and a log an entry (bce) or a pair of a positive
            label and a negative (saros).
        Source: named with the formulas.
        """

    def update_rows(
        self, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
    ) -> None:
        """One lazy step on the rows r that `grad` touches; all other rows stay as they are.

        weight *= 1 - lr * optimizer.weight_decay, and then, all by element unless it says row:

        * `Adam`: mean += (1 - beta1) (g - mean); square += (1 - beta2) (g**2 - square);
          weight -= optimizer.step_size(lr, step) * mean / (sqrt(square) + epsilon). The constants,
          1 - beta too, are worked out in float64 and then rounded.
        * `Adagrad`: square_r += mean of g**2 over row r; weight -= lr * g / (sqrt(square_r) +
          epsilon).
        * `SGD`: weight -= lr * g.

        Args:
            param: as `optimizer.begin` made it; written in place, the only argument of any
                kernel that is.
            grad: rows below n, values f32 (R, d).
            optimizer: which one, and its constants.
            lr: learning rate.
            step: number of this step, from 1.

        Exactness: 8 ulp of the largest term of each result, d more in Adagrad for the sum.
        Cost: a touched row's gradient, 4 d bytes, is read; its weight and state, 12 d (Adam),
            4 d + 4 (Adagrad) or 4 d (SGD), are read and written.
        Source: named in `slide.core.contract.optim`.
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
