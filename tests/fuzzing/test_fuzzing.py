"""Files that somebody changed are read, or refused in a sentence; so are those found before."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import run
from fuzzing.child import Fuzzing
from fuzzing.edits import edited
from fuzzing.targets import BETWEEN, TARGETS, Target
from slide.core.errors import DataError

FOUND = sorted((Path(__file__).parent / "findings").glob("*/*"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of each target."""
    return {name: tmp_path_factory.mktemp(name) for name in TARGETS}


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_valid_is_read(name, folders):
    target = TARGETS[name]
    assert target.survives(target.seed(), folders[name])


@pytest.mark.parametrize("name", TARGETS)
@given(seed=st.integers(0, 2**63))
def test_changes_are_read_or_refused(name, folders, seed):
    target = TARGETS[name]
    target.survives(edited(target.seed(), random.Random(seed)), folders[name])


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_stays_mended(path, folders):
    name = path.parent.name
    TARGETS[name].survives(path.read_bytes(), folders[name])


def planted(folder):
    """Reads a file that may have anything but a 7, and refuses an 8."""
    content = (folder / "a").read_bytes()
    if b"8" in content:
        raise DataError("an 8", "a")
    np.array([1, 2])[content.find(b"7") + 3 if b"7" in content else 0]


PLANTED = Target("planted", lambda: {"a": b"0123"}, planted)


def test_a_planted_fault_is_found_once_and_kept(tmp_path, capsys):
    fuzzing = Fuzzing(PLANTED, *(tmp_path / each for each in ("corpus", "findings", "at")))
    (tmp_path / "corpus" / "valid").write_bytes(PLANTED.seed())
    while not fuzzing.known:
        fuzzing.at_random(0.05)
    fuzzing.at_random(0.05)
    (told,) = (tmp_path / "findings").glob("*.txt")
    assert b"7" in told.with_suffix("").read_bytes()
    assert "IndexError" in told.read_text()
    assert capsys.readouterr().out.count("found planted: IndexError") == 1


def test_sentences_are_one_line_and_short(tmp_path):
    for sentence in ("x" * 1001, "two\nlines"):

        def refuse(folder, sentence=sentence):
            raise DataError(sentence, folder / "a")

        with pytest.raises(AssertionError):
            Target("wordy", lambda: {"a": b""}, refuse).survives(b"", tmp_path)


def test_files_that_are_missing_are_not_there(tmp_path):
    target = Target("two", lambda: {"a": b"1", "b": b"2"}, lambda folder: None)
    target.write(target.seed(), tmp_path)
    assert (tmp_path / "b").read_bytes() == b"2"
    target.write(b"3", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]
    target.write(b"3" + BETWEEN + b"4" + BETWEEN + b"5", tmp_path)
    assert (tmp_path / "b").read_bytes() == b"4"


def test_the_table_of_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run", "svmlight", "xmc", "--seconds", "3"])
    reports = {"svmlight": ("svmlight", 3, 12345, 17, 0), "xmc": ("xmc", 3, 999, 8, 2)}
    assert run.main(lambda name, seconds, out: reports[name]) == 1
    assert capsys.readouterr().out == (
        "target        seconds   executions   corpus  findings\n"
        "svmlight            3       12,345       17         0\n"
        "xmc                 3          999        8         2\n"
    )
