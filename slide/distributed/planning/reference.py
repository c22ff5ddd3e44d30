"""Rates, and what cannot be counted, for plans of data that nobody has yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slide.core.direct.settings import DirectSettings
from slide.core.errors import ConfigError
from slide.core.learners.recipe import settings_for
from slide.core.settings.traits import Traits
from slide.distributed.planning.counts import DIRECT, Counts, Work, stepping_of
from slide.distributed.planning.rates import NOTHING, Phase, Rates

REFERENCE = Rates(
    take=Phase(2.6e-5, 3.3e-7),
    layers=NOTHING,
    ask=Phase(1.1e-3, 1.3e-6),
    entry_seconds=1e-8,
    pairs=Phase(1.6e-3, 6.4e-9),
    rebuild_label_seconds=2.1e-6,
    merge_seconds=2.6e-8,
    cut_seconds=1.05e-5,
    source="those of bibtex on an Intel Xeon, but 10 ns for an entry of a list, as where totals of "
    "labels exceed a cache",
)


def work_of_counts(counts: Counts, **chosen: Any) -> Work:
    """What would be trained on data of such counts, by the settings of the recipe.

    A label has the connections that the settings allow it, if its examples have so many features;
    lists of the index are full, and as many as connections could fill.

    Raises:
        ConfigError: a setting is out of its range, or asks for hidden layers.
    """
    traits = Traits(
        counts.n_examples, counts.n_labels, counts.features_per_example,
        counts.labels_per_example, is_dense=False, is_binary=False,
    )  # fmt: skip
    config = settings_for(traits, by_steps=True, **chosen)
    own = config.learner
    if not isinstance(own, DirectSettings):
        raise ConfigError(
            "counts alone plan direct connections, whose rates are known: give DATA, on which a "
            "network with hidden layers is measured"
        )
    examples = counts.n_examples * counts.labels_per_example / counts.n_labels  # of a label
    wanted = own.connections + own.connections_per_example * examples
    connections = min(wanted, counts.features_per_example * examples) + own.grown + 1
    longest = counts.n_labels * connections / own.list_limit
    return Work(
        counts,
        counts.n_features + 1,
        counts.features_per_example + 1,
        DIRECT,
        **stepping_of(config),
        connections_per_label=connections,
        list_limit=own.list_limit,
        n_long_lists=int(min(counts.n_features, longest)),
    )


def scaled(work: Work, counts: dict[str, Any]) -> Work:
    """The same work on data of other counts, whose settings are those measured.

    Labels keep their connections, and lists their share of the labels; inputs of an example grow
    with its features.

    Args:
        work: what was measured.
        counts: those that differ, by name.
    """
    if not counts:
        return work
    before, after = work.counts, replace(work.counts, **counts)
    factor = after.features_per_example / before.features_per_example
    lengths = [length * after.n_labels for length in work.lists.lengths]
    are_long = any(length > work.list_limit for length in lengths) and work.learner == DIRECT
    long_lists = after.n_labels * work.connections_per_label / max(work.list_limit, 1)
    return replace(
        work,
        counts=after,
        inputs_per_example=work.inputs_per_example * factor,
        n_long_lists=int(min(after.n_features, long_lists)) if are_long else 0,
    )
