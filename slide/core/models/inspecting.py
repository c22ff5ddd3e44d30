"""Looking into a model: what is in it, and what it has learned of a label, without any example."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from slide.core.attribution import Anatomy, Strengths
from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.examples.counting import OneBased
from slide.core.examples.names import Names
from slide.core.examples.numbering import Numbering
from slide.core.examples.texts import TextFeatures
from slide.core.learner import TrainedNetwork
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.calibration import Calibration
from slide.core.models.explaining import MOST_INPUTS, label_id, names_of, row_of, strongest, unit_of
from slide.core.models.inspection import Input, Inspection, LabelInputs, Some
from slide.core.models.origin import Origin
from slide.core.settings.demands import demand_int

LISTED = 10  # labels of a kind that are told one by one
LEADING = 3  # inputs of a neuron


class Inspectable(Protocol):
    """What must be known to look into a model; columns and rows are those of its network."""

    config: Config
    network: TrainedNetwork
    backend: Backend
    label_counts: Array
    n_samples: int
    trained_on: str
    one_based: OneBased
    feature_names: Names | None
    label_names: Names | None
    text: TextFeatures | None
    calibration: Calibration | None
    origin: Origin

    @property
    def features(self) -> Numbering: ...

    @property
    def labels(self) -> Numbering: ...


class Inspecting:
    """What everything has that is `Inspectable`."""

    __slots__ = ()

    def inspect(self: Inspectable) -> Inspection:
        """Sizes, origin, names, calibration, settings, and labels and units that are dead.

        Cost: a pass over the weights.
        """
        kind, counts, calibration = kind_of(self.config), self.label_counts, self.calibration
        parts = kind.anatomy(self.network, self.backend) if kind.anatomy else Anatomy(None)
        seen = counts[counts > 0]
        unconnected = np.zeros(len(counts), bool)
        if parts.unconnected is not None:
            unconnected = parts.unconnected & (counts > 0)
        return Inspection(
            learner=kind.name,
            title=kind.title,
            n_features=self.network.n_features,
            n_labels=self.network.n_labels,
            n_samples=self.n_samples,
            n_weights=parts.n_weights,
            n_pairs=parts.n_pairs,
            n_unused_inputs=parts.n_unused,
            n_held_examples=parts.n_examples,
            layers=parts.layers,
            trained_on=self.trained_on,
            origin=self.origin,
            one_based=str(self.one_based),
            feature_names=None if self.feature_names is None else len(self.feature_names),
            label_names=None if self.label_names is None else len(self.label_names),
            vectorizer=None if self.text is None else self.text.kind,
            calibrated_on=None if calibration is None else calibration.n_examples,
            calibration_error=None if calibration is None else calibration.error,
            examples_of_label=spread(seen) if len(seen) else None,
            without_examples=some(self, counts == 0),
            without_weights=some(self, unconnected),
            config=self.config.flat(),
        )

    def inputs_of_label(self: Inspectable, label: Any, n: int = 10) -> LabelInputs:
        """The inputs that a label has the largest weights for, by magnitude.

        Args:
            label: its id, as `predict` gives it, or its name if the model has names.
            n: how many to tell of.

        Returns:
            Features, pairs, and units of a hidden layer of labels; behind hidden layers of neurons
            those of the last one, each with what activates it most, for there no weight of a
            feature holds whatever the example.

        Raises:
            InputError: there is no such label.
            ConfigError: n is out of range, or the learner cannot tell.
        """
        demand_int("n, of inputs to tell of,", n, 1, MOST_INPUTS)
        known: Any = self
        ids = label_id(known, label)
        row = row_of(known, ids)
        told = kind_of(self.config).strengths(self.network, self.backend, row)
        return LabelInputs(
            label=ids,
            name=None if self.label_names is None else self.label_names.of(np.array([ids]))[0],
            n_examples=int(self.label_counts[row]),
            bias=told.bias,
            n_inputs=int(np.count_nonzero(told.weights)),
            inputs=tuple(
                input_at(self, told, place) for place in strongest(told.weights, n).tolist()
            ),
        )


def spread(counts: Array) -> tuple[int, float, int]:
    """Least, median and most."""
    return int(counts.min()), float(np.median(counts)), int(counts.max())


def some(model: Inspectable, are_meant: Array) -> Some:
    """Labels, by their rows, the first of them one by one."""
    rows = np.flatnonzero(are_meant).astype(np.int32)
    ids = model.labels.ids_of(rows[:LISTED])
    return Some(len(rows), tuple(ids.tolist()), names_of(model.label_names, ids))


def input_at(model: Any, told: Strengths, place: int) -> Input:
    """One of the inputs of a label."""
    weight = float(told.weights[place])
    if told.below is not None:
        led_by = tuple(leading(model, told.below[place], told.is_first))
        return Input((), None, weight, neuron=place, led_by=led_by)
    columns = told.features[place]
    ids = model.features.ids_of(columns[columns >= 0].astype(np.int32))
    names = names_of(model.feature_names, ids)
    return Input(tuple(ids.tolist()), names, weight, unit=unit_of(model, told, place))


def leading(model: Inspectable, weights: Array, is_first: bool) -> list[Input]:
    """What a neuron has the largest weights above 0 for: features, or neurons of the layer below.

    Args:
        model: of the neuron.
        weights: of all of these, f32.
        is_first: whether they are features.
    """
    places = np.argsort(-weights, kind="stable")[:LEADING].astype(np.int32)
    places = places[weights[places] > 0]
    if not is_first:
        return [Input((), None, float(weights[place]), neuron=int(place)) for place in places]
    ids = model.features.ids_of(places)
    names = names_of(model.feature_names, ids)
    return [
        Input((int(id),), None if names is None else (names[number],), float(weights[place]))
        for number, (id, place) in enumerate(zip(ids, places, strict=True))
    ]
