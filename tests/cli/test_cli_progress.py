"""What `slide convert` tells on a terminal of how far it is: bytes read, and lines written."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from slide.cli.convert import bar_of, to_file
from slide.data import read, read_sessions
from slide.data.target import save_text


def test_reading_tells_how_far_it_is_over_all_files(files):
    for name in ("part-1.txt", "part-2.txt"):
        (files / name).write_bytes((files / "test.txt").read_bytes())
    size, told = (files / "test.txt").stat().st_size, []
    read("part-*.txt", watch=told.append)
    assert told == sorted(told)
    assert told[-1] == 2 * size
    assert size in told


def test_reading_a_log_tells_the_same(in_a_folder):
    (in_a_folder / "log.csv").write_text("session,item,time\n" + "1,2,3\n" * 9)
    told = []
    read_sessions("log.csv", watch=told.append)
    assert told[-1] == (in_a_folder / "log.csv").stat().st_size


def test_writing_tells_how_many_lines(tmp_path):
    told = []
    save_text(["a\nb\n", "c\n"], io.BytesIO(), tmp_path / "x.txt", told.append)
    assert told == [2, 3]


@pytest.mark.parametrize("target", ["out.txt", "out.svm"])
def test_a_conversion_is_done_when_the_bar_is_full(files, monkeypatch, target):
    told = []

    class Bar:
        def __init__(self, paths):
            self.paths = paths

        def __enter__(self):
            return told.append

        def __exit__(self, *error):
            pass

    monkeypatch.setitem(to_file.__globals__, "bar_of", Bar)
    to_file([Path("test.txt"), Path("train.txt.gz")], files / target, None)
    whole = sum((files / name).stat().st_size for name in ("test.txt", "train.txt.gz"))
    assert told == sorted(told)
    assert whole - whole // 4000 <= told[-1] <= whole
    assert any(abs(n - whole // 2) <= 1 for n in told)  # all is read


def test_there_is_a_bar_with_an_estimate_on_a_terminal_alone(files, monkeypatch):
    for is_terminal in (True, False):
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=is_terminal, width=80)
        monkeypatch.setattr("rich.console.Console", lambda console=console, **options: console)
        with bar_of([files / "test.txt"]) as watch:
            watch(10)
        assert ("bytes" in stream.getvalue() or "kB" in stream.getvalue()) == is_terminal
        assert ("-:--:--" in stream.getvalue() or "0:00:0" in stream.getvalue()) == is_terminal
