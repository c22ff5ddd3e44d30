"""Data folders that somebody made to harm: no link is followed, to be read or to be written."""

import os

import pytest
from fuzzing import folders

import slide
from slide.core.errors import DataError
from slide.data import convert_to_folder

NAMES = sorted(name.removeprefix("d/") for name in folders.data_folder())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_parts_are_files_of_the_folder(tmp_path, name, kind):
    (tmp_path / "d").mkdir()
    for path, content in folders.data_folder().items():
        (tmp_path / path).write_bytes(content)
    path = tmp_path / "d" / name
    path.rename(tmp_path / "elsewhere")
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(DataError, match=f"{name}: a link, a pipe or a folder, expected a file"):
        slide.read(tmp_path / "d")


@pytest.mark.parametrize("name", ["x_values.npy", "progress.draft"])
def test_what_a_planted_link_leads_to_is_not_written(tmp_path, name):
    (tmp_path / "a.txt").write_text("2 2 2\n0 0:1\n1 1:1\n")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".d.converting").mkdir()
    (tmp_path / ".d.converting" / name).symlink_to(tmp_path / "precious")
    with pytest.raises(DataError, match=f"{name}: a link, a pipe or a folder"):
        convert_to_folder([tmp_path / "a.txt"], tmp_path / "d")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "d").exists()
