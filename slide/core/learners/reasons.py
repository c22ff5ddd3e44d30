"""Why the recipe chooses what it chooses: each rule's value, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from slide.core.examples.dataset import Dataset, checked
from slide.core.examples.numbering import by_columns
from slide.core.learners import kinds
from slide.core.learners.config import kinds_asked_for, known
from slide.core.learners.recipe import Decision, decision

SAID = "you say so"
OPEN = "if not given"  # in the help of a setting that is decided while training


@dataclass(frozen=True, slots=True)
class Reason:
    """One setting that is not at its default because it is.

    Args:
        name: of the setting.
        value: that it has; None where training will decide.
        by: who decides: whoever said it, a rule, or training itself.
        because: why, in words.
    """

    name: str
    value: Any
    by: Literal["said", "rule", "training"]
    because: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the recipe chooses.

    Args:
        learner: its name.
        title: the same in words.
        because: why this one.
        reasons: of its settings; all others are at their defaults.
        n_bytes: memory that training takes at most, beside the data, about.
        seconds: that it takes on two cores, about; None where a learner does not foresee it.
    """

    learner: str
    title: str
    because: str
    reasons: tuple[Reason, ...]
    n_bytes: float
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def explained(
    train: Dataset, by_steps: bool = False, time_budget: float | None = None, **chosen: Any
) -> Recipe:
    """What `slide.recipe` chooses, and why; the arguments, and errors, are those of it."""
    train, _, _ = by_columns(checked(train, "the training set").counted())
    found = decision(train, by_steps, time_budget, **chosen)
    kind, config = found.kind, found.config
    return Recipe(
        learner=kind.name,
        title=kind.title,
        because=why_learner(found),
        reasons=tuple(reasons_of(found)),
        n_bytes=float(kind.n_bytes(config, train)),
        seconds=kind.seconds(config, train) or None,
    )


def reasons_of(found: Decision) -> Iterator[Reason]:
    """Of what was said, of what rules chose, and of what is left to training."""
    settings = known(found.kind)
    rules = found.kind.choices(found.traits, found.said)
    for name, value in found.config.flat().items():
        if name in found.said:
            yield Reason(name, value, "said", SAID)
        elif value is None:
            yield Reason(name, None, "training", while_training(settings[name].help))
        elif name in rules:
            yield Reason(name, value, "rule", rules[name].because)


def while_training(help: str) -> str:
    """How a setting is decided, as its help says."""
    said = next((part for part in help.split("; ") if OPEN in part), f"decided in training {OPEN}")
    return said.removeprefix(f"{OPEN}, ").replace(f" {OPEN}", "")


def why_learner(found: Decision) -> str:
    """Why this kind of learner and not another, in words."""
    kind, traits = found.kind, found.traits
    if found.seconds is not None and len(found.possible) < len(found.asked):
        return f"labels are not solved, which would take about {found.seconds:.0f} s"
    if len(found.asked) == 1:
        names = ", ".join(
            f"{name}={value!r}" for name, value in found.said.items() if is_of_few(name, value)
        )
        return f"you say {names}, which only {kind.title} have" if names else "it is the only one"
    if len(found.possible) < len(found.asked):
        return "the backend takes steps, several at once"
    obstacles = [
        f"not {other.title}, for {other.obstacle(traits)}"
        for other in reversed(found.possible)
        if other is not kind and not other.suits(traits) and other.obstacle(traits)
    ]
    shape = "dense" if traits.is_dense else "sparse"
    seen = (
        f"features are {shape}, and an example has {traits.labels_per_example:.1f} of "
        f"{traits.n_labels:,} labels"
    )
    return "; ".join([seen, *dict.fromkeys(obstacles)])


def is_of_few(name: str, value: Any) -> bool:
    """Whether a setting that is said so rules out a kind of learner."""
    return len(kinds_asked_for({name: value})) < len(kinds.KINDS)
