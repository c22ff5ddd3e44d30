"""What docs/tracking.md says to trackers, and what any watcher is told."""

import sys
from pathlib import Path

import pytest
import trackers
from documented import FENCE
from interrupted import CONFIGS, TRAIN, VALID
from quick_runs import Watcher

import slide
from slide.core.checkpoints.every import Checkpoints
from slide.data.bundled import Demo

PAGE = Path(__file__).parents[2] / "docs" / "tracking.md"
CONFIG = CONFIGS["direct"]
CHOSEN = CONFIG.flat() | {"layers": 1, "embedding_dim": 0}  # as it is for these examples


def run_block_of(name, monkeypatch):
    """Run the block of the page that imports a tracker, over a stand-in; what was called."""
    (block,) = (
        body for _, language, body in FENCE.findall(PAGE.read_text())
        if language == "python" and f"import {name}\n" in body
    )  # fmt: skip
    module = getattr(trackers, name)()
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(slide, "load_demo", lambda: Demo(TRAIN, VALID, [], [], "made up"))
    monkeypatch.setattr(slide, "Config", lambda epochs: CONFIG)
    exec(compile(block, str(PAGE), "exec"), {"__name__": "page"})
    return module


@pytest.fixture(autouse=True)
def place(in_a_folder, monkeypatch):
    monkeypatch.setenv("SLIDE_BACKEND", "reference")


def test_mlflow_has_settings_scores_and_the_model(monkeypatch):
    calls = run_block_of("mlflow", monkeypatch).calls
    assert [call[0] for call in calls] == [
        "start_run", "log_params", *3 * ["log_metrics"], "log_artifacts", "end_run",
    ]  # fmt: skip
    assert calls[1][1] == CHOSEN
    assert [call[2] for call in calls[2:5]] == [3, 6, 9]
    assert 0 <= calls[4][1]["precision_at_1"] <= 1
    assert Path(calls[5][1], "weights.safetensors").exists()


def test_wandb_has_settings_steps_and_scores(monkeypatch):
    module = run_block_of("wandb", monkeypatch)
    assert module.config == CHOSEN
    assert module.calls[0] == ("init", "slide")
    assert module.calls[-1] == ("finish",)
    logged = module.calls[1:-1]
    assert [step for *_, step in logged] == [1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9]
    assert logged[0][1]["step/loss"] > 0
    assert "precision_at_1" in logged[3][1]


class Begun(Watcher):
    """A watcher that stops a run after a step, and keeps what it began with."""

    def __init__(self, at=0):
        super().__init__()
        self.at, self.begun = at, []

    def on_begin(self, config, step, records):
        self.begun.append((config, step, records))

    def on_step(self, step, n_steps):
        super().on_step(step, n_steps)
        if step == self.at:
            raise KeyboardInterrupt


def test_what_was_before_a_checkpoint_is_told_at_the_beginning_or_again(backend, tmp_path):
    def run(watcher, **asked):
        checkpoints = Checkpoints(tmp_path / "c", **asked)
        slide.Trainer(CONFIG, backend, watcher=watcher, checkpoints=checkpoints).fit(TRAIN)

    first, second, plain = Begun(at=7), Begun(at=8), Watcher()
    with pytest.raises(KeyboardInterrupt):
        run(first, every="epoch")
    assert first.begun == [(CHOSEN, 0, [])]
    with pytest.raises(KeyboardInterrupt):
        run(second, resume=True)
    assert second.begun == [(CHOSEN, 7, first.records)]
    assert second.records == []
    run(plain, resume=True)
    assert plain.records[:2] == first.records
    assert len(plain.records) == 3
