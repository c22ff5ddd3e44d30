"""The labels that a step computes: those of an example, and hard negatives beside them."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import merged


def found_set(found: Array, n_labels: int) -> CSR:
    """What was found for each example, in the order of ids: CSR (B, n_labels).

    Args:
        found: i32 (B, k), -1 where there is nothing; repeated or not.
        n_labels: that there are.
    """
    rows, places = np.nonzero(found >= 0)
    cells, values = merged(rows * n_labels + found[rows, places])
    return CSR.of_cells(cells, values, (len(found), n_labels))


def active_set(found: Array, y: CSR) -> CSR:
    """Labels and what was found beside them: CSR (B, n).

    Args:
        found: i32 (B, k), -1 where there is nothing.
        y: CSR (B, n), labels.

    Returns:
        The set, its values saying where a label came from, as those of `Backend.query`.
    """
    rows, places = np.nonzero(found >= 0)
    cells, origins = merged(y.cells(), rows * y.n_cols + found[rows, places])
    return CSR.of_cells(cells, origins, y.shape)
