"""From a trained model to what is stored of it, and from that to a model that answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from slide.backends.numba_threads import NumbaBackend
from slide.core.contract.invariants import demand
from slide.core.errors import FAULTS, ModelError, reason_of
from slide.core.learners.kinds import kind_of
from slide.core.models.beside import PARTS, read_beside, told_beside
from slide.core.models.folder import CONFIG, FROZEN
from slide.core.models.model import Model
from slide.core.models.stored import described
from slide.core.models.tensors import COUNTS, FEATURE_IDS, LABEL_IDS, are_ids_of
from slide.serving.engine import fits
from slide.serving.folder import VERSION, Frozen
from slide.serving.kinds import freezer_of
from slide.serving.packing import demand_packing

IDS = (FEATURE_IDS, LABEL_IDS)


def frozen_of(model: Model, dtype: str, keep: float) -> Frozen:
    """All that a frozen model is made of, in memory; see `Model.freeze`."""
    demand_packing(dtype, keep)
    kind = kind_of(model.config)
    arrays, said = freezer_of(kind.name).arrays_of(model, dtype, keep)
    named = {COUNTS: model.label_counts, FEATURE_IDS: model.feature_ids, LABEL_IDS: model.label_ids}
    arrays |= {name: array for name, array in named.items() if array is not None}
    description = {
        "format": FROZEN,
        "version": VERSION,
        "learner": kind.name,
        "dtype": dtype,
        "keep": keep,
        "config": model.config.flat(),
        "n_samples": model.n_samples,
        "trained_on": model.trained_on,
        "one_based": model.one_based,
        "engine": said,
    } | model.origin.told()
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    beside = {name: getattr(model, name) for name in PARTS}
    return Frozen(description | told_beside(model), arrays, beside=beside)


def model_of(frozen: Frozen, threads: int) -> Model:
    """The model that answers, whose searchers are there already.

    Raises:
        ModelError: arrays and description do not fit together.
    """
    where = frozen.folder or Path("the frozen model")
    parts = described(where / CONFIG, frozen.description)
    backend = NumbaBackend()
    backend.set_threads(threads)
    arrays = frozen.arrays
    try:
        freezer = freezer_of(frozen.description["learner"])
        engine = freezer.engine_of(arrays, frozen.description["engine"], parts)
        ids: dict[str, Any] = {name: arrays[name] for name in IDS if name in arrays}
        fits(arrays, {COUNTS: (engine.network.n_labels,)})
        demand(bool((arrays[COUNTS] >= 0).all()), "a label has less than no examples")
        demand(are_ids_of(engine.network, ids), "ids are not those of the network")
        beside = frozen.beside
        if frozen.folder is not None:
            counts = arrays[COUNTS]
            said = frozen.description
            beside = read_beside(frozen.folder, said, engine.network, counts, ids)
    except FAULTS as error:
        reason = reason_of(error)
        raise ModelError(f"{where} is damaged ({reason}): freeze the model again") from None
    return Model(
        **parts,
        network=engine.network,
        backend=backend,
        label_counts=arrays[COUNTS],
        exact=engine.exact,
        retrieving=engine.retrieving,
        **ids,
        **beside,
    )
