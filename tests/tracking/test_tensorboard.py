"""Event files: what TensorBoard shows of a run, of one that goes on, and what is refused."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from events import shown
from interrupted import CONFIGS, TRAIN, VALID
from sharded import group_of, trainer_of

import slide
from slide.core.checkpoints.every import Checkpoints
from slide.core.errors import ConfigError, SlideWarning
from slide.core.runs.watching import Several
from slide.report.tensorboard import MOST_POINTS

CONFIG = CONFIGS["direct"]  # of three steps an epoch
QUICK = "--lr", "1", "--epochs", "2", "--batch-size", "2000", "--backend", "reference"
TIMED = "seconds", "examples_per_second"


class Kept:
    """A watcher that keeps all, and stops a run after a step as a fault would."""

    def __init__(self, at=0):
        self.at, self.records, self.figures = at, [], []

    def on_step(self, step, n_steps):
        if step == self.at:
            raise ArithmeticError("a fault")

    def on_report(self, step, figures):
        self.figures.append(figures)

    def on_evaluation(self, record):
        self.records.append(record)


def run(backend, folder, checkpoints=None, at=0, **more):
    """A run that is shown in a folder, and who kept what was told."""
    kept = Kept(at)
    with slide.TensorBoard(folder, **more) as board:
        watcher = Several(board, kept)
        trainer = slide.Trainer(CONFIG, backend, watcher=watcher, checkpoints=checkpoints)
        trainer.fit(TRAIN, VALID)
    return kept


def untimed(curves):
    return {tag: points for tag, points in curves.items()
            if not any(part in tag for part in TIMED)}  # fmt: skip


def test_a_run_is_shown_by_its_steps_and_epochs(backend, tmp_path):
    kept = run(backend, tmp_path / "deep" / "a")
    curves = shown(tmp_path / "deep" / "a")
    steps = [3, 6, 9]
    for tag, name in {
        "valid/precision_at_1": "precision_at_1", "epoch/loss": "loss",
        "epoch/full_loss": "full_loss", "epoch/from_labels": "from_labels",
        "progress/examples": "examples", "progress/seconds": "seconds",
    }.items():  # fmt: skip
        told = [record[name] for record in kept.records]
        assert curves[tag] == pytest.approx(dict(zip(steps, told, strict=True)), rel=1e-6), tag
    for name in ("loss", "mean_active", "learning_rate"):
        told = {step: each[name] for step, each in enumerate(kept.figures, 1)}
        assert curves[f"step/{name}"] == pytest.approx(told, rel=1e-6)
    first = [curves["step/loss"][step] for step in (1, 2, 3)]
    assert np.mean(first) == pytest.approx(kept.records[0]["loss"], rel=1e-6)
    assert min(curves["step/examples_per_second"].values()) > 0
    assert "| epochs | 3 |" in curves["config/text_summary"][0]
    assert f"seconds/{next(iter(kept.records[0]['seconds_by_kernel']))}" in curves


@pytest.mark.parametrize(("every", "lost"), [("epoch", 0), ("6", 6)])
def test_a_run_that_goes_on_shows_no_point_twice(backend, tmp_path, every, lost):
    """It fails after step 8, of which the last checkpoint is of step 6: after its epoch, or not."""
    run(backend, tmp_path / "undisturbed")
    with pytest.raises(ArithmeticError):
        run(backend, tmp_path / "a", Checkpoints(tmp_path / "c", every), at=8)
    assert sorted(shown(tmp_path / "a")["step/loss"]) == [1, 2, 3, 4, 5, 6, 7, 8]
    for folder in ("a", "elsewhere"):  # where nothing is known of the epochs before
        run(backend, tmp_path / folder, Checkpoints(tmp_path / "c", resume=True))
    whole, found = untimed(shown(tmp_path / "undisturbed")), untimed(shown(tmp_path / "a"))
    for tag in whole:
        if tag.startswith("step/"):
            whole[tag].pop(lost, None)
    assert found == whole
    elsewhere = untimed(shown(tmp_path / "elsewhere"))
    assert elsewhere["epoch/loss"] == whole["epoch/loss"]
    assert elsewhere["config/text_summary"] == whole["config/text_summary"]


def test_another_run_is_shown_in_its_place_alone_if_that_is_said(backend, tmp_path):
    run(backend, tmp_path)
    with pytest.raises(ConfigError, match=r"has events of another run: .* by overwrite=True"):
        run(backend, tmp_path)
    kept = run(backend, tmp_path, overwrite=True)
    last = kept.records[-1]
    assert shown(tmp_path)["progress/seconds"][9] == pytest.approx(last["seconds"])


def test_a_long_run_has_no_more_points_than_are_shown(tmp_path):
    n_steps = 3 * MOST_POINTS - 1
    with slide.TensorBoard(tmp_path) as board:
        board.on_begin({}, 0, [])
        for step in range(1, 31):
            more = {"examples": 10 * step, "seconds": 2 * step, "learning_rate": 1 / step}
            board.on_report(step, {"loss": step, **more})
            board.on_step(step, n_steps)
    curves = shown(tmp_path)
    thirds = range(3, 31, 3)
    assert curves["step/loss"] == {step: step - 1 for step in thirds}
    assert curves["step/examples_per_second"] == dict.fromkeys(thirds, 5)
    assert curves["step/learning_rate"] == pytest.approx({step: 1 / step for step in thirds})


@pytest.mark.slow
def test_shards_are_shown_too(tmp_path):
    with slide.TensorBoard(tmp_path) as board:
        trainer_of(group_of(2), watcher=board).fit(TRAIN, VALID)
    curves = shown(tmp_path)
    assert len(curves["step/loss"]) > len(curves["valid/precision_at_1"]) == 2


def test_a_full_disk_is_said_once_and_training_goes_on(tmp_path):
    def write_event(event):
        raise OSError(28, "No space left on device")

    board = slide.TensorBoard(tmp_path)
    board.on_begin({}, 0, [])
    board.file.close()
    board.file = SimpleNamespace(write_event=write_event)
    record = {"step": 1, "seconds": 1.0, "examples": 3, "seconds_by_kernel": {}}
    with pytest.warns(SlideWarning, match=r"No space left on device.*training goes on"):
        board.on_evaluation(record)
    board.on_evaluation(record)  # a second warning would be an error


def test_the_option_shows_a_run(files, slide):
    trained = "train", "test.txt", "--valid", "test.txt", *QUICK
    assert slide(*trained, "--model", "n", "--tensorboard", "board")[0] == 0
    assert set(shown(files / "board")["valid/precision_at_1"]) == {1, 2}
    code, _, err = slide(*trained, "--model", "o", "--tensorboard", "board")
    assert code == 2
    assert "board has events of another run: choose another --tensorboard, or" in err
    assert slide(*trained, "--model", "o", "--tensorboard", "board", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--tensorboard", "test.txt"],
            "event files to test.txt: it is a file; choose another --tens",
        ),
        (["--tensorboard", "test.txt/a"], "cannot write event files to test.txt/a: "),
        (["--tensorboard", "a", "--distributed", "--combine", "voted"], "leave out one of them"),
        (["--tensorboard", "n"], "is n, the folder of a model, which holds nothing else"),
        (["--tensorboard", "./n/../n"], "the folder of a model"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_is_read(files, slide, options, said):
    code, out, err = slide("train", "none.txt", "--model", "n", *options)
    assert (code, out) == (2, "")
    assert said in err
    assert not (files / "a").exists()


def test_the_extra_is_asked_for(files, slide, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    code, _, err = slide("train", "none.txt", "--model", "n", "--tensorboard", "a")
    assert code == 2
    assert "pip install 'slide-engine[tensorboard]'" in err
