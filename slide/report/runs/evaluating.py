"""Judging the models of runs on examples that somebody gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import InputError
from slide.core.examples.dataset import Dataset, checked
from slide.core.examples.metrics import PROPENSITY_A, PROPENSITY_B, RANKS, recall_at, without
from slide.core.examples.scored import Scored
from slide.core.models.judging import DEPTH, judgement
from slide.core.models.model import Model
from slide.core.models.probabilities import probabilities_of
from slide.report.runs.inside import DEPTHS
from slide.report.runs.reading import Run

MOST_SAMPLED = 1000  # examples that sampled answers are compared with exact ones on


def judged(run: Run, model: Model, data: Dataset) -> Run:
    """The run with scores of its model on these examples, in place of those of training.

    Args:
        run: whose model it is.
        model: loaded.
        data: by ids, as files have them. What training never met is left out, or counts as missed,
            with an `UnseenWarning`.

    Raises:
        InputError, ModelError: see `Model.evaluate`.
    """
    data = checked(data, "data")
    if not data.n_samples:
        raise InputError("data: there is no example: give one at least to measure on")
    known, unseen = model._known(data)
    unseen.warn()
    labels, scores = ranked(model, known)
    measured = model.measured(labels, known, (PROPENSITY_A, PROPENSITY_B), RANKS)
    told = {"of": "data", "is_calibrated": model.calibration is not None}
    told |= told_of(model, known, Scored.of(labels, scores, known))
    return replace(run, measured=measured | sampled_recall(model, known), judged=told)


def ranked(model: Model, data: Dataset) -> tuple[Array, Array]:
    """The best labels of examples by columns, less those that are no answers, and their scores."""
    n = model.network.n_labels
    k, left_out = min(DEPTH, n), data.left_out
    if left_out is None:
        return model.ranked(data.x, k)
    deeper = k + int(left_out.row_lengths().max(initial=0))
    return without(*model.ranked(data.x, min(deeper, n)), left_out, k)


def told_of(model: Model, data: Dataset, scored: Scored) -> dict[str, Any]:
    """More of how good answers to examples by columns are."""
    there = scored.are_there
    likely = probabilities_of(model, data.x, scored.labels, scored.scores)[there]
    return judgement(model, scored, likely, scored.hits[there])


def sampled_recall(model: Model, data: Dataset) -> dict[str, float]:
    """How much of the exact best labels sampled answers find, on some of the examples."""
    rows = np.linspace(0, data.n_samples - 1, min(data.n_samples, MOST_SAMPLED)).astype(np.int64)
    x, k = data.x.take(rows), min(max(DEPTHS), model.network.n_labels)
    exact, sampled = (model.ranked(x, k, sampled=is_sampled)[0] for is_sampled in (False, True))
    return {f"recall_at_{depth}": recall_at(sampled, exact, depth) for depth in DEPTHS}
