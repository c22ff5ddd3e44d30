"""Several models as one: each proposes labels, and all tell what they think of each of these.

What is averaged is the sigmoid of a logit, in (0, 1), so that a label which a member has never seen
counts as 0 there. Calibrated probabilities would not do: they are level over wide spans of logits.

Source: bagging, Breiman (Machine Learning 1996); models of parts of the examples that vote, as
MapReduce back-propagation has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.lists import distinct
from slide.core.examples.numbering import Numbering
from slide.core.learner import LAST
from slide.core.models.model import Model
from slide.core.models.unseen import known_features

PROPOSED = 10  # labels of an example by each member, at least
LEAST, MOST = 1e-300, np.nextafter(1.0, 0.0)  # means whose logits are finite


@dataclass(frozen=True, slots=True)
class Size:
    """What is known of networks that are several: a `TrainedNetwork`.

    Args:
        n_features, n_labels: that there are.
    """

    n_features: int
    n_labels: int


@dataclass(frozen=True, slots=True)
class Vote:
    """Finds labels by the mean of what members give them: a `Searcher`.

    A score is the logit of that mean, so that its sigmoid is the mean itself.

    Args:
        members: at least one.
        features, labels: columns of the ids of all members.
        last: bool (n_labels,), labels that are to come after all others.
    """

    members: Sequence[Model]
    features: Numbering
    labels: Numbering
    last: Array

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """See `Searcher`; labels that no member proposes among its best come last."""
        wanted = self.proposed(x, max(k, PROPOSED))
        scores = self.scores(backend, x, wanted)
        rows = scores.row_numbers()
        order = np.lexsort((scores.indices, -scores.values, rows))
        place = np.arange(len(order)) - scores.indptr[:-1][rows]  # rows ascend in this order, too
        kept = place < k
        ids = np.full((x.n_rows, k), -1, np.int32)
        values = np.full((x.n_rows, k), -np.inf, np.float32)
        ids[rows[kept], place[kept]] = scores.indices[order][kept]
        values[rows[kept], place[kept]] = scores.values[order][kept]
        return ids, values

    def proposed(self, x: CSR | Block, n: int) -> CSR:
        """The n best labels of each member for each example: CSR (B, n_labels), of ones."""
        cells = []
        for member in self.members:
            ids, _ = member.ranked(self.seen_by(member, x), min(n, member.network.n_labels))
            columns = self.labels.columns_of(member.labels.ids_of(ids).reshape(-1))
            cells.append(np.repeat(np.arange(x.n_rows), ids.shape[1]) * self.labels.n + columns)
        found = distinct(np.concatenate(cells))
        return CSR.of_cells(found, np.ones(len(found), np.float32), (x.n_rows, self.labels.n))

    def seen_by(self, member: Model, x: CSR | Block) -> CSR | Block:
        """Features by the columns of a member, without those that it does not know."""
        if isinstance(x, CSR) and self.features.ids is not None:
            ids = self.features.ids_of(x.indices)
            x = replace(x, indices=ids, n_cols=int(self.features.ids[-1]) + 1)
        return known_features(x, member.features)[0]

    def scores(self, backend: Backend, x: CSR | Block, wanted: CSR) -> CSR:
        """See `Searcher`."""
        from scipy.special import logit  # takes time to import

        total = np.zeros(wanted.nnz)
        for member in self.members:
            total += self.likely(member, self.seen_by(member, x), wanted)
        values = logit(np.clip(total / len(self.members), LEAST, MOST)).astype(np.float32)
        values[self.last[wanted.indices]] = LAST
        return wanted.with_values(values)

    def likely(self, member: Model, x: CSR | Block, wanted: CSR) -> Array:
        """The sigmoid of a member's logits of labels, f64 (nnz,); 0 if it knows nothing of one.

        Args:
            member: one of them.
            x: examples, by its columns.
            wanted: CSR (B, n_labels), see `scores`.
        """
        from scipy.special import expit  # takes time to import

        columns = member.labels.columns_of(self.labels.ids_of(wanted.indices))
        knows = columns >= 0
        knows[knows] = member.label_counts[columns[knows]] > 0
        own = replace(wanted, indices=columns, n_cols=member.network.n_labels).where(knows)
        scores = member.scored_labels(x, own).values
        found = np.zeros(wanted.nnz)
        found[knows] = expit(scores.astype(np.float64))
        return found

    def naming_last(self, labels: Array, backend: Backend) -> Vote:
        """See `Searcher`."""
        last = self.last.copy()
        last[labels] = True
        return replace(self, last=last)
