"""What the command line refuses: exit code 2, one sentence, and nothing left behind."""

from inspect import signature
from typing import get_args

import pytest
from typer.models import OptionInfo

from slide.cli import COMMANDS
from slide.cli.settings import common_settings
from slide.core.learners.config import all_known

HEADER = "3 4 5\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["train"], "Missing"),
        (["train", "train.txt.gz"], "--model"),
        (["train", "none.txt", "--model", "n"], "none.txt: there is no such file"),
        (["train", "bad.txt", "--model", "n"], "bad.txt:2: "),
        (["train", "train.txt.gz", "--valid", "bad.txt", "--model", "n"], "bad.txt:2: "),
        (["train", "train.txt.gz", "--model", "m"], "m exists"),
        (["train", "train.txt.gz", "--model", "."], "exists"),
        (["train", "train.txt.gz", "--model", "n", "--hidden", "-1"], "hidden is -1"),
        (["train", "train.txt.gz", "--model", "n", "--hidden", "many"], "--hidden is 'many'"),
        (["train", "train.txt.gz", "--model", "n", "--hash", "md5"], "--hash"),
        (["train", "train.txt.gz", "--model", "n", "--set", "wings=2"], "--set got 'wings=2'"),
        (["train", "train.txt.gz", "--model", "n", "--set", "probes"], "--set got 'probes'"),
        (["train", "train.txt.gz", "--model", "n", "--set", "probes=no"], "probes is 'no'"),
        (["train", "train.txt.gz", "--model", "n", "--set", "center=no"], "center is 'no'"),
        (["evaluate", "m", "train.txt.gz", "--sampled", "--probes", "99"], "probes is 99"),
        (["evaluate", "m", "test.txt", "--L", "9", "--insert", "test.txt"], "--L and --insert"),
        (["evaluate", "m", "test.txt", "--sampled", "--insert", "bare.txt"], "nothing to insert"),
        (["evaluate", "m", "test.txt", "--sampled", "--insert", "empty.txt"], "nothing to insert"),
        (["train", "train.txt.gz", "--model", "n", "--sampler", "magic"], "magic"),
        (["train", "train.txt.gz", "--model", "n", "--backend", "magic"], "unknown backend"),
        (["train", "train.txt.gz", "--model", "n", "--time-budget", "-1"], "--time-budget is -1"),
        (["train", "train.txt.gz", "--model", "n", "--threads", "0"], "threads"),
        (["train", "train.txt.gz", "--model", "n", "--lr", "nan"], "lr is nan"),
        (["train", "train.txt.gz", "--model", "n", "--resume"], "--resume"),
        (["train", "small.txt", "--valid", "test.txt", "--model", "n", "--strict"], "never seen"),
        (["evaluate", "none", "test.txt"], "not a model folder"),
        (["evaluate", "m", "none.txt"], "none.txt: there is no such file"),
        (["evaluate", "m", "wide.svm", "--strict"], "wide.svm: 1 feature in 1 example was never"),
        (["predict", "m", "test.txt", "--k", "0"], "k is 0"),
        (["predict", "m", "test.txt", "--out", "no/such/p.txt"], "no/such/p.txt"),
        (["convert", "test.txt", "train.txt.gz"], "exists"),
        (["convert", "bad.txt", "n.npz"], "bad.txt:2: "),
        (["verify", "magic"], "unknown backend"),
        (["report"], "report"),
        (
            ["predict", "none", "none.txt", "--out", "test.txt/p.txt"],
            "test.txt/p.txt: the operating",
        ),
        (["predict", "none", "none.txt", "--out", "no/such/p.txt"], "no/such/p.txt: there is no"),
        (["predict", "none", "none.txt", "--out", "p" * 250], "ppp: the operating system refuses"),
        (["predict", "m", "empty.txt"], "empty.txt: there is no example, expected one at least"),
        (["evaluate", "m", "empty.txt"], "there is no example"),
        (["convert", "none.txt", "no/such/n.npz"], "no/such/n.npz: there is no"),
        (["convert", "none.txt", "test.txt/n"], "test.txt/"),
        (["export", "none", "no/such/m.onnx"], "no/such/m.onnx: there is no"),
        (["freeze", "none", "test.txt/f"], "cannot make a model folder in"),
        (["train", "none.txt", "--model", "test.txt/m"], "cannot make a model folder in"),
        (["demo", "--model", "test.txt/m"], "cannot make a model folder in"),
        (["verify", "numba", "--html", "no/such/v.html"], "no/such/v.html: expected a file in"),
        (["verify", "numba", "--html", "p" * 250 + ".html"], "p.html: the operating system"),
        (["verify", "numba", "--html", "v.txt"], "v.txt: expected a name that ends in .html"),
        (["report", "m", "--out", "r.txt"], "r.txt: expected a name that ends in .html"),
        (["predict", "m", "test.txt", "--out", "p.npz"], "p.npz: lines of text are written"),
        (["bench", "numba", "--json", "p" * 250], "ppp: the operating system refuses"),
    ],
)
def test_bad_usage_is_one_sentence_and_leaves_nothing(model, files, slide, test_set, args, words):
    n_columns = f"{test_set.n_features} {test_set.n_labels}"
    (files / "bare.txt").write_text(f"1 {n_columns}\n 0:1\n")
    (files / "empty.txt").write_text(f"0 {n_columns}\n")
    (files / "bad.txt").write_text(HEADER + "1 9:1\n\n\n")
    (files / "small.txt").write_text(HEADER + "1 0:1\n\n\n")
    (files / "wide.svm").write_text("1 9999:1\n")
    before = sorted(files.rglob("*"))
    code, out, err = slide(*args)
    assert (code, out) == (2, "")
    assert words in err
    assert err.startswith("slide: ")
    assert err.count("\n") == 1
    assert sorted(files.rglob("*")) == before


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["m"], "m exists"),
        (
            ["n", "--hidden", "0", "--scope", "batch"],
            "--hidden 0 is a setting of direct connections and of linear SVMs, but --scope batch",
        ),
        (["n", "--hidden", "-1"], "hidden is -1"),
        (["n", "--backend", "x"], "'x'"),
    ],
)
def test_train_refuses_before_it_reads_the_data(model, slide, args, words):
    code, _, err = slide("train", "none.txt", "--model", *args)
    assert code == 2
    assert words in err


@pytest.mark.parametrize("name", [".", "/"])
def test_no_name_for_a_file(files, slide, name):
    code, _, err = slide("convert", "test.txt", name)
    assert code == 2
    assert "no name for a file" in err


PATHS = [
    (command.__name__, each.name)
    for command in COMMANDS
    for each in signature(command, eval_str=True).parameters.values()
    if "Path" in str(get_args(each.annotation)[:1])
]


def as_typed(each, value):
    """A parameter of a command with its value."""
    is_option = isinstance(get_args(each.annotation)[1], OptionInfo)
    return [f"--{each.name.replace('_', '-')}", value] if is_option else [value]


@pytest.mark.parametrize(("command", "name"), PATHS)
def test_an_empty_path_is_not_the_present_folder(in_a_folder, slide, command, name):
    own = signature(next(each for each in COMMANDS if each.__name__ == command), eval_str=True)
    words = []
    for each in own.parameters.values():
        if each.default is each.empty or each.name == name:
            words += as_typed(each, "" if each.name == name else "1")
    code, out, err = slide(command, *words)
    assert (code, out) == (2, "")
    assert "is '', which is no name for a file or folder" in err
    assert list(in_a_folder.iterdir()) == []


def test_names_that_are_none_get_the_nearest_and_not_dozens(slide):
    code, _, err = slide("train", "x", "--model", "n", "--set", "nosuch=1")
    assert code == 2
    assert "such as epochs, loss, " in err
    assert "(`python -m slide.report.settings` lists all)" in err
    assert len(err) < 200
    _, _, err = slide("train", "x", "--model", "n", "--valid", "x", "--keep", "best",
                      "--metric", "precison_at_1")  # fmt: skip
    assert "did you mean 'precision_at_1'?" in err
    assert len(err) < 250
    _, _, err = slide("train", "x", "--model", "n", "--backend", "nunba")
    assert "or module:Class; did you mean 'numba'?" in err


def test_no_arguments_print_the_help(slide):
    code, _, err = slide()
    assert code == 2
    assert "slide: " not in err


OWN = {same[0].name for same in common_settings()}


@pytest.mark.parametrize("name", all_known())
def test_a_refusal_names_the_option_to_change(files, slide, name):
    """By its own option or by --set: no number may be so low, and no name is so called."""
    option = "--" + name.replace("_", "-")
    of_numbers = not isinstance(all_known()[name][0].default, str | bool)
    value = "-999999" if of_numbers else "no-such"
    given = ["--set", f"{name}={value}"]
    code, _, err = slide("train", "none.txt", "--model", "n", *given)
    assert code == 2
    said = option if name in OWN else f"--set {name}"
    assert err.startswith(f"slide: {said} is {value if of_numbers else repr(value)}"), err
    assert ": expected" in err
    if name in OWN and not isinstance(all_known()[name][0].default, bool):
        code, _, err = slide("train", "none.txt", "--model", "n", option, value)
        assert (code, err.startswith(f"slide: {option}")) == (2, True), err
        assert "Value error" not in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["train", "none.txt", "--model", "n", "--lr", "x"], "--lr: expected a number (see slide"),
        (["train", "none.txt", "--model", "n", "--threads", "x"], "--threads: expected an integer"),
        (["train", "none.txt", "--model", "n", "--threads", "0"],
         "--threads: expected a number greater than or equal to 1 (see slide train --help)"),
        (["train", "none.txt", "--model", "n", "--combine", "mean"],
         "--combine: 'mean' is not one of 'averaged', 'voted' (see slide train --help)"),
        (["train", "none.txt", "--model", "n", "--cost", "1", "--lr", "2"],
         "--lr 2.0 is a setting of networks with hidden layers and of direct connections, but "
         "--cost 1.0 is"),
        (["train", "none.txt", "--model", "n", "--keep", "best"],
         "--keep best needs examples to measure precision_at_1 on: give a validation set by --v"),
        (["predict", "m", "test.txt", "--k", "0"], "--k is 0: expected"),
    ],
)  # fmt: skip
def test_sentences_speak_of_options(model, files, slide, args, words):
    code, _, err = slide(*args)
    assert code == 2
    assert words in err


def test_a_file_that_is_gone_is_named_once(model, slide):
    (model / "weights.safetensors").unlink()
    code, _, err = slide("evaluate", "m", "test.txt")
    assert code == 2
    told = "cannot read m/weights.safetensors: No such file or directory; copy the whole folder"
    assert err == f"slide: {told}\n"
