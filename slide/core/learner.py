"""What a learner is: all that the engine asks of one, and the report of its steps.

`Learner` is what trains, `Searcher` what answers, and `Kind` the table of both that a new learner
fills in. Whoever trains, evaluates, saves or loads knows these alone; `slide.core.learners.kinds`
lists the kinds there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, NoReturn, Protocol

import numpy as np

from slide.core.attribution import Anatomy, Attribution, Strengths
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Backend
from slide.core.contract.optim import learning_rate
from slide.core.contract.pieces import Pieces
from slide.core.contract.state import State
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset, batches
from slide.core.examples.scored import Scored
from slide.core.settings.chosen import Chosen
from slide.core.settings.setting import Part
from slide.core.settings.settings import Refresh, Settings, Steps, Training
from slide.core.settings.traits import Traits

N_MONITORED = 64  # examples that full losses and recall are measured on
MONITORED_AT_A_TIME = 16  # whose logits over all neurons are held
LAST = -2e9  # logit of a label that is to come after all others: below whatever is learned


class Batch(NamedTuple):
    """What a step is taken on.

    Args:
        rows: of the training set, i64.
        lr: learning rate.
        following: rows of the batch after it, if there is time for it; none at the end of an epoch.
    """

    rows: Array
    lr: float
    following: Array


Batches = Iterable[Batch]


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one training step did; the active set spoken of is that of the output layer.

    Args:
        loss: mean over the batch, over the active set (so not comparable between samplers).
        n_active: active neurons of an example, mean over the batch.
        from_labels: share of the active set that are labels.
        from_tables: share that the hash tables found.
        from_uniform: share that was drawn uniformly.
        inclusion_probability: of the neurons that were drawn uniformly, mean; 1 if none was.
        touched_rows: rows of the output layer that were updated.
    """

    loss: float
    n_active: float
    from_labels: float
    from_tables: float
    from_uniform: float
    inclusion_probability: float
    touched_rows: int


class TrainedNetwork(Protocol):
    """Weights, as arrays of one backend; a frozen dataclass."""

    @property
    def n_features(self) -> int: ...

    @property
    def n_labels(self) -> int: ...


class Learner(Protocol):
    """State of one training run: a dataclass of weights, optimizer state, tables and generator.

    Attributes:
        settings: of the run.
        backend: whose kernels compute.
        rng: the one generator that everything random is drawn from.
        n_steps: that were taken.
        seconds_left: of a time budget, infinite without one; whoever trains says so before a step,
            and before each part of what is due at the end.
        found_by: what finds active neurons, hash tables or an index; only `refresh` changes it.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    settings: Settings[Any]
    backend: Backend
    rng: np.random.Generator
    n_steps: int
    seconds_left: float
    found_by: Any

    @property
    def held_out(self) -> Scored | None:
        """Answers to examples that the network has not been trained on, or was not until `finish`.

        None where there are none.
        """

    @property
    def batch_size(self) -> int:
        """Examples of a step."""

    @property
    def is_done(self) -> bool:
        """Whether another epoch would be of no use."""

    @property
    def is_comparable(self) -> bool:
        """Whether an epoch has ended with a network to judge: not one that leaves examples out."""

    def learning_rate(self, progress: float) -> float:
        """Of a step when this share of the run is done; 0 if there is no such thing."""

    @property
    def network(self) -> TrainedNetwork:
        """The weights, as they are."""

    @property
    def data(self) -> Dataset:
        """The training set as it is trained on."""

    @property
    def order(self) -> Array:
        """The rows trained on by steps, in an order that does not depend on that of the file."""

    @property
    def output_weight(self) -> Array:
        """The array of weights whose rows, or entries, are those of the labels."""

    def attach(self, backend: Backend) -> None:
        """Compute by the kernels of another backend from now on, on the same arrays."""

    def refresh(self) -> bool:
        """Whatever is due for `found_by` before the next step; whether anything was."""

    def train_on(self, batch: Dataset, lr: float) -> StepReport:
        """One training step on a batch of `data`, with `found_by` as it is."""

    def step(self, batch: Dataset, lr: float) -> StepReport:
        """`refresh`, then `train_on`."""

    def catch_up(self) -> None:
        """Let all rows catch up with the steps that they missed, before they are looked at."""

    def finish(self) -> bool:
        """A part of what is due after the last epoch; whether another one is to be done.

        Between two parts there may be a checkpoint.
        """

    def state(self) -> State:
        """All that later steps depend on beside settings and data, for `Kind.resume`.

        Arrays are of the host, and need not be copied: see `State`.
        """

    def refuse_unordered(self) -> None:
        """Raise ConfigError if a step needs those before it to have ended."""

    def weight_sum(self) -> float:
        """Of all weights: not finite if one is not."""

    def diagnostics(self) -> dict[str, float]:
        """What is known to go wrong unseen (see `Trainer.fit`)."""


class Stepping:
    """What all learners do alike that take steps on batches, as their settings say."""

    __slots__ = ("seconds_left",)
    seconds_left: float

    @property
    def held_out(self) -> Scored | None:
        """None: all examples are trained on from the first epoch on."""
        return None

    @property
    def batch_size(self: Learner) -> int:
        """Examples of a step."""
        return self.settings.steps.batch_size

    @property
    def is_done(self) -> bool:
        """Never: the settings say how many epochs there are."""
        return False

    @property
    def is_comparable(self) -> bool:
        """Always."""
        return True

    def learning_rate(self: Learner, progress: float) -> float:
        """As the schedule has it."""
        steps = self.settings.steps
        return learning_rate(steps.lr_schedule, steps.lr, progress, steps.warmup)

    def finish(self) -> bool:
        """Nothing is due that `catch_up` does not do."""
        return False

    def refuse_unordered(self) -> None:
        """Steps may be taken at once, unless a learner says otherwise."""

    def step(self: Learner, batch: Dataset, lr: float) -> StepReport:
        """What is due, and one training step on a batch."""
        self.refresh()
        return self.train_on(batch, lr)


class Searcher(Protocol):
    """Finds the best labels of a trained network."""

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """The k best labels of each example (B, n_features): ids i32 and logits f32, (B, k)."""

    def scores(self, backend: Backend, x: CSR | Block, wanted: CSR) -> CSR:
        """Logits of these labels of each example: `wanted`, CSR (B, n_labels), with such values."""

    def naming_last(self, labels: Array, backend: Backend) -> Searcher:
        """The same, but that these labels, i32, come after all others, or not at all."""


def untold(*network: Any) -> NoReturn:
    """Raise ConfigError: what a kind says that can explain nothing."""
    raise ConfigError(
        "the model's learner does not tell what inputs add to a score: explain a model with direct "
        "connections, or with hidden layers"
    )


def without_layers(*network: Any) -> NoReturn:
    """Raise ConfigError: what a kind says that has no dense layers."""
    raise ConfigError(
        "the model has no hidden layers, and ONNX is written of those: read its "
        "weights.safetensors (docs/model-folder.md), or train with hidden layers, such as 256"
    )


@dataclass(frozen=True, slots=True)
class Earlier:
    """A network that training goes on from, with fewer features and labels, or as many.

    Args:
        network: its weights.
        features: i32, the column that each of its features has now, ascending.
        labels: i32, the row that each of its labels has now, ascending.
        taught: bool (n_labels,), which labels of now it has learned.
    """

    network: Any
    features: Array
    labels: Array
    taught: Array


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of learner: how its networks begin, are stored, and are searched.

    Args:
        name: in config.json.
        title: in a sentence.
        settings: the part that holds its own settings.
        suits: whether the recipe prefers it to the kinds before it in the table, by what can be
            counted in a training set.
        rules: settings that suit such a set, given those that were chosen: values, or these with
            their reasons (`slide.core.settings.chosen.Chosen`).
        tiny: the same settings with sizes so small, and what is due so often, that two steps call
            every kernel of a run.
        begin: a learner that has not taken a step, of settings and a training set.
        resume: one that has, of settings, a training set and its `Learner.state`.
        tensors: all weights of a network by name, on the host.
        read: the network of such tensors, settings and the examples of each label, i64
            (n_labels,); None if they do not fit together, ValueError if one is damaged.
        exact: searches all labels of a network.
        sampled: searches those that tables or an index retrieve, of a network, its settings, a
            plan, and examples whose labels fill the tables, or None.
        n_bytes: memory that training takes, of settings and a training set.
        size: the same in words, with the settings that would make it smaller, for a sentence.
        takes_steps: on batches, one after the other or several at once, so that it has the
            settings of `Steps` and `Refresh`.
        obstacle: why it does not suit, in words; "" where it does, or where it does not say.
        seconds: that a run takes, about, on two cores, where it cannot be cut short anywhere.
        attribution: what the inputs of one example (1, n_features), on the host, add to the logit
            of a label, of a network.
        representation: of a network, what examples are to the labels: one row each, on the host,
            whose angles say how alike they are.
        dense_layers: of a network that is a ReLU behind each layer but the last, the weight
            (n_units, n_inputs) and the bias of each layer, on the host.
        strengths: of a network, the weights of the label in a row, whatever the example.
        anatomy: the parts of a network, and what of them is dead; None if it does not tell.
        go_on: a learner that has the weights of an earlier network; None if all is begun anew.
        streamed: `tensors` for a file, some of them in pieces, so that none is there twice; None
            where `tensors` copies nothing.
        by_label: tensors that have something for each label, a row or the entries of one.
    """

    name: str
    title: str
    settings: type[Part]
    suits: Callable[[Traits], bool]
    rules: Callable[[Traits, dict[str, Any]], dict[str, Any]]
    tiny: Callable[[Settings[Any]], Settings[Any]]
    begin: Callable[[Settings[Any], Backend, Dataset], Learner]
    resume: Callable[[Settings[Any], Backend, Dataset, State], Learner]
    tensors: Callable[[Any, Backend], dict[str, Array]]
    read: Callable[[dict[str, Array], Settings[Any], Array, Backend], TrainedNetwork | None]
    exact: Callable[[Any, Backend], Searcher]
    sampled: Callable[[Any, Backend, Settings[Any], Any, Dataset | None], Searcher]
    n_bytes: Callable[[Settings[Any], Dataset], float]
    size: Callable[[Settings[Any], Dataset], tuple[str, str]]
    takes_steps: bool = True
    obstacle: Callable[[Traits], str] = lambda traits: ""
    seconds: Callable[[Settings[Any], Dataset], float] = lambda settings, train: 0.0
    attribution: Callable[[Any, Backend, CSR | Block, int], Attribution] = untold
    representation: Callable[[Any, Backend, CSR | Block], CSR | Block] = untold
    dense_layers: Callable[[Any, Backend], list[tuple[Array, Array]]] = without_layers
    strengths: Callable[[Any, Backend, int], Strengths] = untold
    anatomy: Callable[[Any, Backend], Anatomy] | None = None
    go_on: Callable[[Settings[Any], Backend, Dataset, Earlier], Learner] | None = None
    streamed: Callable[[Any, Backend], dict[str, Array | Pieces]] | None = None
    by_label: tuple[str, ...] = ()

    def choices(self, traits: Traits, said: dict[str, Any]) -> dict[str, Chosen]:
        """What its rules choose, each with its reason, where nobody said it."""
        found = self.rules(traits, said).items()
        return {name: Chosen.of(given) for name, given in found if name not in said}

    def completed(self, traits: Traits, said: dict[str, Any]) -> dict[str, Any]:
        """What was said, and what its rules choose beside, by name."""
        chosen = self.choices(traits, said).items()
        return {name: given.value for name, given in chosen} | said

    def written(self, network: Any, backend: Backend) -> Mapping[str, Array | Pieces]:
        """The weights of a network as they are written to a file."""
        return (self.streamed or self.tensors)(network, backend)

    @property
    def parts(self) -> dict[str, type[Part]]:
        """The parts of its settings, by their names in `Settings`."""
        by_steps: dict[str, type[Part]] = {"steps": Steps, "refresh": Refresh}
        own: dict[str, type[Part]] = {"learner": self.settings}
        return {"training": Training} | (by_steps if self.takes_steps else {}) | own


def monitored(data: Dataset, order: Array) -> Dataset:
    """A fixed slice of the training set: the first examples of `order`."""
    return data.take(order[:N_MONITORED])


def in_slices(data: Dataset) -> Iterator[Dataset]:
    """So few examples at a time that the logits of all labels fit into memory."""
    for rows in batches(data.n_samples, MONITORED_AT_A_TIME):
        yield data.take(rows)


def report_of(
    loss: float, active: CSR | Block, weights: CSR | Block, touched_rows: int
) -> StepReport:
    """The report of a step with this active set and its log weights."""

    def share(origin: float) -> float:
        return float((active.values == origin).sum()) / max(active.nnz, 1)

    drawn = active.values == FROM_EXTRA
    probabilities = np.exp(-weights.values[drawn])
    return StepReport(
        loss=loss,
        n_active=active.nnz / max(active.n_rows, 1),
        from_labels=share(FROM_LABELS),
        from_tables=share(FROM_TABLES),
        from_uniform=share(FROM_EXTRA),
        inclusion_probability=float(probabilities.mean()) if probabilities.size else 1.0,
        touched_rows=touched_rows,
    )
