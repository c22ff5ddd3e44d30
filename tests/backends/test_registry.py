"""Finding backends: built in, by entry point of a (made-up) distribution, or as module:Class."""

import sys

import pytest

from slide.backends import create, default_name, listings, load
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError

MODULE = """
from slide.reference.kernels import ReferenceBackend
class Good(ReferenceBackend):
    name = "good"
class Incomplete:
    name = "incomplete"
    def put(self, array): return array
class Raising:
    def __init__(self): raise RuntimeError("no\\n  licence")
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Pretend that a distribution is installed which declares these entry points."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "toykernels.py").write_text(MODULE)
    (tmp_path / "needy.py").write_text("import a_library_that_nobody_has\n")

    def declare(distribution, **entries):
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        lines = [f"{name} = {target}" for name, target in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[slide.backends]", *lines, ""]))

    yield declare
    for name in ("toykernels", "needy"):
        sys.modules.pop(name, None)


def test_numba_is_built_in_and_the_default(monkeypatch):
    monkeypatch.delenv("SLIDE_BACKEND", raising=False)
    assert default_name() == "numba"
    assert load().name == "numba"


def test_the_environment_names_the_default(monkeypatch, install):
    install("toy-dist", toy="toykernels:Good")
    monkeypatch.setenv("SLIDE_BACKEND", "toy")
    assert load().name == "good"
    assert load("reference").name == "reference"


def test_entry_points_and_module_class(install):
    install("toy-dist", toy="toykernels:Good")
    assert load("toy").name == load("toykernels:Good").name == "good"


def test_only_the_backend_asked_for_is_imported(install):
    install("toy-dist", toy="toykernels:Good", needy="needy:Thing")
    load("reference")
    assert "toykernels" not in sys.modules
    load("toy")
    assert "needy" not in sys.modules


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nunba", "unknown backend 'nunba': expected one of .*reference.*toy.*, or module:Class"),
        ("needy", "'needy'.*toy-dist.* needs the module 'a_library_that_nobody_has'"),
        ("broken", "'broken' .entry point of distribution toy-dist. is broken: .*no licence"),
        ("absent", "'absent'.*is broken: .*Absent"),
        ("half", "'half' lacks get, hash, build, reinsert, query.*top_k"),
        ("nowhere:Thing", "needs the module 'nowhere'"),
        ("toykernels:Nothing", "is broken: .*Nothing"),
        (":", "is broken"),
        ("toykernels:", "is broken"),
    ],
)
def test_each_way_to_fail_has_a_sentence(install, name, words):
    install(
        "toy-dist",
        toy="toykernels:Good",
        needy="needy:Thing",
        broken="toykernels:Raising",
        half="toykernels:Incomplete",
        absent="toykernels:Absent",
    )
    with pytest.raises(BackendError, match=words) as caught:
        load(name)
    assert "\n" not in str(caught.value)


def test_two_of_one_name(install):
    install("toy-dist", toy="toykernels:Good", reference="toykernels:Good")
    install("other-dist", toy="toykernels:Good")
    with pytest.raises(BackendError, match=r"'toy' is registered by .*toy-dist"):
        load("toy")
    with pytest.raises(BackendError, match="registered by slide-engine and by toy-dist"):
        load("reference")


def test_create_leaves_completeness_to_verify(install):
    install("toy-dist", half="toykernels:Incomplete")
    assert not hasattr(create("half"), "sddmm")


def test_listings_say_what_is_wrong(install):
    install("toy-dist", toy="toykernels:Good", needy="needy:Thing")
    found = {listing.name: listing for listing in listings()}
    assert found["reference"].problem is None
    assert found["reference"].origin == "built in"
    assert found["toy"].problem is None
    assert found["toy"].origin == "toy-dist"
    assert "a_library_that_nobody_has" in found["needy"].problem


def test_the_protocol_and_its_list_of_kernels_agree():
    from slide.core.contract.backend import Backend

    public = {name for name in dir(Backend) if not name.startswith("_")}
    assert public == {*KERNELS, "set_threads"}
