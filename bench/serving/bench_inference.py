"""The frontier: how many queries a second, and how much of the exact top 5 they find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import slide
from bench.harness.problems import BASE, Scale
from slide.core.contract.backend import Backend
from slide.core.examples.metrics import precision_at, recall_at
from slide.core.sampled.retrieval import Plan

PLANS: dict[str, dict[str, Any]] = {
    "K 9, L 32, 4 probes": {"L": 32, "probes": 4},
    "K 9, L 64, 4 probes": {"L": 64, "probes": 4},
    "K 9, L 64, 8 probes": {"L": 64},
    "the default: K 9, L 100, 8 probes": {},
    "the default, 16 probes": {"probes": 16},
    "the default, 2 % of the neurons": {"candidates": 0.02},
    "the default, 2 %, 200 entries of a bucket": {"candidates": 0.02, "bucket_limit": 200},
}
EXACT = "exact: all neurons"
N_QUERIES = 1024


class Served(NamedTuple):
    """A trained model and questions for it."""

    model: slide.Model
    queries: slide.Dataset
    exact: Any


@pytest.fixture(scope="session")
def served(
    request: pytest.FixtureRequest,
    backend: Backend,
    demo: slide.data.Demo,
    scale: Scale,
    folder: Path | None,
) -> Served:
    """Trained by default on the bundled set, or with the network of size A on the user's."""
    train, test = demo.train, demo.test
    chosen: dict[str, Any] = {"epochs": scale.epochs}
    if request.param == "data":
        assert folder is not None
        train, test = slide.read(folder / "X_train.npz"), slide.read(folder / "X_test.npz")
        chosen |= {"hidden": BASE.hidden, "dropout": BASE.dropout}
    config = slide.recipe(train, hidden=(256,), **chosen)
    model = slide.Trainer(config, backend).fit(train)
    queries = test.take(np.arange(min(N_QUERIES, test.n_samples)))
    return Served(model, queries, model.predict(queries.x, 5)[0])


def answered(
    timed: Callable[..., Any], benchmark: Any, served: Served, rounds: int, sampled: bool
) -> None:
    """Time the answers, and say how good they are."""
    x, y = served.queries.x, served.queries.y
    ids, _ = served.model.predict(x, 5, sampled)
    notes = {
        "labels": served.queries.n_labels,
        "recall@5 of exact": recall_at(ids, served.exact, 5),
        "P@1 %": 100 * precision_at(ids, y, 1),
    }
    timed(served.model.predict, x, 5, sampled, rounds=rounds, **notes)
    benchmark.extra_info["queries/s"] = x.n_rows / benchmark.stats.stats.median


@pytest.mark.benchmark(group="Inference frontier")
@pytest.mark.parametrize("plan", [EXACT, *PLANS])
def bench_queries(
    timed: Callable[..., Any], benchmark: Any, served: Served, scale: Scale, plan: str
) -> None:
    sampled = plan != EXACT
    if sampled:
        served.model.prepare_sampled(Plan(**PLANS[plan]))
    answered(timed, benchmark, served, scale.rounds, sampled)
