"""What direct connections start from, by dicts: features as they weigh, and pairs of features."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from slide.core.contract.arrays import CSR, Block
from slide.reference.plain.rows import Row, rows_of

LONGEST = 16
LEAST_RARE = 0.01
PAIR_WEIGHT = 2.0

Pair = tuple[int, int]


def feature_rows(x: CSR | Block) -> list[Row]:
    """Each example's features; of dense ones those that are not zero."""
    rows = rows_of(x)
    if isinstance(x, Block):
        return [{f: v for f, v in row.items() if v != 0} for row in rows]
    return rows


def feature_weights(rows: Sequence[Row], n_features: int, power: float) -> list[float]:
    """What each feature is multiplied by: more the fewer examples have it."""
    df = Counter(f for row in rows for f in row)
    rarity = (math.log((len(rows) + 1) / (df[f] + 1)) for f in range(n_features))
    return [float(np.float32(max(one, LEAST_RARE) ** power)) for one in rarity]


def known_pairs(rows: Iterable[Row]) -> list[Pair]:
    """The pairs of features that two examples have, in order."""
    counts = Counter(pair for row in rows for pair in pairs_of(row))
    return sorted(pair for pair, count in counts.items() if count > 1)


def pairs_of(row: Row) -> list[Pair]:
    """The pairs of features of an example that is not too long."""
    return list(combinations(sorted(row), 2)) if len(row) <= LONGEST else []


def input_row(row: Row, weights: Sequence[float], pairs: Sequence[Pair]) -> Row:
    """The inputs of an example: its features, weighed, and those of its pairs that are known."""
    x = unit({f: v * weights[f] for f, v in unit(row).items()})
    places = {pair: len(weights) + place for place, pair in enumerate(pairs)}
    products = {
        places[f, g]: PAIR_WEIGHT * x[f] * x[g] for f, g in pairs_of(row) if (f, g) in places
    }
    return unit(x | products)


def unit(row: Row) -> Row:
    """Divided by its length, unless that is 0."""
    length = math.hypot(*row.values()) or 1.0
    return {f: v / length for f, v in row.items()}
