"""`slide` without a subcommand: its version, its help, and completion for shells."""

import importlib.metadata

import pytest

import slide as package


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """A home of its own, and shells that are named instead of looked for."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    return tmp_path


def test_the_version_is_that_of_the_package(slide):
    assert slide("--version") == (0, f"slide {package.__version__}\n", "")
    assert importlib.metadata.version("slide-engine") == package.__version__


def test_help_lists_commands_and_few_options(slide, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = slide("--help")
    assert (code, err) == (0, "")
    options, commands = out.split("Commands")
    found = [word for word in options.split() if word.startswith("--")]
    assert found == ["--version", "--install-completion", "--show-completion", "--help"]
    assert "│ train " in commands
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown(slide, at_home, shell):
    code, out, err = slide("--show-completion", shell)
    assert (code, err) == (0, "")
    assert f"_SLIDE_COMPLETE=complete_{shell}" in out


def test_completion_is_installed_and_completes(slide, at_home, monkeypatch):
    code, out, err = slide("--install-completion", "bash")
    assert (code, err) == (0, "")
    assert "installed" in out
    (script,) = (at_home / ".bash_completions").iterdir()
    assert str(script) in (at_home / ".bashrc").read_text()
    assert "_SLIDE_COMPLETE=complete_bash" in script.read_text()
    for words, expected in (("slide tr", "train"), ("slide train --val", "--valid")):
        monkeypatch.setenv("_SLIDE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        assert slide() == (0, f"{expected}\n", "")
