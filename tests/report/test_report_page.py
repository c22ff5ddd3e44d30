"""What stands on the page of `slide report`, for runs of each learner and for old ones."""

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from reported import HOSTILE, HOSTILE_FOLDER, examples, report_in

from slide.report.runs import curves, facts, inside, seconds
from slide.report.runs.charts import Axis, Bars, Line, Lines, Look
from slide.report.runs.drawing import drawn, rounded, writable
from slide.report.runs.evaluating import sampled_recall
from slide.report.runs.page import PANELS, title_of
from slide.report.runs.reading import read_runs, record_of

VOID = {"meta", "br", "img", "path", "use"}


class Outline(HTMLParser):
    """Elements of a page by name, with their attributes, and the text of all."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self.open = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        if name not in VOID:
            assert self.open.pop() == name

    def handle_data(self, text):
        if "style" not in self.open:
            self.text.append(text)

    def named(self, name):
        return [attributes for each, attributes in self.elements if each == name]


def squeezed(text):
    """Without the spaces that stand between elements, or between words."""
    return "".join(text.split())


@pytest.fixture(scope="module")
def report(run_folders):
    return report_in(run_folders)


@pytest.fixture(scope="module")
def outline(report):
    return Outline(report.page)


@pytest.fixture(scope="module")
def told(outline):
    return " ".join(" ".join(outline.text).split())


def test_figures_of_all_panels_are_there(report, outline):
    expected = {
        *(f"precision-at-{k}-{x}" for k in (1, 3, 5) for x in ("seconds", "examples")),
        "loss", "full-loss", "learning-rate", "active", "active-shares", "occupancy",
        "occupancy-gini", "time-phases", "time-kernels", "recall-probe", "parts", "frequency",
        "reliability",
    }  # fmt: skip
    assert set(report.pictures) == expected
    assert all(picture.startswith(b"\x89PNG") for picture in report.pictures.values())
    drawings = outline.named("svg")
    assert len(drawings) == len(expected)
    assert all(each["role"] == "img" and len(each["aria-label"]) > 20 for each in drawings)
    assert len(outline.named("section")) == len(PANELS)


def test_the_page_asks_for_nothing_and_is_small(report, outline):
    assert len(report.page.encode()) < 2e6
    assert "://" not in report.page
    assert "default-src 'none'" in report.page
    assert not {"script", "img", "link", "iframe", "object"} & {
        name for name, _ in outline.elements
    }
    links = [a["href"] for a in outline.named("a")]
    links += [use["href"] for use in outline.named("use")]
    links += [f"#{name}" for name in re.findall(r"url\(#([^)]*)\)", report.page)]
    ids = Counter(each["id"] for _, each in outline.elements if "id" in each)
    assert max(ids.values()) == 1
    assert {link[1:] for link in links} <= set(ids)


def test_a_screen_reader_finds_its_way(outline):
    assert outline.named("html") == [{"lang": "en"}]
    levels = [int(name[1]) for name, _ in outline.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper <= before + 1 for before, deeper in pairwise(levels))
    assert len(outline.named("caption")) == len(outline.named("table"))
    assert all(head["scope"] in ("col", "row") for head in outline.named("th"))
    assert all(frame.get("tabindex") == "0" for frame in outline.named("div") if "role" in frame)


def test_names_are_text_whatever_they_are(told):
    assert HOSTILE in told
    assert HOSTILE_FOLDER in told


def test_numbers_are_those_of_the_runs(run_folders, told):
    for name in ("steps", "hidden"):
        lines = (run_folders / name / "metrics.jsonl").read_text().splitlines()
        for record in map(json.loads, lines):
            assert f"{100 * record['precision_at_5']:.2f} %" in told
            assert f"{100 * record['tail_recall_at_5']:.2f} %" in told
    judged = json.loads((run_folders / "steps" / "run.json").read_text())["judged"]
    assert f"B {100 * judged['reliability']['error']:.2f} %" in told
    first = judged["confusions"][0]
    assert f"{first['name']} {first['named_name']} {first['n']}" in told


def test_what_is_missing_says_why_and_what_to_type(report, told):
    missing = report.summary["missing"]
    assert missing["learning-rate"] == [
        "A: none, for each label is solved to its optimum, not by steps.",
        "F: no metrics.jsonl is there: train by `slide train`, which keeps one.",
    ]
    for panel, to_type in (("reliability", "--data FILE"), ("machine", "train again")):
        (sentence,) = missing[panel]
        assert sentence.startswith("E and F: ")
        assert to_type in sentence
    assert "E" not in " ".join(missing["precision"])
    for sentences in missing.values():
        for sentence in sentences:
            assert squeezed(sentence.replace("`", "")) in squeezed(told)


def test_differences_and_the_best_are_told(run_folders, told):
    runs = read_runs([run_folders / name for name in ("steps", "hidden")])
    different = facts.differing(runs)
    assert different["lr"] == ["2.0", "0.05"]
    assert different["hidden"][1] == "[8]"
    assert different["sampler"] == ["index", "lsh"]
    assert "epochs" not in different
    assert "same training set" in facts.data_in_words(runs)
    best = max(runs, key=lambda run: run.score(1)).letter
    assert facts.best_in_words(runs).startswith(f"{best} has the best P@1")
    mixed = read_runs([run_folders / name for name in ("solved", "steps")])
    assert "not to be compared" in facts.best_in_words(mixed)


def test_ties_are_told_and_how_far_chance_goes(run_folders):
    (run,) = read_runs([run_folders / "steps"])
    judged = dict(run.judged, n_examples=400)
    runs = [replace(run, letter=letter, judged=judged) for letter in "ABC"]
    assert facts.best_in_words(runs).startswith("A, B and C have the best P@1")
    behind = replace(runs[1], measured={"precision_at_1": 0.4})
    ahead = replace(runs[0], measured={"precision_at_1": 0.5})
    told = facts.best_in_words([behind, ahead])
    assert "10.00 points above B (of 400 examples, so that one standard error of a score" in told
    assert "is 2.50)" in told
    many = [replace(each, judged=dict(judged, n_examples=4000)) for each in (behind, ahead)]
    assert "standard error" not in facts.best_in_words(many)


def test_settings_that_training_chose_are_told(run_folders):
    (run,) = read_runs([run_folders / "solved"])
    said = record_of(run.description["config"])
    assert {"centroid", "layers"} <= {name for name, value in said.items() if value is None}
    assert (run.config["centroid"], run.config["layers"]) == (run.last["centroid"], 1)
    (steps,) = read_runs([run_folders / "steps"])
    assert not {name for one in (run, steps) for name, each in one.config.items() if each is None}


def test_pieces_of_time_add_up_and_occupancy_is_of_each_learner(run_folders):
    runs = read_runs([run_folders / name for name in ("solved", "steps", "hidden")])
    chart = seconds.kernels_chart(runs)
    for row in range(len(runs)):
        assert sum(lengths[row] for _, lengths in chart.pieces) == pytest.approx(1)
    assert [inside.prefix_of(run) for run in runs] == ["list_", "list_", "bucket_"]
    phases = seconds.phases_of(runs[0])
    assert phases["load"] == 0.25
    assert set(phases) >= {"load", "train", "evaluate", "calibrate"}


def test_sampled_answers_are_compared_with_exact_ones():
    class FindsEverySecond:
        network = SimpleNamespace(n_labels=12)

        def ranked(self, x, k, sampled=False):
            ids = np.tile(np.arange(k, dtype=np.int32), (x.n_rows, 1))
            return np.where(sampled & (ids % 2 == 1), -1, ids), ids

    found = sampled_recall(FindsEverySecond(), examples(9))
    assert found == {
        "recall_at_1": 1.0, "recall_at_3": 2 / 3, "recall_at_5": 3 / 5, "recall_at_10": 1 / 2,
    }  # fmt: skip


def test_coordinates_are_rounded_and_numbers_are_not():
    drawn = '<path d="M 1.23456 -0.5"/><text x="3.999">0.0012</text>'
    assert rounded(drawn) == '<path d="M 1.23 -0.5"/><text x="3.99">0.0012</text>'


def test_one_run_and_the_least_of_all_have_pages(run_folders):
    for names in (["saved"], ["old"]):
        outline = Outline(report_in(run_folders, names).page)
        assert len(outline.named("section")) == len(PANELS)


def test_damaged_lines_are_told_by_run_and_number(tmp_path, run_folders):
    folder = shutil.copytree(run_folders / "steps", tmp_path / "m")
    damaged = {"epoch": 3, "seconds": "no", "loss": [1], "mean_active": None}
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(damaged) + "\n")
    missing = report_in(tmp_path, ["m"]).summary["missing"]["precision"]
    assert missing == [
        "A: line 3 of metrics.jsonl is damaged: what is said there of seconds and loss is no "
        "number, and all panels leave it out."
    ]
    assert not any(map(curves.damage_in_words, read_runs([run_folders / "steps"])))


def test_bars_leave_compiling_out_and_say_so(run_folders):
    (run,) = read_runs([run_folders / "steps"])
    compiled = replace(run, told=run.told | {"seconds": run.told["seconds"] | {"compile": 26.7}})
    panel = seconds.times([compiled])
    assert "compiling kernels" not in dict(panel.charts[0].pieces)
    assert "seconds of it: A 26.7." in panel.about
    assert "compiling kernels" in panel.tables[0].heads


def test_long_titles_are_a_number_of_runs(run_folders):
    (run,) = read_runs([run_folders / "steps"])
    assert title_of([run]) == "Report of steps"
    assert title_of([replace(run, name="x" * 40)] * 3) == "Report of 3 runs"


def test_axes_are_named_in_round_steps():
    line = Line("A: m", Look("#000", "-", "o"), ((4000.0, 0.12), (34000.0, 0.9)))
    svg = drawn(Lines("c", "t", Axis("examples"), Axis("share"), (line,))).svg
    assert {"10k", "20k", "30k", "0.2", "0.4", "0.6", "0.8"} <= set(
        re.findall(">([^<]+)</text>", svg)
    )


def test_letters_that_no_font_has_are_no_boxes_and_no_warnings():
    name = "Größe \u0378 \U0010fffd\n"
    assert writable(name) == "Größe ? ??"
    line = Line(name, Look("#000", "-", "o"), ((0.0, 1.0), (1.0, 2.0)))
    assert "Größe ? ??" in drawn(Lines("c", "t", Axis("x"), Axis("y"), (line,))).svg
    assert drawn(Bars("b", "t", Axis("x"), (name,), ((name, (1.0,)),))).png


def test_numbers_of_no_sense_are_left_out(tmp_path, run_folders):
    folder = shutil.copytree(run_folders / "steps", tmp_path / "m")
    odd = {"epoch": 1, "seconds": "no", "precision_at_1": float("inf"), "loss": float("nan"),
           "examples": 10**400, "seconds_by_kernel": [1], "mean_active": True}  # fmt: skip
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(odd) + "\n")
    (folder / "run.json").write_text(json.dumps({
        "judged": {"by_part": 3, "by_frequency": [1], "reliability": [], "confusions": [{"n": []}]},
        "seconds": {"train": None}, "machine": "x", "figures": [],
    }))  # fmt: skip
    report_in(tmp_path, ["m"])
