"""Settings as people say them: each of one part, of the learner that has all that were said."""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from conftest import planted

import slide
from slide.core import learners
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config, all_known, known
from slide.core.learners.kinds import DIRECT, KINDS, SAMPLED, SVM, kind_of
from slide.core.learners.recipe import recipe, settings_for
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
    whole = Config(learner=config.learner, training=config.training)
    for each in (config, whole):
        with pytest.raises(ConfigError, match="unknown setting 'wings'"):
            replace(each, wings=3)
    with pytest.raises(ConfigError, match="K is no setting of direct connections: leave it out"):
        replace(whole, K=3)
    with pytest.raises(ConfigError, match=r"hidden is \(8,\): expected \(\)"):
        replace(whole, hidden=(8,))
    with pytest.raises(
        ConfigError, match=r"^connections=3 is a setting of direct .*, but K=3 is a"
    ):
        replace(config, K=3)


def test_a_replacement_is_as_open_as_what_it_is_of():
    config = Config(epochs=2)
    assert replace(config, seed=3).chosen == {"epochs": 2, "seed": 3}
    assert kind_of(replace(config, pairs=True)) is DIRECT  # nobody asked for hidden layers
    assert repr(replace(config, pairs=True)) == "Config(epochs=2, pairs=True)"
    assert replace(config, learner=DIRECT.settings()).chosen is None
    whole = settings_for(SPARSE, epochs=2)
    assert whole.chosen is replace(whole, seed=3).chosen is None
    assert Config.from_dict(config.flat(), "sampled").chosen is None
    for copied in (copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert copied.chosen == {"epochs": 2}


SAID = [
    (np.int64(2), "epochs", 2), (np.uint8(2), "epochs", 2), (np.float32(0.5), "lr", 0.5),
    (np.float64(0.5), "lr", 0.5), (np.bool_(True), "catch_up", True),
    (np.str_("dwta"), "hash", "dwta"),
    (256, "hidden", (256,)), ([256], "hidden", (256,)), (np.array([8, 4]), "hidden", (8, 4)),
    (np.int32(8), "hidden", (8,)), ([np.int64(8)], "hidden", (8,)),
    (0, "hidden", ()), ([], "hidden", ()),
    (np.int64(7), "connections", 7), (np.float32(4), "cost", 4.0), (3, "hidden_active", (3,)),
]  # fmt: skip


@pytest.mark.parametrize(("said", "name", "meant"), SAID, ids=lambda each: repr(each))
def test_numbers_of_numpy_and_widths_as_people_write_them(said, name, meant):
    exact = Config(**{name: meant})
    for config in (
        Config(**{name: said}),
        settings_for(SPARSE, **{name: said}),
        replace(Config(), **{name: said}),
    ):
        value = getattr(config, name)
        assert value == meant
        assert json.dumps(value) == json.dumps(meant)  # by type, too
    assert Config(**{name: said}) == exact
    assert repr(Config(**{name: said})) == repr(exact)


def test_parts_take_them_as_well():
    plan = Plan(K=np.int64(3), candidates=np.float32(0.5))
    assert (type(plan.K), type(plan.candidates)) == (int, float)
    with pytest.raises(ConfigError, match=r"^Plan has no setting 'prob': did you mean 'probes'\?$"):
        Plan(prob=3)
    with pytest.raises(ConfigError, match=r"^Training has no setting 'wings': expected active, "):
        type(Config().training)(wings=3)


def test_what_nobody_said_is_chosen_for_the_training_set():
    """As the command line does, for each training set anew."""
    few, many = planted(60), planted(500, n_labels=40)
    for said in ({"epochs": 1}, {"epochs": 1, "lr": 2.0}, {"epochs": 1, "hidden": 16, "K": 3}):
        trainer = Trainer(Config(**said), "numba")
        for data in (few, many):
            model, chosen = trainer.fit(data), recipe(data, **said)
            assert model.config == trainer.config == chosen
            assert model.config.chosen is None
        expected = Trainer(chosen, "numba").fit(many).predict(many.x, 3)
        np.testing.assert_array_equal(model.predict(many.x, 3)[1], expected[1])
    assert Trainer(Config(epochs=1), "numba").fit(many).evaluate(many)["precision_at_1"] > 0.9
    dense = Dataset(few.x.dense(), few.y)
    assert kind_of(Trainer(Config(epochs=1, active=20), "numba").fit(dense).config) is SAMPLED


def test_what_is_whole_is_trained_as_it_is():
    data, config = planted(60), settings_for(SPARSE, epochs=1)
    for whole in (config, replace(config, seed=3), Config(learner=SAMPLED.settings(), epochs=1)):
        assert Trainer(whole, "numba").fit(data).config == whole


def test_a_time_budget_is_heard_where_settings_are_chosen(monkeypatch):
    monkeypatch.setattr(
        learners.recipe, "kind_of", lambda config: replace(SVM, seconds=lambda *_: 9)
    )
    data = planted(60)
    config = Trainer(Config(epochs=1), "numba", time_budget=5.0).fit(data).config
    assert kind_of(config) is DIRECT


def test_workers_that_take_steps_get_a_learner_that_takes_them(monkeypatch):
    asked = []

    def stop(config, train, by_steps, time_budget):
        asked.append((config.chosen, by_steps, time_budget))
        raise StopIteration

    monkeypatch.setattr("slide.core.runs.trainer.completed", stop)
    for mode in ("hogwild", "synchronous"):
        with pytest.raises(StopIteration):
            Trainer(Config(epochs=1), slide.load_backend("processes", mode=mode)).fit(planted(9))
    assert asked == [({"epochs": 1}, True, None), ({"epochs": 1}, False, None)]


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
        ({"wings": 2}, "^unknown setting 'wings': expected a setting, such as negatives, "),
        ({"K": 3, "wings": 2}, "^unknown setting 'wings'"),
        ({"sampler": "magic"}, "^sampler is 'magic': expected one of lsh, uniform, in-batch, full"),
        ({"hidden": [3.5]}, "^hidden is 3.5: expected a whole number"),
        ({"hidden": {3}}, "^hidden is .3.: expected a tuple"),
        ({"hidden": True}, "^hidden is True: expected a tuple"),
        ({"epochs": 2.0}, "^epochs is 2.0: expected a whole number"),
        ({"epochs": np.True_}, "^epochs is True: expected a whole number"),
        ({"lr": np.nan}, "^lr is nan: expected a number"),
        ({"epoch": 1}, "^unknown setting 'epoch': did you mean 'epochs'[?]$"),
        ({"k": 1}, "^unknown setting 'k': did you mean 'K'[?]$"),
        ({"learning_rate": 1}, "^unknown setting 'learning_rate': did you mean 'lr'[?]$"),
        ({"sampler": "unifrom"}, "expected one of .*; did you mean 'uniform'[?]$"),
        ({"sampler": "LSH"}, "expected one of .*; did you mean 'lsh'[?]$"),
        ({"optimizer": "dual_descent"}, "did you mean 'dual-descent'[?]$"),
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
        (lambda c: Config(hidden=np.array([[8]])), "^hidden is array.*: expected a tuple"),
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
