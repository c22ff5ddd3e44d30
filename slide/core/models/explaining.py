"""Why a label has its score: what each input adds to it, by name, and examples that look alike.

Whatever answers with labels and can tell what their scores are made of (`Explainable`) is explained
by the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from slide.core.attribution import Attribution, Strengths
from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import InputError, ModelError
from slide.core.examples.dataset import Dataset, checked, features_of
from slide.core.examples.names import Name, Names
from slide.core.examples.naming import names_of_columns, refuse_other_columns
from slide.core.examples.numbering import Numbering
from slide.core.learner import LAST
from slide.core.models.explanation import Evidence, Explanation, Neighbour, Unit
from slide.core.models.nearest import nearest
from slide.core.models.unseen import Unseen
from slide.core.settings.demands import demand_int

MOST_INPUTS = 1 << 31
N_NEIGHBOURS = 5
NOTHING = Attribution(np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0), LAST)


class Explainable(Protocol):
    """What must be known to explain an answer; columns and rows are those of a network."""

    @property
    def features(self) -> Numbering: ...

    @property
    def labels(self) -> Numbering: ...

    @property
    def feature_names(self) -> Names | None: ...

    @property
    def label_names(self) -> Names | None: ...

    @property
    def label_counts(self) -> Array: ...

    def _known_features(self, x: CSR | Block) -> tuple[CSR | Block, Unseen]:
        """Features by columns, without those that training never met."""

    def attribution(self, x: CSR | Block, label: int) -> Attribution:
        """What the inputs of one example, by columns, add to the logit of the label in a row."""

    def representation(self, x: CSR | Block) -> CSR | Block:
        """What examples, by columns, are to the labels: on the host."""


class Explaining:
    """What everything has that is `Explainable`."""

    __slots__ = ()

    def explain(
        self: Explainable,
        row: CSR | Block | ArrayLike,
        label: Any,
        n: int = 10,
        examples: Dataset | None = None,
    ) -> Explanation:
        """The inputs of a row that speak for a label and against it, and how much each.

        Args:
            row: (1, any), as `predict` takes it; `x[i : i + 1]` of a matrix.
            label: its id, as `predict` gives it, or its name if the model has names.
            n: inputs to tell of, those of largest contribution; the others are summed up.
            examples: of training, among which the nearest are looked for.

        Returns:
            Contributions that add up to the score, with the constant told apart.

        Raises:
            InputError: row is no such matrix, or has not one row; or there is no such label.
            ConfigError: n is out of range, or the learner cannot tell.
            ModelError: features are dense and of another number.
        """
        (explanation,) = explanations(self, row, [label], n, examples)
        return explanation


def explanations(
    model: Explainable,
    row: CSR | Block | ArrayLike,
    labels: Sequence[Any],
    n: int = 10,
    examples: Dataset | None = None,
) -> list[Explanation]:
    """`Explaining.explain` of some labels, whose neighbours are looked for once."""
    refuse_other_columns(names_of_columns(row), model.feature_names, "row")
    x = handed.features(row, "row")
    if x.n_rows != 1:
        raise InputError(f"row has {x.n_rows} rows: expected one, such as x[i : i + 1]")
    demand_int("n, of inputs to tell of,", n, 0, MOST_INPUTS)
    ids = [label_id(model, label) for label in labels]
    near = () if examples is None else neighbours(model, x, checked(examples, "examples"))
    return [explanation(model, x, label, n, near) for label in ids]


def label_id(model: Explainable, label: Any) -> int:
    """The id of a label, which a whole number is; anything else is a name."""
    if not handed.is_whole(label) and model.label_names is not None:
        return int(model.label_names.ids([label])[0])
    if not (handed.is_whole(label) and 0 <= label <= MOST_INPUTS and row_of(model, label) >= 0):
        raise InputError(
            f"label is {label!r}: expected one of the {model.labels.n} labels of the model, as "
            "predict answers with"
        )
    return int(label)


def row_of(model: Explainable, label: int) -> int:
    """The row of a label in the network, or -1."""
    return int(model.labels.columns_of(np.array([label]))[0])


def explanation(
    model: Explainable, x: CSR | Block, label: int, n: int, near: tuple[Neighbour, ...]
) -> Explanation:
    """Of checked features, by ids, and the id of a label."""
    sparse, row = features_of(x), row_of(model, label)
    n_examples = int(model.label_counts[row])
    told = model.attribution(model._known_features(x)[0], row) if n_examples else NOTHING
    with np.errstate(invalid="ignore"):
        added, score = told.contributions, told.logit
    if not np.isfinite(score):  # weights that are mapped are not looked at before
        raise ModelError(
            f"label {label} has the score {score}, which nothing explains: the model is damaged "
            "(weights that are not finite); save, or freeze, it anew"
        )
    chosen = strongest(added, n)
    others = np.delete(added, chosen)
    total = float(abs(told.bias) + np.abs(added).sum()) or 1.0
    return Explanation(
        label=label,
        name=None if model.label_names is None else model.label_names.of(np.array([label]))[0],
        score=score,
        n_examples=n_examples,
        by_gradient=told.by_gradient,
        bias=told.bias,
        bias_share=told.bias / total,
        evidence=tuple(pieces(model, told, chosen, sparse, total)),
        n_others=int(np.count_nonzero(others)),
        other_contribution=float(others.sum()),
        n_silent=int((added == 0).sum()),
        unknown=tuple(sparse.indices[model.features.columns_of(sparse.indices) < 0].tolist()),
        neighbours=near,
    )


def strongest(added: Array, n: int) -> Array:
    """The places of the n contributions of largest magnitude that are not 0, largest sum first."""
    places = np.argsort(-np.abs(added), kind="stable")[: min(n, np.count_nonzero(added))]
    return places[np.argsort(-added[places], kind="stable")]


def pieces(
    model: Explainable, told: Attribution, chosen: Array, row: CSR, total: float
) -> Iterator[Evidence]:
    """What is told of the chosen inputs."""
    values = dict(zip(row.indices.tolist(), row.values.tolist(), strict=True))
    for place in chosen.tolist():
        columns = told.features[place]
        ids = model.features.ids_of(columns[columns >= 0])
        added = float(told.contributions[place])
        yield Evidence(
            features=tuple(ids.tolist()),
            names=names_of(model.feature_names, ids),
            values=tuple(values[feature] for feature in ids.tolist()),
            input=float(told.inputs[place]),
            weight=float(told.slopes[place]),
            contribution=added,
            share=added / total,
            unit=unit_of(model, told, place),
        )


def unit_of(model: Explainable, told: Attribution | Strengths, place: int) -> Unit | None:
    """The unit of a hidden layer of labels that an input is, if it is one."""
    if told.units is None or told.units[place].max() < 0:
        return None
    by_score, by_share = told.units[place]
    label = model.labels.ids_of(np.array([max(by_score, by_share)]))
    name = None if model.label_names is None else model.label_names.of(label)[0]
    return Unit(int(label[0]), name, "score" if by_score >= 0 else "share")


def names_of(names: Names | None, ids: Array) -> tuple[Name | None, ...] | None:
    """Of some ids, if there are names; None for an id beyond them."""
    return None if names is None else tuple(names.of(np.where(ids < len(names), ids, -1)))


def neighbours(model: Explainable, row: CSR | Block, examples: Dataset) -> tuple[Neighbour, ...]:
    """The nearest examples, with their labels."""

    def represent(x: CSR | Block) -> CSR | Block:
        return model.representation(model._known_features(x)[0])

    rows, cosines = nearest(represent, row, examples.x, N_NEIGHBOURS)
    labels = [ids[values > 0] for ids, values in map(examples.y.row, rows.tolist())]
    return tuple(
        Neighbour(example, cosine, tuple(ids.tolist()), names_of(model.label_names, ids))
        for example, cosine, ids in zip(rows.tolist(), cosines.tolist(), labels, strict=True)
    )
