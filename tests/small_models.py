"""Trained models of each learner, made once by whoever wants one; nobody may change them."""

from dataclasses import replace
from functools import cache

import numpy as np
from conftest import planted, widened

from slide.core.contract.arrays import CSR
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.learners.config import Config
from slide.core.runs.trainer import Trainer
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()
LARGEST = 2**31 - 2
QUICK = {"epochs": 1, "batch_size": 64, "active": 10}
CONFIGS = {
    "solved": Config(hidden=(), cost=0.3, idf_power=0.7, epochs=2),
    "stacked": Config(hidden=(), cost=0.3, idf_power=0.5, layers=2, epochs=7),
    "pairs": Config(hidden=(), cost=0.3, idf_power=0.0, pairs=True, epochs=2),
    "steps": Config(hidden=(), lr=2.0, idf_power=0.5, **QUICK),
    "hidden": Config(hidden=(8,), K=3, L=4, lr=0.05, **QUICK),
    "deep": Config(hidden=(9, 6, 7), hidden_active=(0, 4, 0), K=3, L=4, lr=0.05, **QUICK),
}
DIRECT, HIDDEN = ("solved", "stacked", "pairs", "steps"), ("hidden", "deep")
N_SEEN, N_LABELS, N_FEATURES = 30, 33, 65  # three labels have no example, five features neither


def closed_up(matrix):
    """The same without the columns that are not in use."""
    ids, columns = np.unique(matrix.indices, return_inverse=True)
    return replace(matrix, indices=columns.astype(np.int32), n_cols=len(ids))


@cache
def examples():
    """To train on."""
    return widened(planted(160, N_SEEN), N_FEATURES, N_LABELS)


@cache
def others():
    """To ask about: 40 rows, the last without any feature."""
    x = planted(39, N_SEEN, seed=1).x
    indptr = np.append(x.indptr, x.indptr[-1])
    return CSR(indptr, x.indices, x.values, N_FEATURES)


@cache
def raw(n):
    """So many ids that are few of many, ascending."""
    ids = np.random.default_rng(n).choice(LARGEST, n - 1, replace=False)
    return np.append(np.sort(ids), LARGEST).astype(np.int32)


def with_raw_ids(matrix):
    """The same entries in columns of ids that are few of many."""
    return replace(matrix, indices=raw(matrix.n_cols)[matrix.indices], n_cols=LARGEST + 1)


@cache
def model(name):
    """A model of one of CONFIGS."""
    return Trainer(CONFIGS[name], BACKEND).fit(examples())


@cache
def raw_model(name):
    """The same of examples whose ids are few of many."""
    data = Dataset(with_raw_ids(examples().x), with_raw_ids(closed_up(examples().y)))
    return Trainer(CONFIGS[name], BACKEND).fit(data)


def named_model(name):
    """The same with names."""
    features = Names(f"word {i}" for i in range(N_FEATURES))
    return replace(
        model(name), feature_names=features, label_names=Names(f"tag {i}" for i in range(N_LABELS))
    )
