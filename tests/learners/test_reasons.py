"""Each value that the recipe chooses stands beside its reason, and both are those of training."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import planted
from toy_learner import POPULARITY

from slide.core.contract.arrays import Block
from slide.core.examples.dataset import Dataset
from slide.core.learners import kinds
from slide.core.learners.reasons import SAID, explained, why_learner
from slide.core.learners.recipe import Traits, decided, recipe
from slide.core.runs.trainer import Trainer

TRAITS = Traits(1000, 100, 20.0, 2.0, is_dense=False, is_binary=True)


@pytest.mark.parametrize(
    "chosen", [{}, {"lr": 0.5}, {"hidden": (8,)}, {"active": 9, "cost": 2.0}, {"hash": "dwta"}]
)
def test_values_are_those_of_the_recipe(chosen):
    train = planted(200)
    told, config = explained(train, **chosen), recipe(train, **chosen)
    values = {reason.name: reason.value for reason in told.reasons}
    assert values == {name: config.flat()[name] for name in values}
    said = {reason.name for reason in told.reasons if reason.by == "said"}
    assert said == {*chosen}
    kind = kinds.kind_of(config)
    assert told.learner == kind.name
    defaults = kind.completed(Traits.of(train), chosen)
    assert {*defaults} <= {*values}  # no rule is without its reason
    held_out = {reason.name for reason in told.reasons if reason.by == "training"}
    assert held_out == {name for name, value in config.flat().items() if value is None}


def test_nothing_else_differs_from_the_defaults():
    for chosen in ({}, {"lr": 0.5}, {"hidden": (8,)}):
        config = recipe(planted(200), **chosen)
        bare = decided(TRAITS, **chosen).kind
        defaults = type(config)(learner=bare.settings()).flat()
        told = {reason.name for reason in explained(planted(200), **chosen).reasons}
        differ = {name for name, value in config.flat().items() if value != defaults[name]}
        assert differ <= told


@pytest.mark.parametrize(
    ("traits", "chosen", "by_steps", "words"),
    [
        (TRAITS, {}, False, "features are sparse, and an example has 2.0 of 100 labels"),
        (replace(TRAITS, labels_per_example=1.0), {}, False, "not linear SVMs, for an"),
        (replace(TRAITS, n_labels=300_000), {}, False, "300,000 labels, more than 200,000"),
        (replace(TRAITS, is_dense=True), {}, False, "features are dense: each says little"),
        (TRAITS, {"dropout": 0.1}, False, "you say dropout=0.1, which only networks with hidden"),
        (TRAITS, {}, True, "the backend takes steps"),
    ],
)  # fmt: skip
def test_the_learner_has_a_reason(traits, chosen, by_steps, words):
    assert words in why_learner(decided(traits, by_steps, **chosen))


def test_time_that_is_short_is_a_reason():
    told = explained(planted(200), time_budget=0.001)
    assert told.learner == "direct"
    assert told.because.startswith("labels are not solved, which would take about")


@pytest.mark.parametrize(("n", "value"), [(19_999, 64), (20_000, 256), (200_000, 1024)])
def test_a_reason_has_the_number_that_decided(n, value):
    choice = decided(replace(TRAITS, n_samples=n), lr=0.5).kind.choices(
        replace(TRAITS, n_samples=n), {}
    )["batch_size"]  # fmt: skip
    assert choice.value == value
    assert f"{n:,} examples" in choice.because


def test_rules_that_give_values_alone_have_a_reason(monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", (POPULARITY,))
    told = explained(planted(60))
    assert [(reason.name, reason.value) for reason in told.reasons] == [("epochs", 1)]
    assert told.reasons[0].because
    assert explained(planted(60), epochs=2).reasons[0].because == SAID


def test_training_takes_what_was_told():
    rows = np.random.default_rng(0).random((60, 40), np.float32)
    train = Dataset(Block.of(rows), planted(60).y)
    told = {reason.name: reason.value for reason in explained(train, epochs=1, hidden=4).reasons}
    trainer = Trainer(recipe(train, epochs=1, hidden=4))
    trainer.fit(train)
    assert {name: trainer.config.flat()[name] for name in told} == told
