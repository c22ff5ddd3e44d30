"""How `slide verify` runs in several processes, and what it tells of that."""

import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from itertools import cycle

import psutil
import pytest
from rich.console import Console
from threadpoolctl import threadpool_limits
from verified_stub import Drifts, NoBranches, Stub

from slide.backends.verifying import Branches, CellJob, Report, verify_backend
from slide.backends.verifying.jobs import cell_jobs
from slide.backends.verifying.pool import WorkerPool
from slide.backends.verifying.report import check_as_dict
from slide.backends.verifying.running import first_training_failure
from slide.cli import INTERRUPTS, main
from slide.cli.findings import print_report
from slide.cli.watching import Watching
from slide.core.errors import BackendError
from slide.reference.branches.untaken import Untaken
from slide.reference.checks import GRID, Check, verify
from slide.report.verification import anchor, page_of
from slide.report.words import PARTS

STUB = "verified_stub:Stub"
CELLS = [(row, name) for row, names in GRID.items() for name in names]
SNIPPET = f"z = {'0' * 200}\nif z < 1: pass"
BRANCHES = Branches(
    [
        Untaken(
            "stub.py", 7, "n > MOST", "never true", "n > MOST (MOST is 99): 12 was the largest"
        ),
        Untaken("stub.py", 9, "a < b", "never false"),
    ],
    ["spmm could not be run uncompiled: TypeError: <no>"],
)


def made_up(number, cell, outcome):
    """A check with long words in it, and all that a check may have."""
    row, name = cell
    is_good = outcome == "pass"
    told = {
        "pass": "",
        "fail": f"{row}(h <float32> (4, 3)) [red]& {'on and on ' * 30}".strip(),
        "missing": f"the backend has no method {row}",
        "inherited": "this is the reference's own function",
        "taken": "this is the kernel of numba",
    }
    sizes = {"examples": 4096, "neurons": 1 << 20, "bucket limit": 4000, "ids": 19_999, "k": 1000}
    return Check(
        row, name, outcome, number, told[outcome], SNIPPET if outcome == "fail" else "", sizes,
        0.25 if is_good else float("inf"), source="numba" if outcome == "taken" else "",
    )  # fmt: skip


def made_up_report(outcomes, branches=BRANCHES):
    checks = [made_up(*parts) for parts in zip(range(len(CELLS)), CELLS, cycle(outcomes))]
    return Report("a <stub> & co", STUB, 3, 25, 2, 61.2, checks, branches)


EVERY = made_up_report(["pass", "fail", "missing", "inherited", "taken"])
PASSING = made_up_report(["pass"], Branches())


def printed(report, **options):
    console = Console(file=io.StringIO(), width=80, **options)
    print_report(report, console)
    return console.file.getvalue()


@pytest.fixture(autouse=True)
def same_handlers():
    """Of signals, whatever `main` installs."""
    handlers = {name: signal.getsignal(name) for name in INTERRUPTS}
    yield
    for name, handler in handlers.items():
        signal.signal(name, handler)


@pytest.fixture
def no_branches(monkeypatch):
    """Nobody looks for branches, which takes longest."""
    monkeypatch.setattr("slide.backends.verifying.running.BranchJob", NoBranches)


def test_a_process_that_dies_is_a_failure_and_the_others_go_on():
    cells = [("spmm", "dtype"), ("put", "dtype"), ("spmm_t", "dtype"), ("top_k", "dtype")]
    with WorkerPool("verified_stub:Kills", 2) as pool:
        jobs = [CellJob(*cell, 1, 0, shrink=False) for cell in cells]
        found = {job.kernel: one for job, one in pool.run_jobs(jobs, lambda job: None)}
        processes = [worker.process for worker in pool.workers]
    assert [found[kernel].outcome for kernel, _ in cells] == ["fail", "pass", "fail", "fail"]
    assert found["spmm"].message.endswith("process that computed it ended with exit status 3")
    assert found["spmm_t"].message.endswith("process that computed it was killed by SIGSEGV")
    assert found["top_k"].message.endswith("process that computed it ended with exit status 4")
    assert "check(backend, *('spmm', 'dtype', 1, 0," in found["spmm"].snippet
    assert all(process.exitcode is not None for process in processes)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("magic", "unknown backend 'magic'"),
        ("verified_stub:Unmakeable", "cannot be made: the process that did so ended with exit"),
    ],
)
def test_a_backend_that_cannot_be_made_is_told_in_a_sentence(target, words):
    with pytest.raises(BackendError, match=words):
        verify_backend(target, 1, 0, 2)


def test_only_training_that_no_kernel_explains_is_made_smaller():
    good = [Check(*cell, "pass", 1, "") for cell in CELLS]
    training = [place for place, cell in enumerate(CELLS) if cell[0].startswith("train")]
    failed = [Check(*cell, "fail", 1, "") for cell in CELLS]
    assert first_training_failure(good) is None
    assert first_training_failure([*good[: training[1]], *failed[training[1] :]]) == training[1]
    earlier = [failed[0], *good[1 : training[0]], *failed[training[0] :]]
    assert first_training_failure(earlier) is None


@pytest.mark.slow
def test_failing_training_is_made_smaller_in_the_end(no_branches):
    report = verify_backend("verified_stub:Drifts", 3, 0, 2, largest=200)
    assert report.checks == verify(Drifts(), 3, largest=200)
    failed = [one for one in report.checks if one.outcome == "fail"]
    assert {one.kernel for one in failed} <= set(PARTS["training"])
    assert failed


def hear_interrupts():
    """As a shell's foreground does; tests in the background would hand on that they do not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def under_way():
    """A long run, and all processes that it has begun."""
    command = [sys.executable, "-m", "slide", "verify", "reference", "--examples", "4000"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts)
    parent = psutil.Process(run.pid)
    deadline = time.monotonic() + 300
    while not has_started(parent) and time.monotonic() < deadline:
        psutil.wait_procs([parent], timeout=0.05)  # the core is theirs meanwhile
    yield run, parent.children(recursive=True)
    run.kill()


def test_who_is_killed_leaves_no_process_behind(under_way):
    run, workers = under_way
    run.kill()
    run.communicate()
    assert len(workers) > 2
    assert psutil.wait_procs(workers, timeout=60)[1] == []


def test_an_interrupt_ends_all_processes_at_once(under_way):
    run, workers = under_way
    before = of_children()
    spent = sum(sum(one.cpu_times()[:4]) for one in (psutil.Process(run.pid), *workers))
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=300)
    assert run.returncode == 130
    assert err == "slide: interrupted, nothing is left half written\n"
    assert of_children() - before - spent < 8
    assert psutil.wait_procs(workers, timeout=60)[1] == []


def of_children():
    """CPU seconds of children that have ended, and of theirs: no matter how busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def has_started(parent):
    """Whether all are at work, the process whose kernels are not compiled included."""
    try:
        return any("slide.backends.branches" in one.cmdline() for one in parent.children(True))
    except psutil.Error:  # it was about to start
        return False


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What `slide verify` makes of the stub in two processes: a run of it, and its page."""
    page = tmp_path_factory.mktemp("told") / "report.html"
    page.write_text("old")
    command = [sys.executable, "-m", "slide", "verify", STUB, "--examples", "2", "--seed", "3",
               "--jobs", "2", "--largest", "200", "--json", "--html", str(page)]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return ran, page


def test_json_is_one_object_whatever_kernels_print(told):
    ran, _ = told
    found = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert "kernels may print what they like" in ran.stderr
    assert found["target"] == STUB
    assert found["backend"] == Stub.name
    assert (found["passed"], found["seed"], found["examples"]) == (False, 3, 2)
    assert found["grid"]["hash"]["exact"] == "taken"
    assert {(one["kernel"], one["property"]) for one in found["checks"]} == set(CELLS)
    assert found["sizes"]["put"]["entries"] > 1


def test_several_processes_find_what_one_does(told):
    found = json.loads(told[0].stdout)["checks"]
    with threadpool_limits(1, "blas"):
        checks = verify(Stub(), 2, 3, largest=200)
    alone = json.loads(json.dumps([check_as_dict(one) for one in checks]))
    for one in (*found, *alone):
        del one["seconds"]
    assert found == alone
    outcomes = {one["outcome"] for one in found}
    assert outcomes == {"pass", "fail", "missing", "inherited", "taken"}


def test_the_page_replaces_what_is_there_when_it_is_whole(told):
    ran, page = told
    assert ran.returncode == 1
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert set(Page(text).ids) == {anchor(one) for one in failed_of(ran)}
    assert list(page.parent.iterdir()) == [page]


def failed_of(ran):
    """The checks that a run has told of as failed."""
    checks = [Check(**one) for one in json.loads(ran.stdout)["checks"]]
    return [one for one in checks if one.outcome == "fail"]


def test_json_has_words_for_all_that_a_report_tells():
    found = json.loads(json.dumps(EVERY.as_dict(), allow_nan=False))
    assert set(found) == {
        "backend", "target", "passed", "seed", "examples", "jobs", "cpus", "seconds", "versions",
        "grid", "sizes", "worst", "untaken", "unseen", "checks",
    }  # fmt: skip
    assert set(found["versions"]) == {"slide", "python", "numpy", "scipy", "numba"}
    assert found["untaken"][0]["threshold"].startswith("n > MOST")
    assert found["grid"] == {
        row: {one.property: one.outcome for one in EVERY.checks if one.kernel == row}
        for row in GRID
    }
    assert found["worst"]["put"] == {"property": "scale", "of_bound": None}
    assert PASSING.as_dict()["sizes"]["put"]["neurons"] == 1 << 20


@pytest.mark.parametrize("report", [EVERY, PASSING], ids=["every outcome", "passing"])
def test_all_but_what_is_to_be_pasted_fits_80_columns(report):
    lines = printed(report).splitlines()
    pasted = set(SNIPPET.splitlines())
    assert max(len(line) for line in lines if line not in pasted) <= 80
    assert (pasted <= set(lines)) == (report is EVERY)


def test_the_grid_has_a_symbol_for_each_cell():
    out = printed(EVERY)
    lines = out.splitlines()[: len(GRID) + 5]
    symbols = dict(zip(["pass", "fail", "missing", "inherited", "taken"], "✓✗∅○→", strict=True))
    for row in GRID:
        shown = [symbols[one.outcome] for one in EVERY.checks if one.kernel == row]
        assert row.replace(" ", "") + "".join(shown) in [line.replace(" ", "") for line in lines]
    assert "∅ missing: the backend has no such method" in out


def test_what_differs_is_told_with_sizes_and_branches():
    out = " ".join(printed(EVERY).split())
    assert "put scale, sequence: fail. put(h <float32> (4, 3)) [red]& on and on" in out
    assert "stub.py:7 never true: n > MOST (MOST is 99): 12 was the largest" in out
    assert "stub.py:9 never false: a < b" in out
    assert "spmm could not be run uncompiled: TypeError: <no>" in out
    assert "taken from numba, which slide verify numba checks: " in out
    assert "does not match the definition: of" in out
    passing = " ".join(printed(PASSING).split())
    assert "matches the definition in all" in passing
    other = replace(PASSING, target="mine:Subclass")
    begin = f"{PASSING.backend} (mine:Subclass) matches the definition in all"
    assert " ".join(printed(other).split()).startswith(begin)
    assert replace(PASSING, target=PASSING.backend).whose == PASSING.backend
    assert "put 0.25 examples 4,096, neurons 1,048,576, bucket limit 4,000" in passing
    assert "Branches" not in passing


def test_symbols_are_ascii_where_nothing_else_can_be_shown():
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_report(EVERY, Console(file=file, width=80))
    file.flush()
    assert b"F fail: differs from it" in file.buffer.getvalue()


@pytest.mark.parametrize(("no_color", "has_colour"), [("", True), ("1", False)])
def test_colour_is_for_terminals_that_want_it(monkeypatch, no_color, has_colour):
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    assert ("\x1b[1;31m" in printed(EVERY, force_terminal=True)) == has_colour
    assert "\x1b" not in printed(EVERY)


def test_the_picture_fills_and_fits_a_small_terminal():
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    picture = Watching("numba", 1, console)
    jobs = list(cell_jobs(1, 0))
    for job in jobs:
        picture.watch(job, None)
        if job is not jobs[-1]:
            picture.watch(job, Check(job.kernel, job.name, "pass", 1, ""))
    lines = picture.picture().plain.splitlines()
    assert lines[0].startswith(f"numba {len(jobs) - 1}/{len(jobs) + 1}, ")
    assert " s left: train 20 steps" in lines[0]
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[-1].count("…") == 1


class Page(HTMLParser):
    """What a browser would find: texts, identifiers, where links lead, what may be loaded."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.titles, self.ids, self.links, self.loaded = [], [], set(), set(), []
        self.tags = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.add(tag)
        self.titles += [given["title"]] if "title" in given else []
        self.ids |= {given["id"]} if "id" in given else set()
        self.links |= {given["href"]} if "href" in given else set()
        self.loaded += [name for name in ("src", "srcset", "data") if name in given]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_has_every_cell_and_nothing_from_outside():
    page = Page(page_of(EVERY))
    for one in EVERY.checks:
        assert any(
            told.startswith(f"{one.kernel} {one.property}: {one.outcome}") for told in page.titles
        )
    failed = {anchor(one) for one in EVERY.checks if one.outcome == "fail"}
    assert page.ids == failed
    assert page.links == {f"#{name}" for name in failed}
    assert page.loaded == []
    assert not page.tags & {"script", "link", "img", "iframe", "float32", "stub", "no"}
    assert "http" not in page_of(EVERY)


def test_the_page_tells_what_the_terminal_does():
    text = " ".join(Page(page_of(EVERY)).texts)
    for words in (
        "a <stub> & co", SNIPPET, "put(h <float32> (4, 3)) [red]& on and on", "n > MOST",
        "spmm could not be run uncompiled: TypeError: <no>", "taken from numba", "stub.py:9",
        f"slide verify {STUB} --examples 25 --seed 3", "backend = create('verified_stub:Stub')",
    ):  # fmt: skip
        assert words in text
    assert "Failures" not in page_of(PASSING)
    assert "Every branch of its own source was taken." in page_of(PASSING)


def test_the_terminal_is_told_as_well_as_the_page(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("slide.backends.verifying.verify_backend", lambda *arguments: EVERY)
    path = tmp_path / "report.html"
    monkeypatch.setattr("sys.argv", ["slide", "verify", STUB, "--html", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert path.read_text() == page_of(EVERY)
    assert "✗" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none/report.html", ": expected a file in a folder that exists"),
        (".", ", which is a folder: expected a file"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_before_the_work(
    tmp_path, monkeypatch, capsys, name, words
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["slide", "verify", STUB, "--html", name])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err == f"slide: --html got {name}{words}\n"
