"""`-` is standard input and output, pipes are read and written, and each fault is a sentence."""

import errno
import gzip
import io
import json
import os
import subprocess
import sys
import threading

import pytest
from conftest import CLI_QUICK

from slide.core.errors import DataError
from slide.data import read, write

BACKEND = ["--backend", "reference", "--threads", "1"]


@pytest.fixture
def stdin(monkeypatch):
    """Put bytes on standard input."""

    def put(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put


def run(folder, *args, stdin=b"", **more):
    """The same command as a process of its own, with real streams."""
    return subprocess.run(
        [sys.executable, "-m", "slide", *args], input=stdin, capture_output=True, cwd=folder,
        timeout=300, **more,
    )  # fmt: skip


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_command_that_reads_reads_standard_input(model, files, slide, stdin, pack):
    text = pack((files / "test.txt").read_bytes())
    for command in (["evaluate", "m", "{}", "--json"], ["predict", "m", "{}"],
                    ["convert", "{}", "-"]):  # fmt: skip
        expected = slide(*(word.format("test.txt") for word in command))
        stdin(text)
        assert slide(*(word.format("-") for word in command)) == expected
        assert expected[0] == 0
    stdin(text)
    assert slide("train", "-", "--valid", "test.txt", "--model", "n", "--quiet", *CLI_QUICK)[0] == 0
    assert json.loads((files / "n" / "config.json").read_text())["trained_on"] == "-"
    stdin(text)
    trained = slide("train", "test.txt", "--valid", "-", "--model", "o", "--quiet", *CLI_QUICK)
    assert trained[0] == 0
    weights = [(files / name / "weights.safetensors").read_bytes() for name in "no"]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("name", ["test.svm", "test.npz", "test.txt"])
def test_standard_input_has_the_format_that_its_content_tells(files, slide, stdin, name):
    if name != "test.txt":
        slide("convert", "test.txt", name)
    stdin((files / name).read_bytes())
    assert slide("convert", "-", "back.txt") == (0, "", "")
    expected, got = read(files / name), read(files / "back.txt")
    assert got.x.indices.tolist() == expected.x.indices.tolist()
    assert got.y.indices.tolist() == expected.y.indices.tolist()


@pytest.mark.parametrize("first", ["3", "", "# remark\n3", " 1:1", "3, 1 2:1", "+3 2:1"])
def test_svmlight_on_standard_input_may_begin_with_any_line(files, slide, stdin, first):
    (files / "a.svm").write_text(f"{first}\n0 0:1\n")
    expected = slide("convert", "a.svm", "-")
    stdin((files / "a.svm").read_bytes())
    assert slide("convert", "-", "-") == expected
    assert expected[0] == 0


def test_writers_write_to_standard_output(model, files, slide):
    _, printed, _ = slide("predict", "m", "test.txt")
    assert slide("predict", "m", "test.txt", "--out", "-") == (0, printed, "")
    code, out, err = slide("convert", "test.txt", "-")
    assert (code, err) == (0, "")
    assert out == (files / "test.txt").read_text()
    assert sorted(path.name for path in files.iterdir()) == ["m", "test.txt", "train.txt.gz"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"2 5 4\n0 1:1\n0 1:x\n", "<stdin>:3: the value 'x' is not a number"),
        (b"0 1:1\n0 1:1\n0 1:x\n", "<stdin>:3: the value 'x' is not a number"),
        (b"3 5 4\n0 1:1\n", "<stdin>:2: the file ends after 1 of the 3"),
        (b"", "<stdin>: the file is empty"),
        (
            gzip.compress(b"2 5 4\n0 1:1\n0 1:1\n", mtime=0)[:-3],
            "<stdin>: the gzip data ends too early",
        ),
        (b"2 5\n1:1\n2:1\n", "<stdin>: this file holds one matrix"),
        (b"PK\x03\x04...", "<stdin>: no npz file"),
    ],
)
def test_faults_of_standard_input(files, slide, stdin, content, words):
    stdin(content)
    code, out, err = slide("convert", "-", "n.txt")
    assert (code, out) == (2, "")
    assert err.startswith(f"slide: {words}")
    assert not (files / "n.txt").exists()


@pytest.mark.parametrize(
    "args",
    [
        ["train", "-", "--valid", "-", "--model", "n"],
        ["predict", "m", "-", "--sampled", "--insert", "-"],
        ["evaluate", "m", "-", "--sampled", "--insert", "-"],
    ],
)
def test_standard_input_is_read_once(model, slide, args):
    code, _, err = slide(*args)
    assert code == 2
    assert "<stdin>: it can be read once only" in err


def test_standard_input_is_closed(files, slide, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = slide("convert", "-", "n.txt")
    assert code == 2
    assert err.startswith("slide: <stdin>: standard input is closed")


@pytest.mark.parametrize("args", [["predict", "m", "test.txt"], ["convert", "test.txt", "-"]])
def test_standard_output_is_closed(model, files, slide, monkeypatch, args):
    """Something stands in for it, so that words may be printed; answers would be lost."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)
        code, _, err = slide(*args)
    assert code == 2
    assert "<stdout>: standard output is closed" in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_named_pipes(files, slide):
    os.mkfifo(files / "in")
    os.mkfifo(files / "out.gz")
    text, got = (files / "test.txt").read_bytes(), []
    others = [
        threading.Thread(target=lambda: (files / "in").write_bytes(text), daemon=True),
        threading.Thread(target=lambda: got.append((files / "out.gz").read_bytes()), daemon=True),
    ]
    for other in others:
        other.start()
    assert slide("convert", "in", "out.gz") == (0, "", "")
    for other in others:
        other.join(300)
    assert gzip.decompress(got[0]) == text


@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="the system has no such files")
def test_devices(model, files, slide):
    text = (files / "test.txt").read_bytes()
    _, printed, _ = slide("predict", "m", "test.txt", *BACKEND)
    command = ["predict", "m", "/dev/stdin", "--out", "/dev/stdout", *BACKEND]
    done = run(files, *command, stdin=text)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == printed
    with (files / "test.txt").open("rb") as source, (files / "p.txt").open("wb") as target:
        done = subprocess.run([sys.executable, "-m", "slide", *command], stdin=source,
                              stdout=target, check=False, timeout=300)  # fmt: skip
    assert done.returncode == 0
    assert (files / "p.txt").read_text() == printed
    assert slide("convert", "test.txt", "/dev/null") == (0, "", "")


def test_a_reader_that_leaves_ends_the_command_without_a_word(files):
    slide = [sys.executable, "-m", "slide", "convert", "train.txt.gz", "-"]
    with subprocess.Popen(slide, cwd=files, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as done:
        done.stdout.close()  # before all can be in the pipe
        assert done.wait(timeout=300) == 141  # as SIGPIPE ends others
        assert done.stderr.read() == b""


class Failing:
    """A standard output that cannot be written to."""

    def __init__(self, error):
        self.error, self.buffer = error, self

    def write(self, _):
        raise self.error

    def flush(self):
        pass


def test_no_room_on_standard_output(test_set, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Failing(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(DataError, match=r"<stdout>: the operating system refuses \(No space"):
        write(test_set, "-")
    monkeypatch.setattr(sys, "stdout", Failing(BrokenPipeError()))
    with pytest.raises(BrokenPipeError):  # which the command line tells from a fault
        write(test_set, "-")
