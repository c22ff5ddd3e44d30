"""Data folders of texts: the words, names and bits of reading the texts, from folder to folder."""

import json
import os
import random
import tracemalloc
import zlib

import pytest
from data_files import assert_same

import slide
from slide.core.errors import DataError, InputError
from slide.core.examples.naming import is_same_text
from slide.data import (
    Columns,
    check_folder,
    convert_texts_like,
    convert_texts_to_folder,
    convert_to_folder,
    read,
)
from slide.data.folders import texts as reading

COLUMNS = Columns(("text",), "labels")
WORDS = [f"word{i}" for i in range(50)] + ["Café", "naïve"]


def write_rows(path, n, seed=0, labels="abcd"):
    """A file of JSON lines, or CSV, of n texts."""
    drawn = random.Random(seed)
    is_csv = path.suffix == ".csv"
    lines = ["text,labels"] if is_csv else []
    for _ in range(n):
        text = " ".join(drawn.choices(WORDS, k=drawn.randint(0, 30)))
        names = drawn.sample(labels, drawn.randint(0, 2))
        row = {"text": text, "labels": names}
        lines.append(f'{text},"{",".join(names)}"' if is_csv else json.dumps(row))
    path.write_text("".join(line + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file of texts, and a folder of it."""
    folder = tmp_path_factory.mktemp("texts")
    write_rows(folder / "a.jsonl", 40)
    convert_texts_to_folder([folder / "a.jsonl"], folder / "a", COLUMNS)
    return folder


def assert_same_named(data, other):
    """Examples, names and words are the same bits."""
    assert_same(data, other)
    assert (data.feature_names, data.label_names) == (other.feature_names, other.label_names)
    assert is_same_text(data.text, other.text)
    if data.text is not None:
        assert data.text.columns == other.text.columns


@pytest.mark.parametrize("vectorizer", ["tfidf", "hashing"])
@pytest.mark.parametrize("name", ["p-{}.jsonl", "p-{}.csv"])
def test_a_folder_is_what_reading_all_texts_gives(name, vectorizer, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "TEXTS_AT_A_TIME", 7)
    parts = [write_rows(tmp_path / name.format(i), 20, i, "dcba"[i:]) for i in range(2)]
    lines = parts[1].read_text().splitlines(keepends=True)[parts[1].suffix == ".csv" :]
    whole = tmp_path / f"whole{parts[0].suffix}"
    whole.write_text(parts[0].read_text() + "".join(lines))
    told = []
    pattern = tmp_path / name.format("*")
    convert_texts_to_folder(
        [pattern], tmp_path / "d", COLUMNS, vectorizer, {"ngram_range": [1, 2]}, told.append
    )
    read_at_once = slide.read_texts(
        whole, "text", "labels", vectorizer=vectorizer, ngram_range=(1, 2)
    )
    assert_same_named(check_folder(tmp_path / "d"), read_at_once)
    assert told == sorted(told)
    assert told[-1] == sum(part.stat().st_size for part in parts)


def test_a_folder_of_folders_keeps_names(made, tmp_path):
    convert_to_folder([made / "a"], tmp_path / "b")
    convert_to_folder([made / "a", made / "a"], tmp_path / "c")
    assert_same_named(read(tmp_path / "b"), read(made / "a"))
    both = read(tmp_path / "c")
    assert both.label_names == read(made / "a").label_names
    assert both.n_samples == 80
    (tmp_path / "x-1").symlink_to(made / "a")
    (tmp_path / "x-2").symlink_to(made / "a")
    assert_same_named(read(tmp_path / "x-*"), both)


def test_names_survive_an_interruption_between_folders(made, tmp_path):
    def stop_in_the_second(n_bytes):
        seen.append(n_bytes)
        if len(seen) == 2:
            raise KeyboardInterrupt

    seen = []
    with pytest.raises(KeyboardInterrupt):
        convert_to_folder([made / "a", made / "a"], tmp_path / "b", watch=stop_in_the_second)
    data = convert_to_folder([made / "a", made / "a"], tmp_path / "b", watch=seen.append)
    assert len(seen) == 3  # the first was not converted again
    assert data.feature_names == read(made / "a").feature_names


def test_sets_with_other_names_are_no_set(made, tmp_path):
    write_rows(tmp_path / "b.jsonl", 9, 1, "bcde")
    convert_texts_to_folder([tmp_path / "b.jsonl"], tmp_path / "b", COLUMNS)
    with pytest.raises(InputError, match="several sets whose columns have other names"):
        convert_to_folder([made / "a", tmp_path / "b"], tmp_path / "c")
    assert not [path for path in tmp_path.iterdir() if "c" in path.name]


@pytest.mark.parametrize("known_by", ["folder", "read"])
def test_others_are_read_by_words_and_labels_that_are_known(known_by, made, tmp_path):
    like = read(made / "a")
    if known_by == "read":
        like = slide.read_texts(made / "a.jsonl", "text", "labels")
    paths = [
        write_rows(tmp_path / f"{n}.jsonl", 9, n, names) for n, names in ((1, "bdxy"), (2, "zya"))
    ]
    data = convert_texts_like(paths[:1], tmp_path / "b", like)
    assert_same(data, slide.read_texts(paths[0], like=like))
    assert data.label_names.values[:4] == like.label_names.values
    assert set(data.label_names.values[4:]) == {"x", "y"}
    both = convert_texts_like(paths, tmp_path / "c", like)
    rows = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    named = [both.label_names.of(both.y.row(i)[0]) for i in range(both.n_samples)]
    assert [set(row["labels"]) for row in rows] == [set(names) for names in named]
    with pytest.raises(InputError, match="not trained on texts"):
        convert_texts_like(paths, tmp_path / "d", slide.Dataset([[1.0]], [[0]]))


def test_memory_does_not_grow_with_the_texts(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "TEXTS_AT_A_TIME", 32)
    peaks = []
    for i, n in enumerate((64, 64, 1600)):  # the first imports
        path = write_rows(tmp_path / f"{i}.jsonl", n)
        tracemalloc.start()
        try:
            convert_texts_to_folder([path], tmp_path / f"{i}", COLUMNS)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[2] < 1.3 * peaks[1]


def test_what_comes_once_is_refused(tmp_path):
    with pytest.raises(DataError, match="texts are read twice, and this comes once"):
        convert_texts_to_folder([reading.Path("-")], tmp_path / "a", COLUMNS)


def test_what_is_interrupted_begins_anew(made, tmp_path):
    def stop(n_bytes):
        if list(tmp_path.glob(".a.converting/names.json")) or (tmp_path / ".a.converting").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_texts_to_folder([made / "a.jsonl"], tmp_path / "a", COLUMNS, watch=stop)
    assert [path.name for path in tmp_path.iterdir()] == [".a.converting"]
    convert_texts_to_folder([made / "a.jsonl"], tmp_path / "a", COLUMNS)
    for path in (made / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_bad_row_is_told_with_its_line_and_leaves_nothing(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", 5)
    with path.open("a") as file:
        file.write('{"text": 3, "labels": []}\n')
    with pytest.raises(DataError, match=r"a\.jsonl:6: 'text' is 3, expected text"):
        convert_texts_to_folder([path], tmp_path / "a", COLUMNS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def copy(made, tmp_path):
    """A folder to damage."""
    (tmp_path / "a").mkdir()
    for path in (made / "a").iterdir():
        (tmp_path / "a" / path.name).write_bytes(path.read_bytes())
    return tmp_path / "a"


def rewritten(name, change):
    """Damage of a file, with a manifest that tells of it as if it were none."""

    def damage(folder):
        content = change((folder / name).read_text()).encode()
        (folder / name).write_bytes(content)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["beside"][name] = {"length": len(content), "crc32": zlib.crc32(content)}
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return damage


def stated(**entries):
    """Damage of the manifest."""

    def damage(folder):
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(manifest | entries))

    return damage


def linked(name):
    """A file that is a link to a copy of it."""

    def damage(folder):
        os.rename(folder / name, folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return damage


DAMAGE = {
    "flipped": (
        lambda f: (f / "names.json").write_text(
            (f / "names.json").read_text().replace("1", "2", 1)
        ),
        r"names\.json: it has another checksum",
    ),
    "longer": (
        lambda f: (f / "text.json").write_text((f / "text.json").read_text() + " "),
        r"text\.json: it has \d+ bytes, expected",
    ),
    "missing": (lambda f: (f / "text.json").unlink(), r"text\.json: there is no such file"),
    "link": (linked("names.json"), r"names\.json: a link, a pipe or a folder"),
    "link of text": (linked("text.json"), r"text\.json: a link, a pipe or a folder"),
    "no setting": (
        rewritten("text.json", lambda text: text.replace('"l2"', '"l9"')),
        r"text\.json: it is damaged \(norm of no vectorizer\): convert the data again",
    ),
    "torn": (rewritten("text.json", lambda text: text[:-9]), "it is damaged"),
    "counts": (stated(names={"features": 3, "labels": 4}), "there are 3 names of features, expec"),
    "no counts": (stated(names={"features": -1}), "names is .*, expected numbers of names"),
    "others": (stated(beside={"../names.json": {}}), "beside is .*, expected names.json"),
    "undescribed": (stated(beside={"names.json": {"length": 2}}), "expected its length and crc32"),
}
LATER = {
    "twice": rewritten("names.json", lambda text: text.replace('"a"', '"b"')),
    "fewer": rewritten("names.json", lambda text: text.replace('"a", ', "")),
    "no JSON": rewritten("names.json", lambda text: text[:-5]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_refused_in_a_sentence(damage, made, tmp_path):
    folder = copy(made, tmp_path)
    DAMAGE[damage][0](folder)
    with pytest.raises(DataError, match=DAMAGE[damage][1]):
        read(folder)


@pytest.mark.parametrize("damage", LATER)
def test_names_are_checked_when_one_is_wanted(damage, made, tmp_path):
    folder = copy(made, tmp_path)
    LATER[damage](folder)
    data = read(folder)
    for look in (lambda: data.label_names.values, lambda: check_folder(folder)):
        with pytest.raises(
            DataError, match=r"names\.json: it is damaged .* convert the data again"
        ):
            look()


def test_a_folder_in_the_making_takes_no_link(made, tmp_path):
    (tmp_path / ".b.converting").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / ".b.converting" / "names.json").symlink_to(tmp_path / "mine")
    with pytest.raises(DataError, match="a link, a pipe or a folder"):
        convert_to_folder([made / "a"], tmp_path / "b")
    assert (tmp_path / "mine").read_text() == "mine"
