"""A model as it lies in its folder: written from its parts, and read into them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slide.core.contract.backend import Backend
from slide.core.contract.opening import opened
from slide.core.errors import ConfigError, ModelError, worded
from slide.core.examples.counting import OneBased
from slide.core.learners.config import Config, all_known
from slide.core.learners.kinds import kind_of
from slide.core.models.beside import read_beside, told_beside, write_beside
from slide.core.models.folder import (
    CONFIG,
    NUMBERED,
    WEIGHTS,
    WITHOUT_LEARNER,
    own_names,
    read_description,
    refuse_no_files,
    write_description,
)
from slide.core.models.origin import Origin
from slide.core.models.tensors import COUNTS, FEATURE_IDS, LABEL_IDS, read_network
from slide.core.models.writing import save_tensors
from slide.core.settings.demands import demand_int

if TYPE_CHECKING:
    from slide.core.models.model import Model


def write_model(model: Model, folder: Path) -> None:
    """See `Model.write_into`."""
    description = description_of(model)
    tensors = dict(kind_of(model.config).written(model.network, model.backend))
    tensors[COUNTS] = model.label_counts
    named = {FEATURE_IDS: model.feature_ids, LABEL_IDS: model.label_ids}
    ids = {name: array for name, array in named.items() if array is not None}
    if ids:
        description["version"] = NUMBERED
    description |= told_beside(model)
    with refusing_writes(folder):
        write_description(folder, description)
        write_beside(model, folder)
        save_tensors(tensors | ids, folder / WEIGHTS)


def description_of(model: Model) -> dict[str, Any]:
    """What config.json says of any model."""
    return {
        "learner": kind_of(model.config).name,
        "config": model.config.flat(),
        "n_samples": model.n_samples,
        "trained_on": model.trained_on,
        "one_based": model.one_based,
    } | model.origin.told()


@contextmanager
def refusing_writes(folder: Path) -> Iterator[None]:
    """Raise ModelError where the operating system refuses to write a model within it."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"cannot write the model to {folder.parent}: {error}; make room, or choose another "
            f"{worded('folder', '--model')}"
        ) from None


def read_model(folder: Path, backend: Backend | str | None) -> dict[str, Any]:
    """What a model is made of, by the names in `Model`, whose `load` says what is raised."""
    description = read_description(folder)
    refuse_no_files(folder, own_names(folder))
    parts = described(folder / CONFIG, description)
    computer = opened(backend)
    network, counts, ids = read_network(folder, description, parts["config"], computer)
    parts |= read_beside(folder, description, network, counts, ids)
    return parts | {"network": network, "backend": computer, "label_counts": counts} | ids


def described(path: Path, description: dict[str, Any]) -> dict[str, Any]:
    """What config.json says of a model, by the names in `Model`."""
    try:
        refuse_newer(path, description.get("config"))
        demand_int("n_samples", description.get("n_samples"), 1, 1 << 62)
        return {
            "config": Config.from_dict(description.get("config"), learner_of(description)),
            "n_samples": description["n_samples"],
            "trained_on": str(description.get("trained_on", "")),
            "one_based": one_based_of(description),
            "origin": Origin.of(description),
        }
    except ConfigError as error:
        raise ModelError(f"{path} is damaged ({error}): train the model again") from None


def one_based_of(description: dict[str, Any]) -> OneBased:
    """What the text that a model was trained on counts from 1; nothing in older models."""
    said = description.get("one_based", OneBased.NONE)
    if said not in list(OneBased):
        raise ConfigError(f"one_based is {said!r}: expected one of {', '.join(OneBased)}")
    return OneBased(said)


def learner_of(description: dict[str, Any]) -> str | None:
    """The name of the learner; None in format 2, which did not have it."""
    has_learner = description["version"] != WITHOUT_LEARNER
    return str(description.get("learner")) if has_learner else None


def refuse_newer(path: Path, config: object) -> None:
    """Raise ModelError if there are settings that only a later version can have written."""
    if isinstance(config, dict) and (unknown := sorted(set(config) - set(all_known()))):
        names = " ".join(", ".join(unknown).split())[:60]
        raise ModelError(
            f"{path} has settings that this slide does not know ({names}): the model is of a "
            "later version, so read it with that one, or train it again"
        )
