"""Wrong losses."""

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.contract.arrays import CSR, Block
from slide.reference.losses import active_labels, opponents, padded, saros, unpadded


def wrong_only_in(wanted):
    """Make a kernel of a wrong version of one loss; the others are as they should be."""

    def kernel_of(wrong):
        def kernel(self, z, log_weights, y, name):
            if name != wanted:
                return REFERENCE.loss(z, log_weights, y, name)
            return wrong(z, log_weights, y)

        kernel.__name__ = wrong.__name__
        return kernel

    return kernel_of


def places(z, y, which):
    """Rows and columns, in `padded(z)`, of the active positive labels or known negatives."""
    rows, columns, positive = active_labels(z, y)
    kept = positive == (which == "positive")
    return rows[kept], columns[kept]


def weighted(z, log_weights):
    """What each cell of `padded(z)` counts for."""
    return np.exp(np.broadcast_to(padded(log_weights), padded(z).shape))


@mutant("loss", "bound")
def loss_forgets_the_mean(self, z, log_weights, y, name):
    losses, dz = REFERENCE.loss(z, log_weights, y, name)
    return losses, dz.with_values(dz.values * np.float32(z.n_rows))


@mutant("loss", "bound")
def loss_ignores_log_weights(self, z, log_weights, y, name):
    return REFERENCE.loss(z, log_weights.with_values(log_weights.values * 0), y, name)


@mutant("loss", "bound")
@wrong_only_in("softmax")
def softmax_sums_over_labels(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "softmax")
    return losses * np.maximum(y.row_lengths(), 1).astype(np.float32), dz


@mutant("loss", "bound")
@wrong_only_in("softmax")
def softmax_leaves_labels_unweighted(z, log_weights, y):
    if isinstance(z, Block):
        return REFERENCE.loss(z, log_weights, y, "softmax")
    cells, labels = (one.row_numbers() * one.n_cols + one.indices for one in (z, y))
    weights = np.where(np.isin(cells, labels), np.float32(0), log_weights.values)
    return REFERENCE.loss(z, log_weights.with_values(weights), y, "softmax")


@mutant("loss", "bound")
@wrong_only_in("softmax")
def softmax_counts_labels_that_are_not_active(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "softmax")
    rows, _, _ = active_labels(z, y)
    n_active = np.bincount(rows, minlength=z.n_rows)
    return losses * (n_active / np.maximum(y.row_lengths(), 1)).astype(np.float32), dz


@mutant("loss", "bound")
@wrong_only_in("softmax")
def softmax_pushes_down_without_labels(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "softmax")
    if isinstance(z, Block):
        unlabelled = np.flatnonzero(losses == 0)
        dz.values[unlabelled] = 1 / max(z.n_rows * len(z.ids), 1)
    else:
        dz.values[losses[z.row_numbers()] == 0] = 1 / z.n_rows
    return losses, dz


@mutant("loss", "bound")
def loss_clips_logits_before_exp(self, z, log_weights, y, name):
    return REFERENCE.loss(z.with_values(np.minimum(z.values, np.float32(88))), log_weights, y, name)


@mutant("loss", "wide", alone=True)
def loss_numbers_cells_in_int32(self, z, log_weights, y, name):
    if isinstance(z, Block):
        return REFERENCE.loss(z, log_weights, y, name)
    cells = (y.row_numbers() * y.n_cols + y.indices).astype(np.int32)
    found = np.flatnonzero(cells >= 0)
    indptr = np.searchsorted(found, y.indptr)
    return REFERENCE.loss(
        z, log_weights, CSR(indptr, y.indices[found], y.values[found], y.n_cols), name
    )


@mutant("loss", "bound")
@wrong_only_in("softmax")
def softmax_takes_known_negatives_for_labels(z, log_weights, y):
    return REFERENCE.loss(z, log_weights, y.with_values(np.ones_like(y.values)), "softmax")


@mutant("loss", "bound")
@wrong_only_in("bce")
def bce_weights_positives_too(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "bce")
    slopes, labels = padded(dz), places(z, y, "positive")
    slopes[labels] *= weighted(z, log_weights)[labels]
    return losses, unpadded(z, slopes)


@mutant("loss", "bound")
@wrong_only_in("bce")
def bce_forgets_unlabelled_examples(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "bce")
    return losses * (y.row_lengths() > 0), dz


@mutant("loss", "bound")
@wrong_only_in("bce")
def bce_adds_log_weights_to_logits(z, log_weights, y):
    moved = z.with_values(z.values + log_weights.values)
    return REFERENCE.loss(moved, log_weights.with_values(0 * log_weights.values), y, "bce")


@mutant("loss", "bound")
@wrong_only_in("bce")
def bce_leaves_known_negatives_alone(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "bce")
    slopes = padded(dz)
    slopes[places(z, y, "negative")] = 0
    return losses, unpadded(z, slopes)


@mutant("loss", "bound")
@wrong_only_in("bce")
def bce_takes_the_mean_over_neurons(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "bce")
    n_active = len(z.ids) if isinstance(z, Block) else z.row_lengths()
    return losses / np.maximum(n_active, 1).astype(np.float32), dz


@mutant("loss", "bound")
@wrong_only_in("saros")
def saros_averages_over_clicked_only(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "saros")
    compared = opponents(padded(z).shape, places(z, y, "positive"), places(z, y, "negative"))
    total = (weighted(z, log_weights) * compared).sum(axis=1)
    return losses * total.astype(np.float32), dz


@mutant("loss", "bound")
@wrong_only_in("saros")
def saros_ignores_known_negatives(z, log_weights, y):
    return REFERENCE.loss(z, log_weights, y.positive(), "saros")


@mutant("loss", "bound")
@wrong_only_in("saros")
def saros_wants_known_negatives(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "saros")
    rows, _ = places(z, y, "negative")
    return losses * np.isin(np.arange(z.n_rows), rows), dz


@mutant("loss", "bound")
@wrong_only_in("saros")
def saros_compares_labels_with_themselves(z, log_weights, y):
    labels = places(z, y.positive(), "positive")
    losses, dz = saros(padded(z), weighted(z, log_weights), *labels)
    return losses, unpadded(z, dz / np.float32(max(z.n_rows, 1)))


@mutant("loss", "bound")
@wrong_only_in("saros")
def saros_counts_everyone_once(z, log_weights, y):
    return REFERENCE.loss(z, log_weights.with_values(0 * log_weights.values), y, "saros")


@mutant("loss", "bound")
@wrong_only_in("saros")
def saros_pushes_the_clicked_down(z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y, "saros")
    return losses, dz.with_values(-dz.values)
