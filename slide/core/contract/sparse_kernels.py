"""The kernels on weights that are sparse themselves: part of `slide.core.contract.backend`.

B examples, n neurons. What holds for every kernel, and the terms of exactness, are said there.
"""

from __future__ import annotations

from typing import Protocol

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SolvedRows, SparseParam


class SparseKernels(Protocol):
    """What direct connections are trained and searched with."""

    def spgemm_t(self, z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
        """Row j = the largest entries of sum_i z[i, j] x_i: a product of two sparse matrices, cut.

        An entry (j, f) is there if an example stores both z[i, j] and x[i, f], even if their sum
        is 0.

        Args:
            z: CSR (B, n).
            x: CSR (B, n_inputs).
            limits: i64 (n,), at least 0: keep so many entries of row j, those of largest
                magnitude, ties to the smaller f.
            excluded: CSR (n, n_inputs): entries that are left out before anything is kept; its
                values are not read.

        Returns:
            CSR (n, n_inputs).

        Exactness: values bound, as many terms as examples store both; kept are those that should
            be where magnitudes differ by more than their bounds.
        Cost: for every entry of z a row of x is read; selection is linear.
        """

    def invert(self, w: CSR, base: Array, limit: int) -> InvertedIndex:
        """For each input f the neurons j with an entry w[j, f], the best of them if limited.

        Args:
            w: CSR (n, n_inputs).
            base: f32 (n,), what the score of a neuron starts with.
            limit: keep at most so many entries of an input, those of largest w[j, f] + base[j]
                (one float32 addition), ties to the smaller j.

        Returns:
            An index with copies of the weights.

        Exactness: equal.
        Cost: a counting sort of all entries.
        """

    def search(self, index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> tuple[Array, Array]:
        """The k neurons of largest base_j + sum_f x[i, f] index[f, j] among those that are met.

        A neuron is met if it is in the list of an input that the example stores. Ties go to the
        smaller j.

        Args:
            index: of n neurons.
            x: CSR (B, n_inputs).
            excluded: CSR (B, n), neurons that are not wanted; its values are not read.
            k: at least 1.

        Returns:
            ids i32 (B, k) and scores f32 (B, k), largest first; id -1 and score -inf where fewer
            are met.

        Exactness: bound, one term more than inputs that meet; equal ids where scores differ by
            more than it.
        Cost: reads the lists of all inputs of an example, a random access to n scores an entry.
        """

    def masked_spgemm(self, x: CSR, w: CSR, active: CSR) -> CSR:
        """z[i, j] = x_i . w_j for the active j only, both of them sparse.

        Args:
            x: CSR (B, n_inputs).
            w: CSR (n, n_inputs).
            active: CSR (B, n); its values are not read.

        Returns:
            Logits with the pattern of `active`, f32.

        Exactness: bound, as many terms as inputs that both rows store.
        Cost: reads the shorter row, or looks its inputs up in the longer one.
        """

    def update_entries(self, param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
        """One Adagrad step on the entries of w that examples meet, all others stay as they are.

        With g[j, f] = sum_i dz[i, j] x[i, f] over the examples that store both, by element:
        square += g**2; weight -= lr * g / sqrt(square).

        Args:
            param: n neurons; the values of its weight and its square are written in place.
            dz: CSR (B, n).
            x: CSR (B, n_inputs).
            lr: learning rate.

        Exactness: g as a product, bound; then 8 ulp of the largest term of each result.
        Cost: for each neuron that dz stores its row of w, and the rows of x of its examples.
        Source: Duchi, Hazan and Singer (JMLR 2011).
        """

    def solve_rows(
        self,
        x: CSR,
        wanted: CSR,
        duals: Array,
        start: CSR,
        base: Array,
        constant: float,
        limits: Array,
        passes: int,
        salt: int,
    ) -> SolvedRows:
        """Passes of dual coordinate descent on a squared hinge loss, each row by itself, warm.

        Row j is drawn to a row s_j, and its bias to base_j, by a squared L2 norm:

            minimise 1/2 |w - s_j|**2 + 1/2 (b - base_j)**2 / constant**2
                     + sum_i |c_ji| max(0, 1 - y_ji (w . x_i + b))**2,  y_ji = sign(c_ji)

        over the examples i that row j of `wanted` stores with their signed costs c_ji. Its dual has
        one variable a_ji >= 0 for each of them, and

            w = s_j + sum_i a_ji y_ji x_i,  b = base_j + constant**2 sum_i a_ji y_ji.

        A pass visits the m examples of a row in the order of `slide.core.contract.sparse.visits`,
        and minimises exactly over one variable at a time:

            g = y (w . x_i + b) - 1 + a / (2 |c|)
            a = max(a - g / (|x_i|**2 + constant**2 + 1 / (2 |c|)), 0), after which w and b follow.

        Args:
            x: CSR (B, d), examples.
            wanted: CSR (n, B), signed costs, none of them 0; the columns of a row in any order.
            duals: f32 (nnz of wanted,), at least 0: where the passes start.
            start: CSR (n, d).
            base: f32 (n,).
            constant: of an input that every example has, whose weight is the bias; 0 for none.
            limits: i64 (n,), at least 0: keep so many entries of a row, those of largest
                magnitude, ties to the smaller input, of those that `start` or an example that the
                row wants stores.
            passes: at least 0.
            salt: of the orders; the same for passes that are taken again.

        Returns:
            The rows (n, d) with their biases, and the duals after the last pass. Cutting a row
            does not change its duals, so that the next call starts from the whole of it.

        Exactness: a few times what the visits of a row round, in the norm of its dual; and, given
            the duals, what additions to weights and biases round. How much that is says
            `slide.reference.bounds.solving`. A row that wants nothing is exact, its ties too. Kept
            are those that should be where magnitudes differ by more than their bounds.
        Cost: for each pass twice the rows of x that a row wants, and once to gather them.
        Source: Hsieh, Chang, Lin, Keerthi and Sundararajan (ICML 2008), with a prior mean.
        """
