"""Settings of direct connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from slide.core.settings.setting import Part, fixed, flag, maybe_whole, newer, number, whole


@dataclass(frozen=True, slots=True)
class DirectSettings(Part):
    """Of sparse weights from features straight to labels; four are as they are for all of them."""

    title: ClassVar[str] = "Direct connections"

    hidden: tuple[int, ...] = fixed((), "there is no hidden layer")
    sampler: Literal["index"] = fixed(
        "index", "negatives are the highest scores that are not labels, as an inverted index finds"
    )
    scope: Literal["example"] = fixed("example", "each example has an active set of its own")
    optimizer: Literal["adagrad"] = fixed("adagrad", "with one accumulator a weight")
    connections: int = whole(
        50,
        1,
        1 << 31,
        "inputs that a label is connected to at least, those that its examples have most of",
        common=True,
    )
    connections_per_example: float = number(
        4.0, 0.0, 1e6, "and so many more for each of its examples"
    )
    grown: int = whole(20, 0, 1 << 20, "inputs that weigh against a label, connected to it besides")
    bias_floor: float = number(
        -4.0,
        -100.0,
        0.0,
        "a label's bias starts at the logarithm of its share of the examples, but not below this",
    )
    idf_power: float = number(
        0.0,
        0.0,
        10.0,
        "features are multiplied by this power of their inverse document frequency",
        common=True,
    )
    layers: int | None = newer(
        1,
        maybe_whole(
            1,
            2,
            "2 puts a hidden layer beside the inputs, of the nearest training examples, which the "
            "model then holds; if not given, it is put there if held-out examples are answered "
            "better with it",
            common=True,
        ),
    )
    embedding_dim: int | None = newer(
        0,
        maybe_whole(
            0,
            4096,
            "dimensions of embeddings of items, pooled by attention, beside the nearest examples; "
            "0 for none; if not given, 64 where examples are parts of sessions, if held-out ones "
            "are answered better with them",
        ),
    )
    pairs: bool = flag(
        False, "pairs of features, of examples with 16 at most, are inputs, too", common=True
    )
    list_limit: int = whole(
        1000, 1, 1 << 31, "labels that the index keeps for an input in training"
    )
