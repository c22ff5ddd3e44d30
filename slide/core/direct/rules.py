"""Settings of direct connections that suit a training set.

The measurements behind them: docs/decisions/0019-direct-connections.md, for large sets
0022-large-batches.md, for blocks of clicks 0047-users-are-what-they-clicked.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slide.core.direct.settings import DirectSettings
from slide.core.settings.chosen import Chosen
from slide.core.settings.settings import Settings
from slide.core.settings.traits import Traits

FEW_FEATURES = 8  # per example, up to which all pairs of them are worth having
NEGATIVES_PER_LABEL = 8
ONE_LABEL = 1.5  # an example, on average, below which labels exclude each other
FEW, MANY, LARGE = 20_000, 80_000, 200_000  # examples
LIST_ENTRIES = 16_000  # that a search reads: an example with many features meets a label many times
BLOCK_RATE = 0.5  # larger ones rank what was shown better, and all labels worse (docs/saros.md)
TINY = 4  # active labels where every kernel of a run is to be called once


def obstacle(traits: Traits) -> str:
    """Why they do not suit: each of sparse features says something about a label by itself."""
    return "features are dense: each says little about a label by itself" if traits.is_dense else ""


def suits(traits: Traits) -> bool:
    """Whether nothing is in their way."""
    return not obstacle(traits)


def rules(traits: Traits, chosen: dict[str, Any]) -> dict[str, Chosen]:
    """By the numbers of examples, of their features and of their labels."""
    one_label = traits.labels_per_example < ONE_LABEL
    is_large = traits.n_samples >= LARGE
    n = f"{traits.n_samples:,} examples"
    are_blocks = chosen.get("loss") == "saros" and traits.has_skipped
    return {
        "loss": Chosen("bce", "each label is judged by itself"),
        "lr": rate(are_blocks),
        "batch_size": Chosen(
            64 if traits.n_samples < FEW else 1024 if is_large else 256,
            f"{n}: 64 below {FEW:,}, 1024 from {LARGE:,}, 256 between",
        ),
        "rebuild_growth": Chosen(0.3, "weights move less and less, so the index ages more slowly"),
        "rebuild_every": Chosen(4 if is_large else 8, f"{n}: 4 from {LARGE:,}, 8 below"),
        "epochs": passes(traits, are_blocks),
        "active": active_labels(traits, is_large),
        "list_limit": Chosen(
            int(min(max(LIST_ENTRIES / traits.features_per_example, 100), 1000)),
            f"{LIST_ENTRIES:,} entries over {traits.features_per_example:.1f} features of an "
            "example, from 100 to 1000",
        ),
        "bias_floor": bias_floor(one_label),
        "idf_power": power_of_idf(traits),
        "pairs": pairs_of_features(traits),
        "layers": layers(one_label, are_blocks),
        "embedding_dim": embedding_dim(one_label, are_blocks),
    }


def bias_floor(one_label: bool) -> Chosen:
    """Where the bias of a rare label begins."""
    if one_label:
        return Chosen(-100.0, "labels exclude each other: shares are right")
    return Chosen(-4.0, "labels come together: rare ones begin no lower")


def power_of_idf(traits: Traits) -> Chosen:
    """How much rarer features count for more."""
    if traits.is_binary:
        return Chosen(0.5, "features of an example have one value: nobody has weighted them")
    return Chosen(0.0, "features have values of their own: somebody has weighted them")


def rate(are_blocks: bool) -> Chosen:
    """Of learning."""
    if are_blocks:
        return Chosen(BLOCK_RATE, "of blocks of clicks: larger ones rank all labels worse")
    return Chosen(2.0, "of Adagrad, for weights each of which few examples meet")


def passes(traits: Traits, are_blocks: bool) -> Chosen:
    """Over the training set."""
    if are_blocks:
        return Chosen(1, "one pass over blocks of clicks is nearly as good as several")
    n = f"{traits.n_samples:,} examples"
    return Chosen(3 if traits.n_samples < MANY else 2, f"{n}: 3 passes below {MANY:,}, then 2 do")


def layers(one_label: bool, are_blocks: bool) -> Chosen:
    """Whether there is a hidden layer of training examples."""
    if are_blocks:
        return Chosen(1, "neighbours are judged by rankings of all labels, blocks are not")
    if one_label:
        return Chosen(None)
    return Chosen(1, "several labels an example: neighbours are not tried beside steps")


def embedding_dim(one_label: bool, are_blocks: bool) -> Chosen:
    """Whether there are embeddings of items beside them."""
    if one_label and not are_blocks:
        return Chosen(None)
    return Chosen(0, "there are no neighbours for embeddings to stand beside")


def active_labels(traits: Traits, is_large: bool) -> Chosen:
    """Negatives of an example in a step."""
    least = 60 if is_large else 30
    negatives = round(NEGATIVES_PER_LABEL * traits.labels_per_example)
    return Chosen(
        min(max(negatives, least), 100),
        f"{NEGATIVES_PER_LABEL} for each of {traits.labels_per_example:.1f} labels of an example, "
        f"from {least} to 100",
    )


def pairs_of_features(traits: Traits) -> Chosen:
    """Whether pairs of features are inputs, too."""
    n = traits.features_per_example
    if n <= FEW_FEATURES:
        return Chosen(True, f"{n:.1f} features an example are few: {FEW_FEATURES} at most")
    return Chosen(False, f"{n:.1f} features an example are many: more than {FEW_FEATURES}")


def tiny(settings: Settings[DirectSettings]) -> Settings[DirectSettings]:
    """The same in little; long lists of the index are cut by code of their own."""
    return Settings(
        replace(settings.training, active=TINY),
        replace(settings.learner, list_limit=1),
        settings.steps,
        replace(settings.refresh, rebuild_every=1),
    )
