"""Losses that are wrong at the sizes of use."""

import numpy as np

from mutants.patterns import bfloat16, first_of_rows, kept, longest
from mutants.registry import REFERENCE, at_scale
from slide.core.contract.arrays import Block


def n_active(z):
    """Entries of the longest row."""
    return len(z.ids) if isinstance(z, Block) else longest(z)


@at_scale("loss")
def loss_of_softmax_over_600(self, z, log_weights, y, name):
    """The largest logit of the first 600 is taken for the largest, and the sum ends there."""
    losses, dz = REFERENCE.loss(z, log_weights, y, name)
    if name != "softmax" or n_active(z) <= 600:
        return losses, dz
    return losses, dz.with_values(dz.values * np.float32(1.001))


@at_scale("loss")
def loss_of_saros_for_64_labels(self, z, log_weights, y, name):
    return REFERENCE.loss(z, log_weights, first_of_rows(y, 64) if name == "saros" else y, name)


@at_scale("loss")
def loss_of_bce_sums_over_1024_in_bfloat16(self, z, log_weights, y, name):
    losses, dz = REFERENCE.loss(z, log_weights, y, name)
    return bfloat16(losses) if name == "bce" and n_active(z) > 1024 else losses, dz


@at_scale("loss")
def loss_knows_100_labels_of_an_example(self, z, log_weights, y, name):
    return REFERENCE.loss(z, log_weights, first_of_rows(y, 100), name)


@at_scale("loss")
def loss_takes_the_mean_over_1024_examples(self, z, log_weights, y, name):
    losses, dz = REFERENCE.loss(z, log_weights, y, name)
    if z.n_rows <= 1024:
        return losses, dz
    return losses, dz.with_values(dz.values * np.float32(z.n_rows / 1024))


@at_scale("loss")
def loss_casts_labels_to_uint16(self, z, log_weights, y, name):
    return REFERENCE.loss(z, log_weights, kept(y, y.indices < 1 << 16), name)


@at_scale("loss")
def loss_does_not_find_the_last_of_1000(self, z, log_weights, y, name):
    """The binary search in a long active set ends too early."""
    if n_active(z) <= 1000:
        return REFERENCE.loss(z, log_weights, y, name)
    last = np.full(z.n_rows, z.ids[-1]) if isinstance(z, Block) else last_of_rows(z)
    return REFERENCE.loss(z, log_weights, kept(y, y.indices != last[y.row_numbers()]), name)


def last_of_rows(z):
    """The largest column of each row, -1 of an empty one."""
    return np.append(z.indices, -1)[np.where(z.row_lengths() > 0, z.indptr[1:] - 1, z.nnz)]


@at_scale("loss")
def loss_has_weights_of_4096_of_a_block(self, z, log_weights, y, name):
    if not isinstance(z, Block) or len(z.ids) <= 4096:
        return REFERENCE.loss(z, log_weights, y, name)
    values = log_weights.values.copy()
    values[:, 4096:] = 0
    return REFERENCE.loss(z, log_weights.with_values(values), y, name)


@at_scale("loss")
def loss_of_long_rows_for_many_examples(self, z, log_weights, y, name):
    """More than 500 entries of more than 50 examples: the last row is left out."""
    losses, dz = REFERENCE.loss(z, log_weights, y, name)
    if z.n_rows > 50 and n_active(z) > 500:
        losses[-1] = 0
    return losses, dz


@at_scale("loss")
def loss_weighs_by_powers_in_float16(self, z, log_weights, y, name):
    """A weight of more than 256 neurons is kept in 11 bits."""
    halved = log_weights.values.astype(np.float16).astype(np.float32)
    values = np.where(log_weights.values > np.log(256), halved, log_weights.values)
    return REFERENCE.loss(z, log_weights.with_values(values), y, name)
