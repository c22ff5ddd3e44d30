"""Options made from settings: what is declared is what `slide train` takes, shows and refuses."""

import json
import re
from typing import get_args

import pytest
from conftest import planted
from typer.main import get_command

from slide.cli import app
from slide.cli.settings import assigned, common_settings, option_of
from slide.core.errors import ConfigError
from slide.core.learners.config import all_known
from slide.core.settings.plan import Plan
from slide.core.settings.setting import settings_of
from slide.data import write

OF_ALWAYS = {
    "--hidden", "--epochs", "--batch-size", "--lr", "--optimizer", "--loss", "--dropout",
    "--sampler", "--scope", "--hash", "--K", "--L", "--strategy", "--active", "--seed",
}  # fmt: skip
"""Options that other programs use."""


def options_of(command):
    """Each option with its parameter, by name."""
    params = get_command(app).commands[command].params
    return {name: param for param in params for name in param.opts}


def test_train_has_an_option_for_each_common_setting():
    options = options_of("train")
    names = {"--" + same[0].name.replace("_", "-") for same in common_settings()}
    assert OF_ALWAYS <= names <= options.keys()
    panels = {options[name].rich_help_panel for name in names}
    assert panels == {
        "Training", "Hidden layers", "Sampled output layer", "Hash tables", "Direct connections",
        "Linear SVMs",
    }  # fmt: skip


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_plan_has_an_option_for_each_of_its_settings(command):
    names = {"--" + name.replace("_", "-") for name in settings_of(Plan)}
    assert names <= options_of(command).keys()


def test_an_option_takes_the_values_that_any_learner_has():
    hint = option_of(all_known()["sampler"]).annotation
    names = get_args(get_args(get_args(hint)[0])[0])
    assert names == ("lsh", "uniform", "in-batch", "full", "index")


def test_help_shows_them_in_panels(slide):
    code, out, _ = slide("train", "--help")
    titles = re.findall(r"─ ([A-Z][\w ]+) ─", out)
    assert code == 0
    assert titles == [
        "Arguments", "Options", "Training", "Hidden layers", "Sampled output layer", "Hash tables",
        "Direct connections", "Linear SVMs", "Worker processes", "Checkpoints", "Several machines",
    ]  # fmt: skip
    assert "Passes over the training set." in out


def test_set_takes_every_setting():
    texts = {
        "hidden": "12,9", "hidden_active": "0,3", "catch_up": "True", "center": "false",
        "hash_bias": "false", "hash_norm": "true", "pairs": "true",
        "layers": "2", "embedding_dim": "8",
    }  # fmt: skip
    whole = {"layers", "embedding_dim"}
    for name, same in all_known().items():
        default = same[0].default
        text = texts.get(name, "0.5" if default is None else str(default))
        value = assigned([f"{name}={text}"])[name]
        undecided = int if name in whole else float
        assert type(value) is (undecided if default is None else type(default))
        same[0].demand(name, value)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("epoch=1", "epochs=1"),
        ("k=3", "K=3"),
        ("learning_rate=2", "lr=2"),
        ("batchsize=", "batch_size="),
    ],
)
def test_set_knows_what_was_meant(said, meant):
    with pytest.raises(ConfigError, match=rf"^--set got '{said}': did you mean {meant}\?$"):
        assigned([said])


@pytest.mark.parametrize("said", ["K", "k", "=3", "wings=2"])
def test_set_wants_a_setting_and_a_value(said):
    with pytest.raises(ConfigError, match=f"^--set got '{said}': expected NAME=VALUE with the"):
        assigned([said])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["--set", "K=two"], "K is 'two': expected a whole number from 1 to 64"),
        (["--set", "center=maybe"], "center is 'maybe': expected true or false"),
        (["--hidden", "8,x"], "--hidden is '8,x': expected whole numbers with commas"),
        (["--K", "2", "--pairs"], "--K 2 is a setting of networks with hidden layers, but --p"),
        (["--set", "K=2", "--set", "K=2"], "--set got K twice: leave one of them out"),
        (
            ["--batch-size", "2", "--set", "batch_size=3"],
            "batch_size is said by --batch-",
        ),
        (["--sampler", "magic"], "'magic' is not one of"),
    ],
)
def test_what_is_wrong_with_one_is_a_sentence(slide, said, words):
    code, out, err = slide("train", "none.txt", "--model", "m", *said)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_flags_and_numbers_reach_the_run(slide, tmp_path):
    write(planted(60, 20), tmp_path / "train.txt")
    said = ["--no-pairs", "--connections", "7", "--idf-power", "0.5", "--epochs", "1"]
    code, out, _ = slide(
        "train", tmp_path / "train.txt", "--model", tmp_path / "m", "--json", *said
    )
    config = json.loads(out)["config"]
    assert (code, config["pairs"], config["connections"], config["idf_power"]) == (0, False, 7, 0.5)
