"""Small trained models to freeze, each made once, and questions for them."""

from functools import cache

from conftest import planted
from quick_runs import QUICK

import slide

TRAIN, TEST = planted(400), planted(60, seed=5)
KINDS = ("svm", "stacked", "direct", "pairs", "hidden")
UNSEEN = 9  # of the labels have no training example


@cache
def model_of(kind):
    """A model by `numba`, on one thread; nobody may change it."""
    chosen = {
        "svm": {"epochs": 2, "cost": 0.3, "idf_power": 0.5},
        "stacked": {"layers": 2, "cost": 0.3, "idf_power": 0.5},
        "direct": {"epochs": 1, "lr": 2.0, "pairs": False},
        "pairs": {"epochs": 1, "lr": 2.0, "pairs": True},
    }
    config = QUICK if kind == "hidden" else slide.recipe(TRAIN, **chosen[kind])
    backend = slide.load_backend("numba")
    model = slide.Trainer(config, backend).fit(TRAIN)
    model.label_counts[:UNSEEN] = 0
    return model


@cache
def frozen(kind, dtype="float32"):
    """The same, frozen in memory."""
    return model_of(kind).freeze(dtype=dtype)
