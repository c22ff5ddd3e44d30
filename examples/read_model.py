"""What `slide predict MODEL FILE.svm` prints, by NumPy alone: python read_model.py MODEL FILE.svm.

For models with direct connections; docs/model-folder.md describes each tensor.
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


def unit(x):
    """To length 1; zeros stay as they are."""
    return x / (np.linalg.norm(x) or 1)


def best(t, row, k):
    """Ids and scores of the k best labels, of a row {feature id: value} and the tensors t."""
    n, n_labels = len(t["input_weights"]), len(t["bias"])
    column = {f: c for c, f in enumerate(t.get("feature_ids", np.arange(n)).tolist())}
    known = {column[f]: value for f, value in row.items() if f in column}
    columns = list(known)
    x = np.zeros(n + len(t["pairs"]))
    x[columns] = unit(t["input_weights"][columns] * unit(np.array([*known.values()])))
    if len(known) <= 16:
        f, g = np.divmod(t["pairs"], n)
        x[n:] = 2 * x[f] * x[g]
    x = unit(x)
    if "hidden_votes_base" in t:
        x = np.concatenate([x, *units(t, x)])
    label = np.repeat(np.arange(n_labels), np.diff(t["indptr"]))
    score = t["bias"] + np.bincount(label, t["values"] * x[t["indices"]], n_labels)
    score[t["label_counts"] == 0] = -2e9
    rows = np.argsort(-score, kind="stable")[:k]
    return t.get("label_ids", np.arange(n_labels))[rows], score[rows]


def units(t, x):
    """Activations of a hidden layer: two for each label, most of them 0."""
    scores = listed(t, "scores", x, 10)
    near = np.maximum(np.nan_to_num(listed(t, "examples", x, 50)), 0)
    votes = np.nan_to_num(listed(t, "votes", near / max(near.sum(), 0.001), 20))
    active = np.nan_to_num(1 / (1 + np.exp(-3 * np.maximum(scores, -10))))
    return [np.where(0.35 * each > 0.001, 0.35 * each, 0) for each in (active, votes)]


def listed(t, name, x, k):
    """Base and weighted sums of an index, of the k largest that x meets; others are NaN."""
    offsets, ids, values, base = (
        t[f"hidden_{name}_{array}"] for array in ("offsets", "ids", "values", "base")
    )
    x = np.repeat(np.resize(np.append(x, 0), len(offsets) - 1), np.diff(offsets))
    sums = base + np.bincount(ids, values * x, len(base))
    sums[np.bincount(ids, x != 0, len(base)) == 0] = np.nan
    sums[np.argsort(-sums, kind="stable")[k:]] = np.nan
    return sums


def main(folder, file, k=5):
    """A line for each example: `label:score`, best first."""
    tensors = load_file(Path(folder) / "weights.safetensors")
    one_based = json.loads((Path(folder) / "config.json").read_text())["one_based"]
    for line in Path(file).read_text().splitlines():
        pairs = [word.split(":") for word in line.split() if ":" in word]
        row = {int(f) - (one_based in ("features", "both")): float(v) for f, v in pairs}
        found = zip(*best(tensors, row, int(k)), strict=True)
        print(*(f"{i + (one_based in ('labels', 'both'))}:{score:.6g}" for i, score in found))


if __name__ == "__main__":
    main(*sys.argv[1:])
