"""Occupancy of hash tables: a few neurons may fill some buckets, and most never be reached."""

from __future__ import annotations

import numpy as np

from slide.core.contract.lists import gini
from slide.core.contract.tables import Tables


def occupancy(tables: Tables) -> dict[str, float]:
    """How evenly the neurons are spread over the buckets.

    Args:
        tables: on the host.

    Returns:
        bucket_mean (mean size of the buckets that are not empty), bucket_largest, bucket_empty
        (share of all), and bucket_gini (Gini coefficient of the sizes of all buckets of a table,
        mean over the tables: 0 if all are equal, near 1 if one bucket has all).
    """
    sizes = np.diff(tables.offsets).reshape(tables.L, tables.n_buckets)
    filled = int(np.count_nonzero(sizes))
    return {
        "bucket_mean": float(sizes.sum()) / max(filled, 1),
        "bucket_largest": float(sizes.max(initial=0)),
        "bucket_empty": 1 - filled / max(sizes.size, 1),
        "bucket_gini": float(np.mean([gini(row) for row in sizes])),
    }
