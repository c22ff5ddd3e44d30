"""What stands beside the weights in a model's folder: names, how texts are read, probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from slide.core.contract.arrays import Array
from slide.core.examples.names_file import counts_of, read_names, write_names
from slide.core.examples.numbering import Numbering
from slide.core.examples.texts_file import read_text, write_text
from slide.core.learner import TrainedNetwork
from slide.core.models.calibration import Calibration
from slide.core.models.named import refusal, refuse_misfit
from slide.core.models.tensors import FEATURE_IDS, LABEL_IDS
from slide.core.models.texts import refuse_other_words

if TYPE_CHECKING:
    from slide.core.models.model import Model

PARTS = ("feature_names", "label_names", "text", "calibration")
"""By their names in `Model`."""


def told_beside(model: Model) -> dict[str, Any]:
    """What config.json says of it; raises ModelError where names do not fit the model."""
    refuse_other_words(model.text, model.feature_names)
    refuse_misfit("features", model.feature_names, model.features)
    refuse_misfit("labels", model.label_names, model.labels)
    names = names_of(model)
    told: dict[str, Any] = {"names": counts_of(names)} if any_of(names) else {}
    if model.calibration is not None:
        told["calibrated_on"] = model.calibration.n_examples
    return told


def write_beside(model: Model, folder: Path) -> None:
    """Write what there is of it; raises OSError."""
    names = names_of(model)
    if model.calibration is not None:
        model.calibration.write(folder)
    if any_of(names):
        write_names(folder, names)
    if model.text is not None:
        write_text(folder, model.text)


def read_beside(
    folder: Path,
    description: dict[str, Any],
    network: TrainedNetwork,
    counts: Array,
    ids: dict[str, Array],
) -> dict[str, Any]:
    """The inverse, by the names in `Model`.

    Raises:
        ModelError: a file is missing, damaged, or not of this model.
    """
    parts: dict[str, Any] = dict(read_names(folder, description.get("names"), refusal))
    parts["text"] = read_text(folder, parts["feature_names"], refusal)
    features = Numbering(network.n_features, ids.get(FEATURE_IDS))
    labels = Numbering(network.n_labels, ids.get(LABEL_IDS))
    refuse_misfit("features", parts["feature_names"], features)
    refuse_misfit("labels", parts["label_names"], labels)
    if "calibrated_on" in description:
        parts["calibration"] = Calibration.read(folder, counts)
    return parts


def names_of(model: Model) -> dict[str, Any]:
    """Of features and labels, or None."""
    return {"features": model.feature_names, "labels": model.label_names}


def any_of(names: dict[str, Any]) -> bool:
    """Whether there are any."""
    return any(each is not None for each in names.values())
