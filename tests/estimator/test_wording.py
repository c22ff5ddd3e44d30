"""Sentences speak of arguments in Python, and of options on the command line."""

import ast
from pathlib import Path

import pytest

import slide
from slide.core.errors import ConfigError, by_names, by_options, said, worded
from slide.core.learners.config import Config

ROOT = Path(slide.__file__).parent
NOT_FOR_PYTHON = {"cli", "report", "bench", "testing", "__main__.py"}
COMMANDS = {  # to paste into a shell, and a flag of a compiler
    "backends/verifying/report.py": {" --examples ", " --seed "},
    "backends/gpu/cupy_device.py": {"--std=c++17"},
    "core/errors.py": {"--", "--no-"},
    "distributed/cluster.py": {" as `ray start --head` prints it, or none"},
}
SHELL = "distributed/planning/files.py"  # writes commands for Ray and Slurm


def spoken_options(source):
    """Strings with options in them that are no documentation and in no call of `worded`."""
    found = set()

    def visit(node):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "worded":
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "--" in node.value:
            found.add(node.value)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return found


def test_no_sentence_of_python_has_an_option():
    for path in ROOT.rglob("*.py"):
        name = str(path.relative_to(ROOT))
        source = path.read_text()
        if "--" in source and name != SHELL and name.split("/")[0] not in NOT_FOR_PYTHON:
            assert spoken_options(source) <= COMMANDS.get(name, set()), name


def test_a_sentence_with_an_option_is_found():
    source = 'def f():\n    """--x"""\n    g(worded("a", "--a"), f"{b} --b")\n'
    assert spoken_options(source) == {" --b"}


def test_what_is_said_depends_on_who_is_told():
    assert (said("batch_size"), said("lr", 2), worded("a", "b")) == ("batch_size", "lr=2", "a")
    with by_options():
        assert (said("batch_size"), said("lr", 2)) == ("--batch-size", "--lr 2")
        assert (said("mode", "hogwild"), worded("a", "b")) == ("--mode hogwild", "b")
        assert (said("hidden", (8, 4)), said("loose", False)) == ("--hidden 8,4", "--no-loose")
        with by_names():
            assert said("lr", 2) == "lr=2"
    assert said("lr") == "lr"


def test_a_model_folder_is_told_of_by_names():
    """Whoever reads one cannot change it by an option."""
    with by_options(), pytest.raises(ConfigError, match=r"^epochs is -1: "):
        Config.from_dict({"epochs": -1}, "direct")


def test_both_are_told_of_a_taken_folder_in_their_words(files, slide, tmp_path):
    from slide.core.errors import ModelError
    from slide.core.models.folder import refuse_if_taken

    code, _, err = slide("train", "train.txt.gz", "--model", str(tmp_path))
    assert code == 2
    assert "choose another --model, or replace it by --overwrite" in err
    with pytest.raises(ModelError, match="choose another folder, or replace it by overwrite=True"):
        refuse_if_taken(tmp_path, overwrite=False)
