"""Linear SVMs, as the engine asks for them: which settings suit, and what memory they take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.direct.attributing import anatomy, attribution, representation, strengths
from slide.core.direct.kind import BY_LABEL, network_from, sampled_searcher, streamed, tensors
from slide.core.direct.rules import obstacle as obstacle_directly
from slide.core.direct.rules import pairs_of_features
from slide.core.direct.searching import IndexSearcher
from slide.core.direct.stacking import MOST_ENTRIES
from slide.core.errors import said, worded
from slide.core.examples.dataset import Dataset
from slide.core.examples.scratch import Scratch
from slide.core.learner import Kind
from slide.core.settings.chosen import Chosen
from slide.core.settings.settings import Settings
from slide.core.settings.traits import Traits
from slide.core.svm.run import SvmRun
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import SOLVED_AT_A_TIME, TERMS_OF_PAIR
from slide.core.svm.solving import limits_of

SEVERAL_LABELS = 1.5  # of an example, on average
MOST_LABELS = 200_000
TINY = 4  # hard negatives where every kernel of a run is to be called once
BYTES_OF_PAIR = 48  # its cell, reason, dual and cost, and copies of them while some are joined
ROUNDS = 5  # that a run seldom has more of
SECONDS_OF_TERM = 4e-8  # of a feature of a pair, in all rounds together; measured on six sets


def obstacle(traits: Traits) -> str:
    """Why they do not suit: sparse features, not too many labels, and several an example do.

    Labels of which each example has one push each other down, all of them: steps, whose active sets
    see others each time, go further in the same time (docs/decisions/0027), as they do where labels
    are so many that most have an example or two.
    """
    if found := obstacle_directly(traits):
        return found
    n, n_labels = traits.labels_per_example, traits.n_labels
    if n < SEVERAL_LABELS:
        return f"an example has {n:.1f} labels, and with fewer than {SEVERAL_LABELS} they compete"
    if n_labels > MOST_LABELS:
        return f"there are {n_labels:,} labels, more than {MOST_LABELS:,}: most have few examples"
    return ""


def suits(traits: Traits) -> bool:
    """Whether nothing is in their way."""
    return not obstacle(traits)


def rules(traits: Traits, chosen: dict[str, Any]) -> dict[str, Chosen]:
    """Most is chosen by the race."""
    return {
        "epochs": Chosen(10, "rounds at most: after one that gains too little comes the last"),
        "active": Chosen(40, "hard negatives of an example a round; more gained nothing (0027)"),
        "pairs": pairs_of_features(traits),
    }


def tiny(settings: Settings[SvmSettings]) -> Settings[SvmSettings]:
    """The same in little; long lists of the index are cut by code of their own."""
    return Settings(
        replace(settings.training, active=TINY), replace(settings.learner, list_limit=1)
    )


def n_pairs(settings: Settings[SvmSettings], train: Dataset) -> float:
    """Pairs of labels and examples that labels are solved on."""
    own, counts = settings.learner, train.y.positive().column_counts()
    drawn = own.negatives + own.negatives_per_example * counts
    hard = ROUNDS * min(settings.training.active, train.n_labels)
    return float(
        np.minimum(drawn + counts, train.n_samples)[counts > 0].sum() + hard * train.n_samples
    )


def seconds(settings: Settings[SvmSettings], train: Dataset) -> float:
    """About, on two cores: of visits of pairs."""
    lengths = train.features.row_lengths().mean() + TERMS_OF_PAIR
    return SECONDS_OF_TERM * float(lengths) * n_pairs(settings, train)


def n_weights(settings: Settings[SvmSettings], train: Dataset) -> float:
    """Weights that labels keep at most."""
    limits = limits_of(settings.learner, train.y.positive().column_counts())
    if not settings.learner.pairs:
        limits = np.minimum(limits, train.n_features)
    return float(limits.sum())


def n_bytes(settings: Settings[SvmSettings], train: Dataset) -> float:
    """Of pairs, and of weights, their columns, and their index; of inputs, and of examples.

    A hidden layer of examples has most of them five times at most, and they stay as they were read.
    """
    weights = 24 * n_weights(settings, train) + 32 * train.n_features
    pairs = n_pairs(settings, train)
    if Scratch.of(train).folder is not None:
        pairs = min(pairs, SOLVED_AT_A_TIME / TERMS_OF_PAIR)
    if settings.learner.layers == 1:
        return BYTES_OF_PAIR * pairs + weights
    examples = 8 * (6 * min(train.features.nnz, MOST_ENTRIES))
    return BYTES_OF_PAIR * pairs + 2 * weights + examples


def describe_size(settings: Settings[SvmSettings], train: Dataset) -> tuple[str, str]:
    """What takes memory, and what would take less, in words."""
    return (
        f"about {n_pairs(settings, train):,.0f} pairs of labels and examples and "
        f"{n_weights(settings, train):,.0f} weights from {train.n_features} features to "
        f"{train.n_labels} labels take",
        f"choose a smaller {said('active')}, {said('connections')} or {worded('', '--set ')}"
        "negatives=N, or check the data's header",
    )


SVM = Kind(
    name="svm",
    title="linear SVMs",
    settings=SvmSettings,
    suits=suits,
    obstacle=obstacle,
    rules=rules,
    tiny=tiny,
    begin=SvmRun.begin,
    resume=SvmRun.resume,
    tensors=tensors,
    read=network_from,
    exact=IndexSearcher.exact,
    sampled=sampled_searcher,
    n_bytes=n_bytes,
    size=describe_size,
    takes_steps=False,
    seconds=seconds,
    attribution=attribution,
    representation=representation,
    strengths=strengths,
    anatomy=anatomy,
    streamed=streamed,
    by_label=BY_LABEL,
)
