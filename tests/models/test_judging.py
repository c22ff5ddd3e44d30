"""Judgements of answers, against sums over examples one by one."""

from collections import Counter

import numpy as np
import pytest
from conftest import planted
from small_models import BACKEND, CONFIGS, N_SEEN, examples, named_model

from slide.core.examples.measures import PARTS, parts_of
from slide.core.examples.scored import Scored
from slide.core.models.calibration import Calibration
from slide.core.models.judging import judgement
from slide.core.runs.trainer import Trainer

MODEL = named_model("steps")
DATA = planted(150, N_SEEN + 3, seed=5)  # three labels beyond those that training met


@pytest.fixture(scope="module")
def scored():
    labels, scores = MODEL.ranked(DATA.x.first_columns(MODEL.network.n_features), 8)
    labels[3, 2] = -1
    return Scored.of(labels, scores, DATA)


@pytest.fixture(scope="module")
def told(scored):
    _, likely, right = Calibration.fitted_to(scored, MODEL.label_counts)
    return judgement(MODEL, scored, likely, right)


def pairs_of(scored):
    """Each example's labels, and its five best answers."""
    for i, ids in enumerate(scored.labels[:, :5].tolist()):
        yield set(scored.y.row(i)[0].tolist()), ids


def test_recall_by_part_and_by_frequency(scored, told):
    counts = np.zeros(scored.y.n_cols, np.int64)
    counts[: len(MODEL.label_counts)] = MODEL.label_counts
    kinds = {
        "by_part": [PARTS[part] for part in parts_of(counts)],
        "by_frequency": [0 if n == 0 else 1 << int(n).bit_length() - 1 for n in counts],
    }
    for name, key in (("by_part", "name"), ("by_frequency", "least")):
        for k in (1, 3, 5):
            there, hit = Counter(), Counter()
            for labels, ids in pairs_of(scored):
                there.update(kinds[name][label] for label in labels)
                hit.update(kinds[name][label] for label in labels & set(ids[:k]))
            got = {each[key]: each[f"recall_at_{k}"] for each in told[name]}
            assert got == {kind: pytest.approx(hit[kind] / there[kind]) for kind in there}
    named, right = Counter(), Counter()
    for labels, ids in pairs_of(scored):
        named.update(kinds["by_part"][label] for label in ids if label >= 0)
        right.update(kinds["by_part"][label] for label in ids if label in labels)
    for each in told["by_part"]:
        assert each["precision_at_5"] == pytest.approx(right[each["name"]] / named[each["name"]])
    assert sum(each["n_pairs"] for each in told["by_frequency"]) == scored.y.nnz


def test_confusions_are_those_counted_one_by_one(scored, told):
    n, seen, true = len(MODEL.label_counts), Counter(), Counter()
    for labels, ids in pairs_of(scored):
        first = ids[: min(len(labels), 5)]
        true.update(labels)
        wrong = [label for label in first if label >= 0 and label not in labels]
        seen.update((t, w) for t in labels - set(first) if t < n for w in wrong)
    expected = sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:30]
    got = [((each["label"], each["named"]), each["n"]) for each in told["confusions"]]
    assert got == expected
    for each in told["confusions"]:
        assert each["n_true"] == true[each["label"]]
        assert (each["name"], each["named_name"]) == (
            f"tag {each['label']}", f"tag {each['named']}",
        )  # fmt: skip


def test_reliability_is_what_the_error_is_measured_on(scored, told):
    calibration = Calibration.fitted(scored, MODEL.label_counts)
    bins, error = told["reliability"]["bins"], told["reliability"]["error"]
    assert error == calibration.error
    n = sum(each["n"] for each in bins)
    assert n == int(scored.first(5).are_there.sum())
    gaps = sum(each["n"] * abs(each["true"] - each["said"]) for each in bins)
    assert gaps / n == pytest.approx(error)
    assert sum(each["n"] * each["true"] for each in bins) == pytest.approx(
        scored.first(5).hits.sum()
    )


@pytest.mark.parametrize(("name", "valid", "of"), [
    ("solved", False, "held_out"), ("solved", True, "valid"),
    ("hidden", True, "valid"), ("hidden", False, None),
])  # fmt: skip
def test_a_run_judges_its_model_on_what_it_was_not_trained_on(name, valid, of):
    test_set = planted(40, N_SEEN, seed=9) if valid else None
    seen = []

    class Watcher:
        def on_step(self, step, n_steps): ...

        def on_evaluation(self, record):
            seen.append(record)

    trainer = Trainer(CONFIGS[name], BACKEND, watcher=Watcher())
    trainer.fit(examples(), test_set)
    assert (trainer.judged or {}).get("of") == of
    if valid:
        for k in (1, 3, 5):
            assert trainer.judged[f"precision_at_{k}"] == pytest.approx(
                seen[-1][f"precision_at_{k}"]
            )
        for part in trainer.judged["by_part"]:
            assert part["recall_at_5"] == pytest.approx(seen[-1][f"{part['name']}_recall_at_5"])
