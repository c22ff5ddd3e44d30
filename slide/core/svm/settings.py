"""Settings of linear SVMs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from slide.core.settings.setting import (
    Part,
    fixed,
    flag,
    maybe_number,
    maybe_whole,
    newer,
    number,
    whole,
)


@dataclass(frozen=True, slots=True)
class SvmSettings(Part):
    """Of one-versus-rest SVMs; what is not said of three of them is chosen by a race."""

    title: ClassVar[str] = "Linear SVMs"

    hidden: tuple[int, ...] = fixed((), "there is no hidden layer")
    sampler: Literal["index"] = fixed(
        "index", "negatives are the highest scores that are not labels, as an inverted index finds"
    )
    scope: Literal["example"] = fixed("example", "each example has negatives of its own")
    optimizer: Literal["dual-descent"] = fixed(
        "dual-descent", "each label is solved exactly, by dual coordinate descent"
    )
    cost: float | None = maybe_number(
        1e-6,
        1e6,
        "of an example's squared hinge loss (C) beside half the squared norm of the weights; "
        "chosen on held-out examples if not given",
        common=True,
    )
    centroid: float | None = maybe_number(
        0.0,
        100.0,
        "length of the label's centroid that its weights are drawn to; 2 if not given, or 0 where "
        "examples have others near them that share no label, as parts of one user's items",
    )
    idf_power: float | None = maybe_number(
        0.0,
        10.0,
        "features are multiplied by this power of their inverse document frequency; chosen on "
        "held-out examples if not given",
        common=True,
    )
    layers: int | None = newer(
        1,
        maybe_whole(
            1,
            2,
            "2 puts a hidden layer beside the inputs, whose units are labels that score highest "
            "and those of the nearest training examples, or of these alone where examples are "
            "folds of a user's items; the model then holds examples; if not given, it is put there "
            "if held-out examples are answered better with it",
            common=True,
        ),
    )
    pairs: bool = flag(
        False, "pairs of features, of examples with 16 at most, are inputs, too", common=True
    )
    connections: int = whole(
        100,
        1,
        1 << 31,
        "weights that a label keeps at least, the largest ones",
        common=True,
    )
    connections_per_example: float = number(
        10.0, 0.0, 1e6, "and so many more for each of its examples"
    )
    negatives: int = whole(
        20, 0, 1 << 31, "examples drawn for a label at least, which stand for all that lack it"
    )
    negatives_per_example: float = number(
        10.0, 0.0, 1e6, "and so many more for each of its own examples"
    )
    list_limit: int = whole(500, 1, 1 << 31, "labels that the index keeps for an input in training")
