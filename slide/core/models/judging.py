"""How good answers are to examples that a model was not trained on, in more than one number.

By how frequent labels are in training, by how likely the answers were said to be, and by the labels
that are named in place of others. What is told is plain data, as JSON has it: labels are ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.examples.dataset import batches
from slide.core.examples.measures import PARTS, parts_of
from slide.core.examples.metrics import RANKS, hits
from slide.core.examples.names import Names
from slide.core.examples.numbering import Numbering
from slide.core.examples.scored import Scored
from slide.core.models.curves import BINS, calibration_error

DEPTH = max(RANKS)  # labels of an example that are looked at
LISTED = 30  # confusions, the largest
AT_A_TIME = 4096  # examples whose confusions are listed


class Judged(Protocol):
    """What must be known of a model to judge its answers; rows are those of its network."""

    @property
    def label_counts(self) -> Array: ...

    @property
    def label_names(self) -> Names | None: ...

    @property
    def labels(self) -> Numbering: ...


def judgement(model: Judged, scored: Scored, likely: Array, right: Array) -> dict[str, Any]:
    """All that is told of answers.

    Args:
        model: that gave them.
        scored: the answers, and the truth; labels beyond those of the model were never trained on.
        likely: f32 (n,), how likely some of the answers were said to be.
        right: bool (n,), whether they came true.

    Returns:
        n_examples, precision_at_1 and so on, by_part, by_frequency, reliability, confusions.
    """
    ids, y = scored.labels[:, :DEPTH], scored.y
    counts = np.zeros(max(y.n_cols, len(model.label_counts)), np.int64)
    counts[: len(model.label_counts)] = model.label_counts
    found = hits(ids, y)
    return {
        "n_examples": len(ids),
        **{f"precision_at_{k}": float(found[:, :k].sum()) / max(len(ids) * k, 1) for k in RANKS},
        "by_part": by_part(ids, found, y, counts),
        "by_frequency": by_frequency(ids, found, y, counts),
        "reliability": reliability(likely, right),
        "confusions": confusions(model, ids, y),
    }


def by_part(ids: Array, found: Array, y: CSR, counts: Array) -> list[dict[str, Any]]:
    """Of the head, the torso and the tail that have a label in `y` (see `parts_of`).

    Each with its labels, the least and the most training examples of one, recall at each depth, and
    the share of the answers of it that are right.
    """
    parts = parts_of(counts)
    told = recalls(ids, found, y, parts, len(PARTS))
    named = np.bincount(parts[ids[ids >= 0]], minlength=len(PARTS))
    right = np.bincount(parts[ids[found]], minlength=len(PARTS))
    for part, each in enumerate(told):
        of_it = counts[(parts == part) & (counts > 0)]
        each |= {"name": PARTS[part]} | sizes_of(of_it)
        each[f"precision_at_{DEPTH}"] = float(right[part] / named[part]) if named[part] else None
    return [each for each in told if each["n_pairs"]]


def by_frequency(ids: Array, found: Array, y: CSR, counts: Array) -> list[dict[str, Any]]:
    """Of labels with 0, 1, 2 to 3, 4 to 7, ... training examples: see `by_part`."""
    which = np.frexp(counts)[1].astype(np.int64)
    told = recalls(ids, found, y, which, int(which.max(initial=0)) + 1)
    for number, each in enumerate(told):
        each |= {"n_labels": int((which == number).sum())}
        each |= {"least": 1 << number >> 1, "most": (1 << number) - 1}
    return [each for each in told if each["n_pairs"]]


def sizes_of(counts: Array) -> dict[str, int]:
    """How many labels, and the least and the most training examples of one."""
    ends = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
    return {"n_labels": len(counts), "least": ends[0], "most": ends[1]}


def recalls(ids: Array, found: Array, y: CSR, which: Array, n: int) -> list[dict[str, Any]]:
    """Of each of n kinds of labels, the pairs of example and label, and shares in the top k."""
    there = np.bincount(which[y.indices], minlength=n)
    told: list[dict[str, Any]] = [{"n_pairs": int(each)} for each in there]
    for k in RANKS:
        hit = np.bincount(which[ids[:, :k][found[:, :k]]], minlength=n)
        for each, right, all_pairs in zip(told, hit, there, strict=True):
            each[f"recall_at_{k}"] = float(right / all_pairs) if all_pairs else None
    return told


def reliability(likely: Array, right: Array) -> dict[str, Any]:
    """Said and true in bins of equal width that are not empty, and the calibration error."""
    bins = np.minimum((likely * BINS).astype(np.int64), BINS - 1)
    n = np.bincount(bins, minlength=BINS)
    said, came_true = np.bincount(bins, likely, BINS), np.bincount(bins, right, BINS)
    return {
        "error": calibration_error(likely, right),
        "bins": [
            {"n": int(n[b]), "said": float(said[b] / n[b]), "true": float(came_true[b] / n[b])}
            for b in np.flatnonzero(n)
        ],
    }


def confusions(model: Judged, ids: Array, y: CSR) -> list[dict[str, Any]]:
    """The pairs of a label that was missed and one that was named in its place, most frequent ones.

    Of an example with m labels the first m answers are looked at, DEPTH at most: each of them that
    is wrong stands in the place of each label that is not among them. Labels that training never
    met are left out.

    Returns:
        label, name, n_true (examples that have it); named, named_name; n (examples).
    """
    n_labels = len(model.label_counts)
    seen: Counter[int] = Counter()
    for rows in batches(len(ids), AT_A_TIME):
        for cells in cells_of(ids[rows], y.take(rows), n_labels):
            seen.update(dict(zip(*map(np.ndarray.tolist, cells), strict=True)))
    first = sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:LISTED]
    missed, named = np.divmod(np.array([cell for cell, _ in first], np.int64), max(n_labels, 1))
    n_true = np.bincount(y.indices, minlength=y.n_cols)
    columns = {
        "label": model.labels.ids_of(missed.astype(np.int32)).tolist(),
        "name": names_of(model, missed),
        "n_true": n_true[missed].tolist(),
        "named": model.labels.ids_of(named.astype(np.int32)).tolist(),
        "named_name": names_of(model, named),
        "n": [n for _, n in first],
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def cells_of(ids: Array, y: CSR, n_labels: int) -> Iterator[tuple[Array, Array]]:
    """Pairs of missed and named labels, as missed * n_labels + named, and how often each is met."""
    among = np.arange(ids.shape[1]) < np.minimum(y.row_lengths(), DEPTH)[:, None]
    ids = np.where(among, ids, np.int32(-1))
    found = hits(ids, y)
    wrong_rows, places = np.nonzero((ids >= 0) & ~found)
    if not len(wrong_rows):
        return
    wrong = ids[wrong_rows, places].astype(np.int64)
    named = np.sort((np.arange(len(ids))[:, None] * y.n_cols + ids)[found])
    is_missed = ~np.isin(y.cells(), named) & (y.indices < n_labels)
    rows, missed = y.row_numbers()[is_missed], y.indices[is_missed].astype(np.int64)
    starts = np.searchsorted(wrong_rows, np.arange(len(ids) + 1))
    n_wrong = np.diff(starts)[rows]  # of the example of each label that was missed
    within = np.arange(int(n_wrong.sum())) - np.repeat(np.cumsum(n_wrong) - n_wrong, n_wrong)
    pairs = np.repeat(missed, n_wrong) * n_labels
    pairs += wrong[np.repeat(starts[rows], n_wrong) + within]
    yield np.unique(pairs, return_counts=True)


def names_of(model: Judged, rows: Array) -> list[Any]:
    """Of labels by their rows; None of models whose labels have no names."""
    if model.label_names is None:
        return [None] * len(rows)
    return model.label_names.of(model.labels.ids_of(rows.astype(np.int32)))
