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
    given = np.zeros(n)
    given[columns] = list(known.values())
    x = np.zeros(n + len(t["pairs"]))
    x[columns] = unit(t["input_weights"][columns] * unit(np.array([*known.values()])))
    if len(known) <= 16:
        f, g = np.divmod(t["pairs"], n)
        x[n:] = 2 * x[f] * x[g]
    x = unit(x)
    if "hidden_votes_base" in t:
        x = np.concatenate([x, *units(t, x)])
    if "near_weights" in t:
        x = np.append(x, neighbours(t, given))
    label = np.repeat(np.arange(n_labels), np.diff(t["indptr"]))
    score = t["bias"] + np.bincount(label, t["values"] * x[t["indices"]], n_labels)
    score[t["label_counts"] == 0] = -2e9
    rows = np.argsort(-score, kind="stable")[:k]
    return t.get("label_ids", np.arange(n_labels))[rows], score[rows]


def units(t, x):
    """Activations of a hidden layer: two for each label, most of them 0."""
    scores = listed(t, "hidden_scores", x, 10)
    near = shares(listed(t, "hidden_examples", x, 50))
    votes = np.nan_to_num(listed(t, "hidden_votes", near, 20))
    active = np.nan_to_num(1 / (1 + np.exp(-3 * np.maximum(scores, -10))))
    return [np.where(0.35 * each > 0.001, 0.35 * each, 0) for each in (active, votes)]


def neighbours(t, x):
    """Activations of a hidden layer of the nearest examples: one for each label."""
    asked = unit(t["near_rarity"] * unit(x))
    near, wholes = (shares(listed(t, f"near_{of}", asked, 500)) for of in ("examples", "wholes"))
    voted = ("labels", near), ("features", near), ("members", wholes)
    votes = [np.nan_to_num(listed(t, f"near_{of}", active, 100)) for of, active in voted]
    own = np.resize(np.append(x, np.zeros(len(t["bias"]))), len(t["bias"]))
    own = np.maximum(own, 0) / (max(x.max(initial=0), 0) or 1)
    rare = np.where(np.max(votes, axis=0) > 0, t["near_label_rarity"], 0)
    return t["near_weights"] @ [*np.log1p(np.array(votes) / 0.001), own > 0, own, rare]


def shares(cosines):
    """Of 1 in all, those that are below 0 or missing 0."""
    near = np.maximum(np.nan_to_num(cosines), 0)
    return near / max(near.sum(), 0.001)


def listed(t, name, x, k):
    """Base and weighted sums of an index, of the k largest that x meets; others are NaN."""
    offsets, ids, values, base = (
        t[f"{name}_{array}"] for array in ("offsets", "ids", "values", "base")
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
