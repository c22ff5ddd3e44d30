"""Interrupts, hang-ups and readers that leave: what a process is told, and what it makes of it."""

import os
import signal
import subprocess
import sys
import warnings

import pytest
from conftest import CLI_QUICK

from slide.__main__ import main
from slide.core.errors import SlideWarning


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_interrupt_is_a_sentence(files, slide, monkeypatch, name):
    def interrupt(*args, **kwargs):
        signal.raise_signal(getattr(signal, name))

    if name == "SIGINT":  # what runs in the background may have inherited that it is ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr("slide.core.runs.epochs.Epochs.epoch", interrupt)
    before = sorted(files.rglob("*"))
    code, _, err = slide("train", "train.txt.gz", "--model", "n")
    assert code == 130
    assert err == "slide: interrupted, nothing is left half written\n"
    assert sorted(files.rglob("*")) == before


class Interrupting:
    """Finds modules, and is interrupted where it is asked for the command."""

    @staticmethod
    def find_spec(name, *rest):
        if name == "slide.cli":
            raise KeyboardInterrupt


def test_an_interrupt_while_the_command_is_imported_is_a_sentence(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "slide.cli")
    monkeypatch.setattr(sys, "meta_path", [Interrupting, *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "slide: interrupted, nothing is left half written\n")


IN_A_FINALIZER = """
import os, signal, sys
import slide.cli

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(100_000):
            pass

def app(prog_name, standalone_mode):
    Finalized()
    while True:
        pass

signal.signal(signal.SIGINT, signal.SIG_DFL)
slide.cli.app = app
slide.cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_that_meets_a_finalizer_is_heard(name):
    program = [sys.executable, "-c", IN_A_FINALIZER.format(name=name)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert done.stderr == "slide: interrupted, nothing is left half written\n"
    assert done.returncode == 130


def test_what_else_a_finalizer_raises_is_told_as_ever(slide, monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    slide("backends")

    class Fails:
        def __del__(self):
            raise ValueError("by a finalizer")

    Fails()
    assert [str(one.exc_value) for one in told] == ["by a finalizer"]


def test_a_run_under_nohup_does_not_hear_the_hangup(files, slide, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        slide("backends")
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_training_survives_a_reader_that_leaves(files):
    """As in `slide train ... | head -1`: the model is finished all the same."""
    program = [sys.executable, "-m", "slide", "train", "train.txt.gz", "--model", "m", *CLI_QUICK]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=files) as process:
        process.stdout.close()
        process.wait(timeout=300)
    assert (files / "m" / "weights.safetensors").exists()


WITHIN_A_COMMAND = """
import sys
import warnings
import slide.backends
import slide.cli

def raises():
    raise {error}

slide.backends.listings = raises
sys.argv = ["slide", "backends"]
slide.cli.main()
"""


def of_a_command_that_raises(error, **options):
    program = [sys.executable, "-c", WITHIN_A_COMMAND.format(error=error)]
    return subprocess.run(program, text=True, stderr=subprocess.PIPE, timeout=300, **options)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        ('EOFError("Ran out of input")', 1, "EOFError: Ran out of input\n"),
        ('BrokenPipeError(32, "Broken pipe")', 2, "slide: the operating system: Broken pipe\n"),
    ],
)
def test_what_a_command_raises_is_told_as_what_it_is(error, code, told):
    done = of_a_command_that_raises(error, stdout=subprocess.PIPE)
    assert done.returncode == code
    assert done.stderr.endswith(told)
    assert "interrupted" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (OSError(28, "No space left on device", "x"), 2, "x: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted, nothing is left half written"),
    ],
)
def test_what_a_command_raises_is_a_sentence(error, code, told, slide, monkeypatch):
    def raises():
        raise error

    monkeypatch.setattr("slide.backends.listings", raises)
    assert slide("backends") == (code, "", f"slide: {told}\n")


def test_a_reader_that_has_left_is_no_reason_for_words():
    reading, writing = os.pipe()
    os.close(reading)
    done = of_a_command_that_raises('BrokenPipeError(32, "Broken pipe")', stdout=writing)
    assert (done.returncode, done.stderr) == (141, "")
    command = [sys.executable, "-m", "slide", "--help"]  # by Rich, which has an end of its own
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=300)
    assert (ended.returncode, ended.stderr) == (141, b"")
    os.close(writing)


def test_a_warning_is_a_sentence_of_its_own(slide, monkeypatch):
    def warns():
        warnings.warn("something\nis odd", SlideWarning, stacklevel=1)
        warnings.warn("by somebody else", UserWarning, stacklevel=1)
        return []

    monkeypatch.setattr("slide.backends.listings", warns)
    others = []
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        monkeypatch.setattr(warnings, "showwarning", lambda *one: others.append(str(one[0])))
        _, _, err = slide("backends")
    assert err == "slide: something is odd\n"
    assert others == ["by somebody else"]
