"""`slide train LOG --sessions` and what follows: logs go in, sessions and names come out."""

import json
import shutil

import numpy as np
import pytest
from interrupted import trained
from typer.testing import CliRunner

from slide.backends import load as load_backend
from slide.cli import app
from slide.core.learners.recipe import recipe
from slide.core.models.model import Model
from slide.data import last_of_sessions, read, read_sessions, sessions

QUICK = ["--epochs", "1", "--cost", "1", "--idf-power", "0", "--backend", "reference"]
N_ITEMS = 6


def write_log(path, n, seed, header="SessionId,ItemId,Time"):
    """Sessions that go from an item to the next one, round and round."""
    rng, lines = np.random.default_rng(seed), [header]
    for session in range(n):
        first = rng.integers(N_ITEMS)
        lines += [f"s{session},i{(first + step) % N_ITEMS},{9 * session + step}"
                  for step in range(rng.integers(2, N_ITEMS + 2))]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")


def write_events(path, events):
    path.write_text("user,item\n" + events.replace(", ", "\n").replace(" ", ",") + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Logs, and the model `m` of the first one."""
    folder = tmp_path_factory.mktemp("logs")
    write_log(folder / "train.csv", 60, 0)
    write_log(folder / "test.csv", 12, 1)
    arguments = ["train", folder / "train.csv", "--sessions", "--valid", folder / "test.csv",
                 "--model", folder / "m", "--json", *QUICK]  # fmt: skip
    ran = CliRunner(env={"SLIDE_BACKEND": None}).invoke(app, list(map(str, arguments)))
    assert ran.exit_code == 0, ran.output
    (folder / "figures.json").write_text(ran.stdout)
    return folder


@pytest.fixture
def logs(made, in_a_folder, monkeypatch):
    """The present folder, with all of that."""
    monkeypatch.setenv("SLIDE_BACKEND", "reference")
    return shutil.copytree(made, in_a_folder, dirs_exist_ok=True)


def answers(out):
    return [json.loads(line) for line in out.splitlines()]


def test_training_and_evaluating_agree_with_python(logs, slide):
    code, out, err = slide("evaluate", "m", "test.csv", "--sessions", "--json")
    assert (code, err) == (0, "")
    scores, figures = json.loads(out), json.loads((logs / "figures.json").read_text())
    assert scores["hit_rate_at_1"] == figures["hit_rate_at_1"] > 0.9
    judged = Model.load("m").evaluate(sessions(*read_sessions("test.csv")))
    assert {name: scores[name] for name in judged} == judged
    code, out, err = slide("evaluate", "m", "test.csv", "--sessions", "--at", "2")
    assert (code, err) == (0, "")
    assert f"HR       {100 * judged['hit_rate_at_3']:6.2f}%" in out


def test_a_line_of_answers_for_each_session(logs, slide):
    code, out, err = slide("predict", "m", "test.csv", "--sessions", "--k", "2")
    assert (code, err) == (0, "")
    who, ends = last_of_sessions(*read_sessions("test.csv"), like=Model.load("m"))
    ids, scores = Model.load("m").predict(ends.x, 2)
    assert [answer["session"] for answer in answers(out)] == who == [f"s{i}" for i in range(12)]
    assert [answer["labels"] for answer in answers(out)] == ends.label_names.of(ids)
    np.testing.assert_allclose([answer["scores"] for answer in answers(out)], scores, rtol=1e-5)


def test_without_repeats_items_of_the_session_are_no_answers(logs, slide):
    write_events(logs / "new.csv", "u i0, u i1, v nothing, w i1, w i0, w i0, w i0, w i0, w i0")
    command = "predict", "m", "new.csv", "--sessions", "--no-repeats", "--k"
    code, out, _ = slide(*command, "9")
    assert code == 0
    seen, unknown, _ = answers(out)
    assert sorted(seen["labels"]) == ["i2", "i3", "i4", "i5"]
    assert len(seen["scores"]) == 4
    assert unknown == {"session": "v", "labels": [], "scores": [], "unknown": True}
    assert seen["labels"][0] == "i2"
    everything = json.loads(slide("evaluate", "m", "test.csv", "--sessions", "--json")[1])
    code, out, err = slide("evaluate", "m", "test.csv", "--sessions", "--no-repeats", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["n_samples"] < everything["n_samples"]


def test_without_repeats_there_are_as_many_answers(logs, slide):
    there_and_back = [f"{n} i{(n + step % 2) % N_ITEMS}" for n in range(60) for step in range(4)]
    write_events(logs / "back.csv", ", ".join(there_and_back))
    assert slide("train", "back.csv", "--sessions", "--model", "b", *QUICK)[0] == 0
    write_events(logs / "new.csv", "u i2, v i0, v i1, v i0, v i1")
    command = "predict", "b", "new.csv", "--sessions", "--k"
    every = [[*zip(answer["labels"], answer["scores"], strict=True)]
             for answer in answers(slide(*command, "6")[1])]  # fmt: skip
    assert [label for label, _ in every[1][:2]] == ["i0", "i1"]  # which the session had
    for k in (1, 2, 4):
        fresh = answers(slide(*command, str(k), "--no-repeats")[1])
        for answer, had, found in zip(every, [{"i2"}, {"i0", "i1"}], fresh, strict=True):
            wanted = [pair for pair in answer if pair[0] not in had][:k]
            assert [*zip(found["labels"], found["scores"], strict=True)] == wanted


def test_items_that_training_never_saw_count_as_missed(logs, slide):
    (logs / "new.csv").write_text("user,item\nu,i0\nu,new\nu,i2\n")
    code, _, err = slide("evaluate", "m", "new.csv", "--sessions")
    assert code == 0
    assert "1 feature in 1 example was never seen in training: left out" in err
    assert "1 label in 1 example was never seen in training: counted as missed" in err
    code, _, err = slide("evaluate", "m", "new.csv", "--sessions", "--strict")
    assert code == 2
    assert "never seen in training" in err


def test_columns_can_be_said(logs, slide):
    write_log(logs / "other.csv", 12, 1, header="a,b,c")
    command = "evaluate", "m", "other.csv", "--sessions", "--json"
    code, out, _ = slide(*command, "--columns", "a,b,c")
    assert code == 0
    assert out == slide("evaluate", "m", "test.csv", "--sessions", "--json")[1]
    code, _, err = slide(*command)
    assert code == 2
    assert "other.csv:1: no column is called session" in err
    assert "--columns SESSION,ITEM,TIME" in err


def test_logs_are_converted(logs, slide):
    code, _, err = slide("convert", "train.csv", "train.txt", "--sessions")
    assert code == 0
    assert "it has no times of events and no names of items, which the log has" in err
    data = sessions(*read_sessions("train.csv"))
    assert (read("train.txt").x.cells() == data.x.cells()).all()
    assert slide("convert", "test.csv", "folder", "--sessions", "--like", "m")[0] == 0
    by_folder = json.loads(slide("evaluate", "m", "folder", "--json")[1])
    assert by_folder == json.loads(slide("evaluate", "m", "test.csv", "--sessions", "--json")[1])


def test_a_run_goes_on_from_its_checkpoints(logs, slide):
    train = sessions(*read_sessions("train.csv"))
    config = recipe(train, cost=1.0, idf_power=0.0, epochs=2)
    assert trained(logs / "n", config, load_backend("reference"), at=1, train=train, every="1000")
    again = "train", "train.csv", "--sessions", "--model", "n", "--backend", "reference"
    code, _, err = slide(*again, "--no-repeats", "--resume")
    assert code == 2  # other examples
    code, _, err = slide(*again, "--resume")
    assert code == 0
    assert "goes on after step" in err
    assert list(Model.load("n").label_names) == list(train.label_names)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--sessions", "--text", "item"], "--text is about other files than logs"),
        (["--sessions", "--labels", "item"], "--labels is about other files"),
        (["--sessions", "--one-based", "labels"], "--one-based is about other files"),
        (["--sessions", "--columns", "a"], "--columns is 'a': expected the names of two or three"),
        (["--columns", "a,b"], "got --columns without --sessions"),
        (["--no-repeats"], "got --no-repeats without --sessions"),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate", "convert"])
def test_options_that_do_not_fit_are_refused(logs, slide, command, arguments, sentence):
    before = {"train": ["train.csv", "--model", "n"], "evaluate": ["m", "train.csv"],
              "convert": ["train.csv", "n"]}[command]  # fmt: skip
    code, out, err = slide(command, *before, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert not (logs / "n").exists()


def test_other_models_and_empty_logs_are_refused(logs, slide, written):
    quick = "--epochs", "1", "--quiet"
    assert slide("train", written / "test.txt", "--model", "n", *quick)[0] == 0
    for command in ("evaluate", "predict"):
        code, _, err = slide(command, "n", "test.csv", "--sessions")
        assert code == 2
        assert "the model n was not trained on one: train it by slide train LOG --sessions" in err
    (logs / "short.csv").write_text("user,item\nu,i0\nv,i1\n")
    code, _, err = slide("train", "short.csv", "--sessions", "--model", "o")
    assert code == 2
    assert "short.csv: no session has two items" in err
    code, _, err = slide("train", "train.csv", "--model", "o")
    assert code == 2
    assert "--sessions" in err
