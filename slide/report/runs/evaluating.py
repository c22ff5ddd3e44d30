"""Judging the models of runs on examples that somebody gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.examples.dataset import Dataset, checked
from slide.core.examples.metrics import recall_at, without
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
        data: by ids, as files have them; one example at least.

    Raises:
        InputError, ModelError: see `Model.evaluate`.
    """
    measured = model.evaluate(data)
    known, _ = model._known(checked(data, "data"))
    told = {"of": "data"} | told_of(model, known) | {"is_calibrated": model.calibration is not None}
    return replace(run, measured=measured | sampled_recall(model, known), judged=told)


def told_of(model: Model, data: Dataset) -> dict[str, Any]:
    """More of how good answers are to examples by columns of the model."""
    n = model.network.n_labels
    k, left_out = min(DEPTH, n), data.left_out
    deeper = k if left_out is None else k + int(left_out.row_lengths().max(initial=0))
    labels, scores = model.ranked(data.x, min(deeper, n))
    if left_out is not None:
        labels, scores = without(labels, scores, left_out, k)
    scored = Scored.of(labels, scores, data)
    likely = probabilities_of(model, data.x, scored.labels, scored.scores)
    there = scored.are_there
    return judgement(model, scored, likely[there], scored.hits[there])


def sampled_recall(model: Model, data: Dataset) -> dict[str, float]:
    """How much of the exact best labels sampled answers find, on some of the examples."""
    rows = np.linspace(0, data.n_samples - 1, min(data.n_samples, MOST_SAMPLED)).astype(np.int64)
    x, k = data.x.take(rows), min(max(DEPTHS), model.network.n_labels)
    exact, sampled = (model.ranked(x, k, sampled=sampled)[0] for sampled in (False, True))
    return {f"recall_at_{depth}": recall_at(sampled, exact, depth) for depth in DEPTHS}
