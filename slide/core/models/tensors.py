"""weights.safetensors: read whole, or refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.forms import LARGEST
from slide.core.errors import FAULTS, ModelError, reason_of, refused
from slide.core.learner import TrainedNetwork
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.folder import CONFIG
from slide.core.models.shards import n_files_of, names_of, read_all
from slide.core.models.writing import pieces_of

COUNTS = "label_counts"
FEATURE_IDS, LABEL_IDS = "feature_ids", "label_ids"


def read_network(
    folder: Path, description: dict[str, Any], config: Config, backend: Backend
) -> tuple[TrainedNetwork, Array, dict[str, Array]]:
    """Read weights.safetensors, or the files in its place, and check that arrays fit together.

    Args:
        folder: of the model.
        description: config.json.
        config: the settings.
        backend: whose arrays the network is to have.

    Returns:
        The network, the training examples of each label, i64 (n_labels,), and the ids of features
        and of labels by their names in `Model`, where they are not the network's columns.

    Raises:
        ModelError: it is missing, damaged, or not of a network with these settings.
    """
    with understood(folder / CONFIG):
        n = n_files_of(description)
    path = folder / names_of(n)[0]
    with understood(path):
        tensors = read_all(folder, n)
        counts = tensors.pop(COUNTS)
        refuse_nonsense(path, tensors, counts)
        ids = {name: tensors.pop(name) for name in (FEATURE_IDS, LABEL_IDS) if name in tensors}
        network = kind_of(config).read(tensors, config, counts, backend)
    if network is None or counts.dtype != np.int64 or not are_ids_of(network, ids):
        raise ModelError(f"{path} does not fit its config.json: train the model again")
    return network, counts, ids


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Raise ModelError where a file of a model, or one like it, is not what it is taken for."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"cannot read {path}: {refused(error)}; copy the whole folder") from None
    except (SafetensorError, *FAULTS) as error:
        reason = reason_of(error)
        raise ModelError(f"{path} is damaged ({reason}): train the model again") from None


def are_ids_of(network: TrainedNetwork, ids: dict[str, Array]) -> bool:
    """Whether ids are ascending, one for each column of a network."""
    sizes = {FEATURE_IDS: network.n_features, LABEL_IDS: network.n_labels}
    return all(
        array.dtype == np.int32
        and array.shape == (sizes[name],)
        and bool((np.diff(array) > 0).all() and array.min(initial=0) >= 0)
        for name, array in ids.items()
    )


def refuse_nonsense(path: Path, tensors: dict[str, Array], counts: Array) -> None:
    """Raise ModelError if numbers are not finite, nor nearly so, or counts negative."""
    floats = [array for array in tensors.values() if array.dtype.kind == "f"]
    are_sound = all(
        bool((abs(piece) <= LARGEST).all()) for each in floats for piece in pieces_of(each)
    )
    if not are_sound or (counts.size and counts.min() < 0):
        raise ModelError(
            f"{path} is damaged (weights that are not finite, or negative counts): "
            "train the model again"
        )
