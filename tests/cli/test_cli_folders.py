"""Data folders and patterns on the command line: wherever a file is read."""

import shutil

from conftest import CLI_QUICK


def test_folders_stand_for_files(files, slide):
    assert slide("convert", "train.txt.gz", "train") == (0, "", "")
    assert slide("convert", "test.txt", "test") == (0, "", "")
    assert slide("convert", "--check", "test") == (0, "test: whole, 400 examples\n", "")
    for name, train, test in (("a", "train.txt.gz", "test.txt"), ("b", "train", "test")):
        args = ["train", train, "--valid", test, "--model", name, "--quiet", *CLI_QUICK]
        assert slide(*args) == (0, "", "")
    assert slide("evaluate", "a", "test.txt") == slide("evaluate", "b", "test")
    assert slide("predict", "a", "test.txt") == slide("predict", "b", "test")
    assert slide("convert", "test", "back.txt") == (0, "", "")
    assert (files / "back.txt").read_bytes() == (files / "test.txt").read_bytes()


def test_a_pattern_names_several_files(files, slide):
    for name in ("part-1.txt", "part-2.txt"):
        shutil.copy(files / "test.txt", files / name)
    assert slide("convert", "part-*.txt", "parts") == (0, "", "")
    assert slide("convert", "part-1.txt", "part-2.txt", "both.txt") == (0, "", "")
    assert slide("convert", "parts", "back.txt") == (0, "", "")
    assert (files / "back.txt").read_bytes() == (files / "both.txt").read_bytes()
    assert slide("convert", "part-*.txt", "-")[1].startswith("800 ")


def test_what_is_no_folder_is_told(files, slide):
    (files / "empty").mkdir()
    for args, words in (
        (["convert", "nix-*.txt", "n"], "no file has a name of this pattern"),
        (["convert", "test.txt", "empty"], "it exists"),
        (["convert", "--check", "test.txt"], "there is no manifest.json in this folder"),
        (["convert", "--check", "empty", "test.txt"], "--check writes nothing"),
        (["convert", "test.txt"], "name both"),
        (["train", "empty", "--model", "n"], "there is no manifest.json in this folder"),
    ):
        code, out, err = slide(*args)
        assert (code, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1
    assert not (files / "n").exists()
