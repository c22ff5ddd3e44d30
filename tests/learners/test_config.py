"""Settings as people say them: each of one part, of the learner that has all that were said."""

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from slide.core.errors import ConfigError
from slide.core.learners.config import Config, all_known, known
from slide.core.learners.kinds import DIRECT, KINDS, SAMPLED, kind_of
from slide.core.learners.recipe import settings_for
from slide.core.runs.trainer import Trainer
from slide.core.settings.plan import Plan
from slide.core.settings.setting import is_part, settings_of
from slide.core.settings.traits import Traits

SPARSE = Traits(50_000, 10_000, 50.0, 5.0, is_dense=False, is_binary=False)


def parts_of(part):
    """A part and those in it."""
    yield part
    for each in fields(part):
        if is_part(type(getattr(part, each.name))):
            yield from parts_of(getattr(part, each.name))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_setting_is_of_one_part_and_has_bounds_and_help(kind):
    config = Config(learner=kind.settings())
    own = [part for name in kind.parts for part in parts_of(getattr(config, name))]  # fmt: skip
    names = [each.name for part in own for each in fields(part)]
    names = [name for name in names if not is_part(type(getattr(config, name, None)))]
    assert sorted(name for name in names if name in known(kind)) == sorted(known(kind))
    for setting in known(kind).values():
        assert setting.help
        assert setting.bounds or setting.is_fixed
        assert setting.title
        setting.demand(setting.name, setting.default)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_settings_are_read_by_name_and_in_parts(kind):
    config = Config(learner=kind.settings(), seed=7)
    assert config.seed == config.training.seed == config.flat()["seed"] == 7
    assert config.flat().keys() == known(kind).keys()
    assert Config(**config.flat()) == config
    assert eval(repr(config)) == config
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config
    assert hash(copy.copy(config)) == hash(config)
    with pytest.raises(AttributeError, match=f"'wings' is no setting of {kind.title}"):
        config.wings  # noqa: B018


def test_what_is_not_made_yet_has_no_settings():
    for name in ("training", "K", "__deepcopy__"):
        assert not hasattr(object.__new__(Config), name)


def test_one_setting_is_changed_and_the_kind_stays():
    config = replace(Config(connections=3, lr=0.5, rebuild_every=7), seed=9)
    assert (config.connections, config.seed, kind_of(config)) == (3, 9, DIRECT)
    assert (config.lr, config.rebuild_every) == (0.5, 7)
    with pytest.raises(ConfigError, match="K is no setting of direct connections: leave it out"):
        replace(config, K=3)
    with pytest.raises(ConfigError, match="unknown setting 'wings'"):
        replace(config, wings=3)
    with pytest.raises(ConfigError, match=r"hidden is \(8,\): expected \(\)"):
        replace(config, hidden=(8,))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({}, SAMPLED), ({"lr": 0.1}, SAMPLED), ({"K": 3}, SAMPLED), ({"hidden": (3,)}, SAMPLED),
        ({"hidden": ()}, DIRECT), ({"grown": 3}, DIRECT), ({"sampler": "index"}, DIRECT),
        ({"sampler": "lsh"}, SAMPLED), ({"optimizer": "adagrad"}, SAMPLED),
        ({"optimizer": "adagrad", "hidden": ()}, DIRECT), ({"scope": "example"}, SAMPLED),
        ({"scope": "example", "pairs": True}, DIRECT),
    ],
)  # fmt: skip
def test_what_is_said_says_which_learner(said, kind):
    assert kind_of(Config(**said)) is kind


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"wings": 2}, "^unknown setting 'wings': expected K, L, active, "),
        ({"K": 3, "wings": 2}, "^unknown setting 'wings'"),
        ({"sampler": "magic"}, "^sampler is 'magic': expected one of lsh, uniform, in-batch, full"),
        ({"hidden": [3]}, r"^hidden is \[3\]: expected a tuple"),
        ({"K": 3, "grown": 3}, "^K=3 is a setting of networks with hidden layers, but grown=3 is a "
                               "setting of direct connections: leave one of them out$"),
        ({"scope": "batch", "hidden": ()}, "^scope='batch' is a .* layers, but hidden=.. is a "),
        ({"max_buckets": 12}, "^max_buckets is 12: expected a power of two"),
        ({"catch_up": 1}, "^catch_up is 1: expected true or false"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_a_sentence(said, words):
    with pytest.raises(ConfigError, match=words):
        Config(**said)


@pytest.mark.parametrize("name", sorted(all_known()))
def test_no_value_of_another_type_is_taken(name):
    with pytest.raises(ConfigError, match=rf"^{name} is b'x': expected "):
        Config(**{name: b"x"})


@pytest.mark.parametrize("name", sorted(settings_of(Plan)))
def test_nor_in_a_plan(name):
    with pytest.raises(ConfigError, match=rf"^{name} is b'x': expected "):
        Plan(**{name: b"x"})


def test_the_recipe_asks_the_data_where_settings_leave_it_open():
    dense = replace(SPARSE, is_dense=True)
    assert kind_of(settings_for(SPARSE, lr=0.5)) is DIRECT
    assert kind_of(settings_for(dense, lr=0.5)) is SAMPLED
    assert kind_of(settings_for(dense, hidden=())) is DIRECT
    assert settings_for(SPARSE, lr=0.5).lr == 0.5
    with pytest.raises(ConfigError, match="leave one of them out"):
        settings_for(SPARSE, hidden=(), dropout=0.1)


def test_from_json():
    for config in (Config(hidden=(9, 8), hidden_active=(0, 3)), Config(hidden=(), grown=1)):
        stored = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in config.flat().items()
        }
        assert Config.from_dict(stored, kind_of(config).name) == config
    with pytest.raises(ConfigError, match="learner is 'tree': expected one of sampled, direct"):
        Config.from_dict({}, "tree")
    with pytest.raises(ConfigError, match="unknown setting 'wings'"):
        Config.from_dict({"wings": 2}, "direct")
    with pytest.raises(ConfigError, match="K is no setting of direct connections"):
        Config.from_dict({"K": 2}, "direct")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: Config(0.5), "^training is 0.5: expected a part Training"),
        (lambda c: Config(training=c.learner), "^training is SampledSettings.*: expected a part"),
        (lambda c: Config(refresh=c), "^refresh is Config.*: expected a part Refresh"),
        (
            lambda c: Config(learner=c),
            "^learner is Config.*: expected a part Sampled",
        ),
        (
            lambda c: Config(learner={"K": 1}),
            "^learner is .*: expected a part Sampled",
        ),
        (lambda c: Config(hidden=np.array([8])), "^hidden is array.*: expected a tuple"),
        (lambda c: Config(sampler=np.array(["lsh"])), "^sampler is array.*: expected one of"),
        (lambda c: Config.from_dict([], "direct"), "^config is ..: expected settings by name"),
        (lambda c: Config.from_dict({"epochs": 1}), "^hidden is not there: expected the units"),
        (lambda c: Trainer({"epochs": 1}, None), "^config is .*: expected a slide.Config"),
        (lambda c: Trainer(c.learner, None), "^config is .*: expected a slide.Config"),
    ],
)
def test_what_is_no_setting_at_all_is_a_sentence(call, words):
    with pytest.raises(ConfigError, match=words):
        call(Config())


def test_nothing_is_assigned():
    config = Config(lr=0.5)
    for name in ("lr", "learner", "wings"):
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to '{name}': data"):
            setattr(config, name, 1)
    assert config.lr == 0.5
