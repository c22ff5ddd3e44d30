"""Data folders: the same bits, little memory, going on after any interruption, nothing damaged."""

import json
import tracemalloc

import numpy as np
import pytest
from data_files import assert_same
from hypothesis import given, settings
from hypothesis import strategies as st

from slide.core.contract.arrays import CSR
from slide.core.errors import DataError, SlideWarning
from slide.core.examples.mapped import Mapped
from slide.core.settings.traits import Traits
from slide.data import check_folder, convert_to_folder, read, write
from slide.data.folders.arrays import HEADER, header_of, mapped
from slide.data.folders.converting import PROGRESS

SMALL = {"chunk_size": 64, "every": 1024}


class Stop(BaseException):
    """As Ctrl-C, at a moment of choice."""


def stopping_after(n_parts):
    """A watcher that interrupts when so many parts were written."""
    seen = []

    def watch(n_bytes):
        seen.append(n_bytes)
        if len(seen) > n_parts:
            raise Stop

    return watch


def contents(folder):
    """The bytes of all files."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def text_of(n, seed=0):
    """XMC text of n examples."""
    rng = np.random.default_rng(seed)
    lines = [f"{n} 40 9"]
    for _ in range(n):
        features = " ".join(f"{i}:{rng.integers(1, 9)}" for i in rng.permutation(40)[:4])
        lines.append(f"{rng.integers(9)},{rng.integers(9)} {features}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Text of 60 examples, and a folder made from it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "a.txt").write_text(text_of(60))
    convert_to_folder([folder / "a.txt"], folder / "a", **SMALL)
    return folder


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.zst", "a.svm", "a.npz"])
def test_a_folder_is_what_reading_gives(name, made, tmp_path):
    write(read(made / "a.txt"), tmp_path / name)
    data = convert_to_folder([tmp_path / name], tmp_path / "a", **SMALL)
    assert isinstance(data, Mapped)
    assert not any(array.flags.writeable for array in (data.x.indices, data.y.values, data.keys))
    assert_same(data, read(tmp_path / name))
    assert_same(read(tmp_path / "a"), data)
    assert {path.name for path in tmp_path.iterdir()} == {name, "a"}
    assert contents(tmp_path / "a") == contents(made / "a")
    check_folder(tmp_path / "a")


def test_what_is_stated_is_what_is_counted(made, tmp_path):
    data, same = read(made / "a"), read(made / "a.txt")
    np.testing.assert_array_equal(data.canonical_order(), same.canonical_order())
    assert Traits.of(data) == Traits.of(same)
    (tmp_path / "ones.txt").write_text("2 4 2\n0 0:2 1:2\n1 2:1 3:1\n")
    ones = convert_to_folder([tmp_path / "ones.txt"], tmp_path / "ones")
    assert Traits.of(ones).is_binary
    assert Traits.of(ones) == Traits.of(read(tmp_path / "ones.txt"))


@settings(max_examples=5)
@given(first=st.integers(0, 30), second=st.integers(0, 30), zipped=st.booleans())
def test_an_interrupted_conversion_goes_on_to_the_same_bytes(
    first, second, zipped, made, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("stopped")
    paths = [folder / "a.txt", folder / ("b.txt.gz" if zipped else "b.txt")]
    for path in paths:
        write(read(made / "a.txt"), path)
    convert_to_folder(paths, folder / "whole", **SMALL)
    for n_parts in (first, second):
        try:
            convert_to_folder(paths, folder / "out", watch=stopping_after(n_parts), **SMALL)
        except Stop:
            assert not (folder / "out").exists()
            # what comes after the last place to go on from is of no account
            with (folder / ".out.converting" / "x_values.npy").open("ab") as file:
                file.write(b"torn")
            continue
        break
    else:
        convert_to_folder(paths, folder / "out", **SMALL)
    assert contents(folder / "out") == contents(folder / "whole")


def test_what_was_converted_is_not_converted_again(made, tmp_path):
    (tmp_path / "a.txt").write_text(text_of(60))
    with pytest.raises(Stop):
        convert_to_folder([tmp_path / "a.txt"], tmp_path / "a", watch=stopping_after(18), **SMALL)
    place = json.loads((tmp_path / ".a.converting" / PROGRESS).read_text())["place"]
    assert place[1] > 10
    read_on = []
    convert_to_folder([tmp_path / "a.txt"], tmp_path / "a", watch=read_on.append, **SMALL)
    assert min(read_on) > place[0]
    assert contents(tmp_path / "a") == contents(made / "a")


def test_other_files_begin_anew(made, tmp_path):
    (tmp_path / "a.txt").write_text(text_of(80, seed=1))
    with pytest.raises(Stop):
        convert_to_folder([tmp_path / "a.txt"], tmp_path / "a", watch=stopping_after(18), **SMALL)
    (tmp_path / "a.txt").write_text(text_of(60))
    convert_to_folder([tmp_path / "a.txt"], tmp_path / "a", **SMALL)
    assert contents(tmp_path / "a") == contents(made / "a")


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for n in (1000, 20_000):
        path = tmp_path / f"{n}.txt"
        path.write_text(text_of(50).partition("\n")[2] * (n // 50))
        path.write_text(f"{n} 40 9\n" + path.read_text())
        tracemalloc.start()
        try:
            convert_to_folder([path], tmp_path / f"{n}", chunk_size=2048, every=1 << 20)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_bad_text_is_told_with_its_line_and_leaves_nothing(tmp_path):
    (tmp_path / "a.txt").write_text(text_of(60).replace("\n", "\n0 x:1\n", 41).replace(
        "\n0 x:1\n", "\n", 40))  # fmt: skip
    with pytest.raises(DataError, match=r"a\.txt:42: 'x' is no feature number"):
        convert_to_folder([tmp_path / "a.txt"], tmp_path / "a", **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_looks_odd_is_told_once(tmp_path):
    (tmp_path / "a.svm").write_text("1 1:1\n1 2:1\n")
    with pytest.warns(SlideWarning, match="begin at 1") as told:
        convert_to_folder([tmp_path / "a.svm"], tmp_path / "a", **SMALL)
    assert len(told) == 1
    data = convert_to_folder([tmp_path / "a.svm"], tmp_path / "b", "both", **SMALL)
    assert data.x.indices.tolist() == [0, 1]


def test_a_second_conversion_into_a_folder_is_refused(made, tmp_path):
    def begin_another(n_bytes):
        with pytest.raises(DataError, match="another conversion into this folder"):
            convert_to_folder([made / "a.txt"], tmp_path / "a", **SMALL)

    convert_to_folder([made / "a.txt"], tmp_path / "a", watch=begin_another, **SMALL)
    assert contents(tmp_path / "a") == contents(made / "a")


def copy(made, tmp_path):
    """A folder to damage."""
    (tmp_path / "a").mkdir()
    for name, content in contents(made / "a").items():
        (tmp_path / "a" / name).write_bytes(content)
    return tmp_path / "a"


def edited(name, change):
    """Damage that changes one file."""

    def damage(folder):
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def stating(**entries):
    """Damage that states something else."""

    def change(content):
        return json.dumps(json.loads(content) | entries).encode()

    return edited("manifest.json", change)


AT_ONCE = {
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "no manifest.json in this"),
    "torn manifest": (edited("manifest.json", lambda content: content[:99]), "damaged"),
    "other version": (stating(version=3), "version 3, but this slide reads 1 and 2"),
    "no names": (stating(version=2), "names is None, expected numbers of names"),
    "other format": (stating(format="x"), "not of a data folder"),
    "samples": (stating(n_samples=61), "x_indptr has the length 61, expected 62"),
    "features": (stating(n_features=2**31), "n_features is 2147483648"),
    "true": (stating(n_labels=True), "n_labels is True"),
    "arrays": (stating(arrays={"../x": 1}), "arrays has ../x, expected"),
    "missing": (lambda folder: (folder / "keys.npy").unlink(), "no such file"),
    "truncated": (edited("x_values.npy", lambda c: c[:-4]), "1084 bytes, expected 1088"),
    "longer": (edited("y_indices.npy", lambda content: content + b"\0"), "bytes, expected"),
    "header": (edited("x_values.npy", lambda c: c.replace(b"<f4", b"<i4")), "its header"),
    "keys": (edited("keys.npy", lambda c: c[:128] + bytes(len(c) - 128)), "of example 1 is 0"),
    "last key": (edited("keys.npy", lambda c: c[:-1] + bytes([c[-1] ^ 1])), "key of example 60 is"),
    "first value": (edited("x_values.npy", lambda c: c[:131] + b"\x7f" + c[132:]), "example 1 is"),
    "ends": (edited("x_indptr.npy", lambda c: c[:-8] + bytes(8)), "rows from 0 to 0, expected"),
}  # fmt: skip


@pytest.mark.parametrize("damage", AT_ONCE)
def test_damage_is_refused_in_a_sentence(damage, made, tmp_path):
    folder = copy(made, tmp_path)
    AT_ONCE[damage][0](folder)
    with pytest.raises(DataError, match=AT_ONCE[damage][1]):
        read(folder)


@pytest.mark.parametrize("name", ["x_indptr", "x_indices", "x_values", "y_values", "keys"])
def test_a_check_finds_a_changed_bit(name, made, tmp_path):
    folder = copy(made, tmp_path)
    edited(f"{name}.npy", lambda c: c[:150] + bytes([c[150] ^ 1]) + c[151:])(folder)
    read(folder)
    with pytest.raises(DataError, match="checksum"):
        check_folder(folder)


def test_numbers_beyond_32_bits_are_mapped(tmp_path):
    """A file with a hole of 8 GiB in it, which takes no room."""
    n, path = 2**31 + 7, tmp_path / "x_indices.npy"
    with path.open("wb") as file:
        file.write(header_of(np.dtype("<i4"), n))
        file.truncate(HEADER + 4 * n)
        file.seek(HEADER + 4 * (n - 3))
        file.write(np.array([5, 6, 7], "<i4").tobytes())
    indices = mapped(path, np.dtype("<i4"), n)
    values = np.broadcast_to(np.float32(1), n)
    x = CSR(np.array([0, n - 3, n - 1, n], np.int64), indices, values, 8)
    part = x.take(np.array([2, 1]))
    assert (part.indptr.tolist(), part.indices.tolist()) == ([0, 1, 3], [7, 5, 6])
    assert x.row(1)[0].tolist() == [5, 6]
