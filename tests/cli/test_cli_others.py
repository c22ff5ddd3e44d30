"""`slide demo`, `backends` and `verify` as a whole, and what `import slide` costs."""

import inspect
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from verified_stub import NoBranches

from slide.cli import app


def test_backends_and_verify(slide, monkeypatch):
    monkeypatch.delenv("SLIDE_BACKEND", raising=False)
    monkeypatch.setattr("slide.backends.verifying.running.BranchJob", NoBranches)
    code, out, _ = slide("backends")
    assert code == 0
    assert "* numba" in out
    code, out, _ = slide("verify", "reference", "--examples", "1", "--largest", "200")
    assert code == 0
    assert "sddmm" in out
    assert "fail" not in out


@pytest.mark.filterwarnings("ignore::slide.core.models.unseen.UnseenWarning")  # it is a slice
def test_demo(files, slide, monkeypatch):
    """The demo on a slice of its data: what it says, and what it leaves."""
    from dataclasses import replace

    from slide.data import load_demo

    whole = load_demo()
    rows = np.arange(0, whole.train.n_samples, 40)
    slice_ = replace(whole, train=whole.train.take(rows), test=whole.test.take(rows[:200]))
    monkeypatch.setattr("slide.data.load_demo", lambda: slice_)
    for options, said in ([], "1,084"), (["--examples", "100"], "100"):  # it replaces the first
        code, out, err = slide("demo", *options)
        assert (code, err) == (0, "")
        assert f"\n{said} training and 200 test examples" in out
        assert "P@1" in out
        assert "the network predicts" in out
        assert (files / "out" / "demo" / "weights.safetensors").exists()
    assert slide("evaluate", "out/demo", "none.txt")[0] == 2


def test_demo_spares_a_model_that_is_no_demo(model, files, slide):
    (files / "out").mkdir()
    model.rename(files / "out" / "demo")
    code, _, err = slide("demo")
    assert code == 2
    assert "out/demo exists" in err


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("slide", {"numpy", "scipy", "numba", "rich", "typer", "threadpoolctl"}),
        ("slide.cli", {"scipy", "numba", "hypothesis", "sklearn", "pyarrow"}),
    ],
)
def test_importing_stays_cheap(module, heavy):
    """The heavy libraries are imported where they are used."""
    program = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    printed = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=300)
    assert printed == "\n"


def test_python_m_slide():
    done = subprocess.run(
        [sys.executable, "-m", "slide", "--help"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0
    assert "evaluate" in done.stdout


@pytest.mark.parametrize("command", [each.callback for each in app.registered_commands])
def test_help_fills_a_terminal_of_80_columns(command):
    """Lines of a later paragraph are printed as they are, between frames."""
    for paragraph in inspect.getdoc(command).split("\n\n")[1:]:
        assert textwrap.fill(" ".join(paragraph.split()), 76) == paragraph
