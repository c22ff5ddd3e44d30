"""`slide train LOG --loss saros` and what follows: clicks go in, users and names come out."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from slide.cli import app
from slide.core.models.model import Model
from slide.data import blocks, earlier, held_out, last_of_users, read, read_clicks

QUICK = ["--loss", "saros", "--epochs", "2", "--backend", "reference"]
HELD = ["--clicks", "--hold-out", "0.4"]
N_ITEMS = 8


def write_log(path, n, seed):
    """Users who click even items, or odd ones, and are shown all; ratings above 3 are clicks."""
    rng, lines = np.random.default_rng(seed), ["user,item,rating,time"]
    for user in range(n):
        shown = rng.permutation(N_ITEMS)
        lines += [f"u{user},i{item},{1 + 3 * ((item + user) % 2)},{9 * user + step}"
                  for step, item in enumerate(shown)]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A log, and the model `m` of the first three fifths of each user's events."""
    folder = tmp_path_factory.mktemp("clicks")
    write_log(folder / "log.csv", 60, 0)
    arguments = ["train", folder / "log.csv", "--clicked-from", "4", "--hold-out", "0.4",
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


def evaluated(slide, *options):
    code, out, _ = slide("evaluate", "m", "log.csv", "--clicked-from", "4", "--json", *options)
    assert code == 0
    return json.loads(out)


def test_one_command_trains_on_the_past_and_is_judged_on_what_follows(logs, slide):
    figures, scores = json.loads((logs / "figures.json").read_text()), evaluated(slide, *HELD)
    model, log = Model.load("m"), read_clicks("log.csv", clicked_from=4)
    assert model.config.loss == "saros"
    assert model.n_samples == blocks(*log.take(earlier(log.users, log.times, share=0.4))).n_samples
    later = held_out(*log, share=0.4, like=model)
    judged = model.evaluate(later)
    assert {name: scores[name] for name in judged} == judged
    assert scores["n_samples"] == later.n_samples
    assert scores["map_at_3"] == figures["map_at_3"]
    code, out, err = slide("evaluate", "m", "log.csv", "--clicked-from", "4", *HELD, "--at", "3")
    assert (code, err) == (0, "")
    assert f"MAP      {100 * judged['map_at_3']:6.2f}%" in out


def test_the_best_epoch_on_what_is_held_out_can_be_kept(logs, slide):
    code, out, _ = slide("train", "log.csv", "--clicked-from", "4", "--hold-out", "0.4", "--model",
                         "n", *QUICK, "--keep", "best", "--metric", "map_at_3")  # fmt: skip
    assert code == 0
    kept = float(out.split("Kept epoch")[1].split(",")[1].split()[0])
    code, out, _ = slide("evaluate", "n", "log.csv", "--clicked-from", "4", *HELD, "--json")
    assert json.loads(out)["map_at_3"] == pytest.approx(kept, abs=1e-4)


def test_what_was_shown_is_ranked_alone(logs, slide):
    scores = evaluated(slide, *HELD, "--shown")
    model = Model.load("m")
    later = held_out(*read_clicks("log.csv", clicked_from=4), share=0.4, like=model)
    logits, each = model.scores(later.x, later.y), []
    for row in range(later.n_samples):
        shown, clicked = logits.row(row)[1], later.y.row(row)[1] > 0
        hits = clicked[np.argsort(-shown, kind="stable")][:3]
        precisions = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        average = (hits * precisions).sum() / min(3, clicked.sum())
        each.append((average, hits.sum() / 3))
    assert [scores[name] for name in ("map_at_3", "precision_at_3")] == pytest.approx(
        np.mean(each, axis=0)
    )
    assert scores["precision_at_3"] < 0.9  # not all that was shown was clicked
    assert scores["map_at_3"] > 0.95 > evaluated(slide, *HELD)["map_at_3"]  # tastes are learned


def test_blocks_are_judged_where_nothing_is_held_out(logs, slide):
    model = Model.load("m")
    judged = model.evaluate(blocks(*read_clicks("log.csv", clicked_from=4), like=model))
    scores = evaluated(slide, "--clicks")
    assert {name: scores[name] for name in judged} == judged


def test_a_line_of_answers_for_each_user_known_or_new(logs, slide):
    (logs / "new.csv").write_text("user,item,click\nnew,i0,1\nnew,i1,0\nother,i7,1\nnobody,x,1\n")
    code, out, _ = slide("predict", "m", "new.csv", "--clicks", "--k", "3")
    assert code == 0
    new, other, nobody = map(json.loads, out.splitlines())
    assert nobody == {"user": "nobody", "labels": [], "scores": [], "unknown": True}
    assert {int(label[1:]) % 2 for label in new["labels"]} == {0}
    assert {int(label[1:]) % 2 for label in other["labels"]} == {1}
    who, ends = last_of_users(*read_clicks("new.csv"), like=Model.load("m"))
    ids, scores = Model.load("m").predict(ends.x.take(np.arange(2)), 3)
    assert [new["user"], other["user"], "nobody"] == who
    assert [new["labels"], other["labels"]] == ends.label_names.of(ids)
    np.testing.assert_allclose([new["scores"], other["scores"]], scores, rtol=1e-5)
    code, out, _ = slide("predict", "m", "new.csv", "--clicks", "--k", "8", "--no-repeats")
    assert code == 0
    assert sorted(json.loads(out.splitlines()[0])["labels"]) == [f"i{n}" for n in range(2, 8)]


def test_logs_are_converted_with_what_was_skipped(logs, slide):
    code, _, err = slide("convert", "log.csv", "rows.npz", "--clicks", "--clicked-from", "4")
    assert code == 0
    assert "it has no times of events and no names of items" in err
    data = blocks(*read_clicks("log.csv", clicked_from=4))
    assert (read("rows.npz").y.values == data.y.values).all()


def test_other_files_with_that_loss_are_read_as_ever(logs, slide, written):
    assert slide("train", written / "test.txt", "--model", "n", *QUICK, "--quiet")[0] == 0
    code, _, err = slide("evaluate", "n", "log.csv", "--clicks")
    assert code == 2
    assert "--clicks reads a log, but the model n was not trained on one" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--clicked-from", "4"], "got --clicked-from without --clicks"),
        (["--hold-out", "0.2"], "got --hold-out without --clicks"),
        (["--clicks", "--sessions"], "got --sessions and --clicks"),
        (["--clicks", "--text", "item"], "--text is about other files than logs, and --clicks"),
        (["--clicks", "--columns", "a,b"], "--columns is 'a, b': expected the names of three or"),
        (["--clicks", "--clicked-from", "nan"], "--clicked-from is nan: expected a number"),
        (["--clicks", "--hold-out", "1"], "--hold-out is 1.0: expected a number between 0 and 1"),
        (["--clicks"], "log.csv:2: 'rating' is '1'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_options_that_do_not_fit_are_refused(logs, slide, command, arguments, sentence):
    if sentence.startswith("log.csv"):
        (logs / "log.csv").write_text("user,item,rating\nu,7,3\n")
        sentence = "log.csv:2: 'rating' is '3', expected 0 or 1, or false or true: say --clicked-"
    before = {"train": ["log.csv", "--model", "n"], "evaluate": ["m", "log.csv"]}[command]
    code, out, err = slide(command, *before, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert not (logs / "n").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "none.csv", "--model", "n", "--loss", "saros"], "none.csv: no user clicked an "
         "item after skipping another, so that nothing is to be learned"),
        (["train", "none.csv", "--model", "n", "--loss", "saros", "--hold-out", "0.2", "--valid",
          "log.csv"], "--valid and --hold-out both say"),
        (["evaluate", "m", "none.csv", *HELD], "none.csv: no user clicked an item in the part"),
        (["evaluate", "m", "log.csv", "--shown"], "got --shown without --clicks"),
        (["evaluate", "m", "log.csv", "--clicks", "--shown", "--sampled"], "--shown and --sampled"),
        (["train", "none.csv", "--model", "n"], "--sessions or --clicks on a log"),
    ],
)  # fmt: skip
def test_logs_without_clicks_and_options_against_each_other(logs, slide, arguments, sentence):
    (logs / "none.csv").write_text("user,item,click\nu,i0,1\nu,i1,0\nu,i1,0\n")
    code, _, err = slide(*arguments)
    assert code == 2
    assert sentence in err
    assert not (logs / "n").exists()


def test_who_forgets_that_a_file_is_a_log_is_told(logs, slide):
    said = ["train", "log.csv", "--clicked-from", "4", "--model", "told", *QUICK]
    assert "slide evaluate told FILE --clicks, slide predict told FILE --clicks" in slide(*said)[1]
    code, out, err = slide("evaluate", "m", "log.csv")
    assert (code, out) == (2, "")
    assert "say --sessions or --clicks of a log" in err
