"""`slide.testing` as a third party uses it: in a folder of its own, in a pytest of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from slide.core.errors import ConfigError
from slide.reference.checks import Check
from slide.testing import benchmarks, conformance
from slide.testing.conformance import explained, report_check

pytestmark = pytest.mark.slow  # each runs a pytest of its own
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "einsum_package"

KERNELS_OF_OTHERS = """
import numpy as np
from slide.backends.delegating import Delegating
from slide.core.contract.backend import KERNELS

WRITTEN = ("sddmm", "loss")

class Wrong(Delegating):
    name = "wrong"
    taken = {"numba": tuple(kernel for kernel in KERNELS if kernel not in WRITTEN)}

    def sddmm(self, h, w, active):
        return self.sources["numba"].sddmm(h, np.roll(w, 1, axis=0), active)
"""
TESTS = """
from slide.testing import benchmarks, conformance
test_conformance = conformance("others:Wrong", examples=5, seed=3)
test_speed = benchmarks("others:Wrong", sizes=["small"], threads=1)
"""


def run_pytest(folder, sources, *options):
    """Outcomes by item, and what was printed."""
    result = folder / "junit.xml"
    outer = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    environment = outer | {"PYTHONPATH": os.pathsep.join(map(str, (sources, ROOT)))}
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
        f"--junitxml={result}", *options,
    ]  # fmt: skip
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    items = ElementTree.parse(result).iter("testcase")
    return {item.get("name"): outcome_of(item) for item in items}, ran.stdout + ran.stderr


def outcome_of(item):
    return next((child.tag for child in item if child.tag in ("failure", "skipped", "error")), "")


@pytest.fixture(scope="module")
def third_party(tmp_path_factory):
    folder = tmp_path_factory.mktemp("third_party")
    (folder / "others.py").write_text(KERNELS_OF_OTHERS)
    (folder / "test_others.py").write_text(TESTS)
    (folder / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n"
    )
    return folder


CHOSEN = (
    "sddmm-exact or sddmm-dtype or spmm-exact or loss-dtype or sddmm-csr-small or spmm-csr-small"
)


@pytest.fixture(scope="module")
def outcomes(third_party):
    times = third_party / "times.json"
    items, said = run_pytest(
        third_party, third_party, "-k", CHOSEN, f"--benchmark-json={times}",
        "--benchmark-max-time=0.01",
    )  # fmt: skip
    return items, said, json.loads(times.read_text())


def test_an_item_for_each_cell_with_its_outcome(outcomes):
    items, _, _ = outcomes
    assert items["test_conformance[sddmm-exact]"] == "failure"
    assert items["test_conformance[sddmm-dtype]"] == ""
    assert items["test_conformance[loss-dtype]"] == "failure"
    assert items["test_conformance[spmm-exact]"] == "skipped"


def test_a_failure_is_told_by_a_sentence_and_a_call_to_paste(outcomes):
    _, said, _ = outcomes
    assert "sddmm exact: fail. sddmm" in said
    assert "backend = slide.load_backend('others:Wrong')" in said
    assert "loss dtype: missing. the backend has no method loss" in said
    assert "Traceback" not in said
    assert "slide/testing" not in said.split("short test summary")[0].replace("\\", "/")


def test_a_kernel_that_is_not_verified_is_not_timed(outcomes):
    items, said, content = outcomes
    assert items["test_speed[sddmm-csr-small-others:Wrong]"] == "failure"
    assert items["test_speed[sddmm-csr-small-numba]"] == ""
    assert "backend 'others:Wrong' is not timed, for it is not verified (sddmm exact: fail)" in said
    timed = {(one["params"]["call"], one["params"]["name"]) for one in content["benchmarks"]}
    assert ("sddmm, csr", "others:Wrong") not in timed
    assert ("spmm, csr", "others:Wrong") in timed


def test_only_the_backend_differs_in_a_group(outcomes):
    _, _, content = outcomes
    groups = {}
    for one in content["benchmarks"]:
        groups.setdefault(one["group"], []).append(one["params"])
    assert set(groups) == {"sddmm, csr, small", "spmm, csr, small"}
    for group, params in groups.items():
        assert {f"{one['call']}, {one['size']}" for one in params} == {group}
        assert len({one["name"] for one in params}) == len(params) >= 2


def test_without_pytest_benchmark_times_are_skipped(third_party):
    items, said = run_pytest(
        third_party, third_party, "-p", "no:benchmark", "-k", "test_speed", "-rs"
    )
    assert items == {"test_speed": "skipped"}
    assert "times need pytest-benchmark: pip install 'slide-engine[testing]'" in said


def test_the_example_passes_its_own_tests(tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "package")
    chosen = (
        "sddmm-exact or sddmm-bound or spmm_t-dtype or put-exact or train_step or "
        "(spmm_t-csr and einsum)"
    )
    items, said = run_pytest(folder, folder / "src", "-k", chosen, "--benchmark-disable")
    assert "failed" not in said, said
    assert items["test_conformance[sddmm-exact]"] == ""
    assert items["test_conformance[train_step-step]"] == ""
    assert items["test_conformance[put-exact]"] == "skipped"
    assert items["test_speed[spmm_t-csr-demo-slide_einsum:EinsumBackend]"] == ""


def told(outcome, kernel="top_k", inherited=()):
    """Whether the item passes, is skipped or fails."""
    try:
        report_check(Check(kernel, "exact", outcome, 0, "why"), "name", inherited)
    except pytest.skip.Exception:
        return "skipped"
    except pytest.fail.Exception:
        return "failed"
    return "passed"


@pytest.mark.parametrize(
    ("outcome", "kernel", "inherited", "expected"),
    [
        ("pass", "top_k", (), "passed"),
        ("fail", "top_k", ("top_k",), "failed"),
        ("missing", "top_k", ("top_k",), "failed"),
        ("taken", "top_k", (), "skipped"),
        ("inherited", "top_k", (), "failed"),
        ("inherited", "top_k", ("loss",), "failed"),
        ("inherited", "top_k", ("top_k",), "skipped"),
        ("inherited", "train_step", (), "failed"),
        ("inherited", "train_step", ("top_k",), "skipped"),
    ],
)
def test_each_outcome(outcome, kernel, inherited, expected):
    assert told(outcome, kernel, inherited) == expected


def test_a_snippet_comes_with_what_it_needs():
    one = Check("put", "exact", "fail", 1, "put: wrong.", "print(backend.put(a))")
    assert explained(one, "m:B").splitlines() == [
        "put exact: fail. put: wrong.",
        "",
        "import slide",
        "from slide.reference.pasting import *",
        "backend = slide.load_backend('m:B')",
        "print(backend.put(a))",
    ]


def test_a_backend_that_is_not_there_fails_in_a_sentence():
    with pytest.raises(pytest.fail.Exception, match="needs the module 'nowhere'"):
        conformance("nowhere:Thing")("put", "exact")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: conformance("numba", examples=0), "examples=0 and seed=0: expected examples"),
        (lambda: conformance("numba", seed=-1), "seed=-1"),
        (lambda: conformance("numba", inherited=["sdmm"]), "inherited=.'sdmm'.: expected kernels"),
        (lambda: benchmarks("numba", sizes=["huge"]), "sizes=.'huge'.: expected some of small"),
    ],
)
def test_wrong_arguments_are_refused(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_the_engine_needs_neither_pytest_nor_torch():
    code = (
        "import sys, slide, slide.cli, slide.cli.bench, slide.bench.racing\n"
        "assert not {'pytest', 'torch', 'pytest_benchmark'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
