"""`slide doctor`: what it finds here, and what it says where something is missing."""

import json
import os
import re
import tomllib
from pathlib import Path

import pytest

import slide as package
from slide.report import doctor

ROOT = Path(package.__file__).parents[1]


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def said(slide, *arguments, code=0):
    """What is printed."""
    found, out, err = slide("doctor", *arguments)
    assert (found, err) == (code, "")
    return out


def test_all_is_told_in_80_columns(slide):
    out = said(slide)
    for name in ("cores", "memory", "numba", "kernel cache", "BLAS", "backend cupy", "extra onnx"):
        assert name in out
    assert max(map(len, out.splitlines())) <= 80


def test_json_has_findings_and_extras(slide):
    found = json.loads(said(slide, "--json"))
    assert found["can_run"] is True
    names = [each["name"] for each in found["findings"]]
    assert names[:3] == ["slide", "python", "machine"]
    cache = next(each for each in found["findings"] if each["name"] == "kernel cache")
    assert Path(cache["said"]).is_absolute()
    (text,) = (each for each in found["extras"] if each["name"] == "text")
    assert {*text["installed"]} == {"scikit-learn", "pyarrow"}
    assert text["install"] == "pip install 'slide-engine[text]'"


def test_each_extra_says_what_it_brings():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert doctor.BRINGS.keys() == declared["optional-dependencies"].keys()


def test_a_missing_package_is_told_with_the_command_that_brings_it(slide, monkeypatch):
    monkeypatch.setattr(doctor, "version_of", lambda package: None if package == "onnx" else "1")
    out = " ".join(said(slide).split())
    assert "extra onnx lacks onnx. It brings slide export: pip install 'slide-engine[onnx]'" in out
    assert "extra sklearn is there" in out


def test_sources_alone_have_no_extras_to_tell_of(slide, monkeypatch):
    def nothing(name):
        raise doctor.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", nothing)
    assert "not from sources" in said(slide)


def test_a_broken_compiler_is_a_failure(slide, monkeypatch):
    def broken(function):
        raise ImportError("llvmlite is of another version")

    monkeypatch.setattr("numba.njit", broken)
    out = said(slide, code=1)
    assert "llvmlite is of another version" in " ".join(out.split())
    assert "slide cannot run here" in out


def test_a_cache_that_cannot_be_written_and_little_shared_memory_are_told(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    assert "set NUMBA_CACHE_DIR" in doctor.of_cache().problem
    monkeypatch.setattr(doctor, "LITTLE_SHARED", 1 << 60)
    if doctor.SHARED.exists():
        assert re.search(r"[\d.]+ GB free of", doctor.of_shared_memory().said)
        assert "remount" in doctor.of_shared_memory().problem
    monkeypatch.setattr(doctor, "SHARED", Path("/nowhere"))
    assert "is not there" in doctor.of_shared_memory().said
