"""The bundled set is there, whole, and what its README says."""

import hashlib
from importlib.resources import files

import numpy as np

from slide.data import load_demo


def test_demo():
    demo = load_demo()
    demo.train.check()
    demo.test.check()
    assert (demo.train.n_samples, demo.test.n_samples) == (43334, 10114)
    for part in (demo.train, demo.test):
        assert part.n_features == len(demo.feature_names) == 23502
        assert part.n_labels == len(demo.label_names) == 15314
    assert len(set(demo.feature_names)) == 23502
    most_frequent = int(np.argmax(demo.train.y.column_counts()))
    assert demo.label_names[most_frequent] == "libc6"
    assert "Debian" in demo.source
    squares = np.bincount(demo.test.x.row_numbers(), demo.test.x.values**2)
    assert np.abs(squares - 1).max() < 0.01  # tf-idf rows have norm 1, rounded to 4 decimals


def test_files_are_those_of_the_checksums():
    folder = files("slide.data") / "demo"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == 4
    for line in lines:
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
