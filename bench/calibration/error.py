"""How far probabilities are from how often labels are right, before and after calibration.

    python -m bench.calibration.error --data DIR [--sets a,b] [--learner NAME] [--seed N]

DIR holds NAME/{train,test}.txt.gz, or NAME/X_{train,test}.npz with the labels beside them. Prints
a Markdown row for each set: expected calibration error in percent, of the best 5 labels of each
test example, in 15 bins of equal width; of all of them, and of labels of the head, torso and tail.
Before is the sigmoid of the logit. The last column is what calibration took after training, in
percent of the seconds of training.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

import slide
from bench.harness.problems import pair_in
from slide.core.contract.arrays import Array
from slide.core.examples.measures import parts_of
from slide.core.examples.metrics import hits
from slide.core.models.calibration import AT
from slide.core.models.curves import calibration_error
from slide.core.models.probabilities import sigmoid

LEARNERS: dict[str, dict[str, Any]] = {
    "solved": {},
    "steps": {"lr": 2.0},
    "hidden": {"hidden": (256,)},
}
HEAD = (
    "| set | learner | fitted to | before | head / torso / tail | after | head / torso / tail "
    "| time |\n|---|---|---|---|---|---|---|---|"
)


def errors(probabilities: Array, right: Array, parts: Array) -> str:
    """Two cells: of all answers, and of those of each part of the labels."""
    each = [
        100 * calibration_error(probabilities[parts == part], right[parts == part])
        for part in range(3)
    ]
    whole = 100 * calibration_error(probabilities.ravel(), right.ravel())
    return f"{whole:.1f} | {' / '.join(f'{one:.1f}' for one in each)}"


def row(name: str, learner: str, seed: int, train: slide.Dataset, test: slide.Dataset) -> str:
    """One line of the table."""
    config = slide.recipe(train, seed=seed, **LEARNERS[learner])
    trainer = slide.Trainer(config, calibrate=True)
    model = trainer.fit(train)
    labels, logits = model.predict(test.x, AT)
    _, probabilities = model.predict_proba(test.x, AT)
    right, parts = hits(labels, test.y.positive()), parts_of(model.label_counts)[labels]
    before, after = (errors(each, right, parts) for each in (sigmoid(logits), probabilities))
    assert model.calibration is not None
    share = 100 * trainer.seconds_calibrate / trainer.seconds
    n_examples = f"{model.calibration.n_examples:,}"
    return f"| {name} | {learner} | {n_examples} | {before} | {after} | {share:.1f} % |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sets", type=lambda text: text.split(","), metavar="A,B")
    parser.add_argument("--learner", choices=LEARNERS, default="solved")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    names = args.sets or sorted(path.name for path in args.data.iterdir() if path.is_dir())
    print(HEAD)
    with threadpool_limits(limits=1, user_api="blas"):
        for name in names:
            print(row(name, args.learner, args.seed, *pair_in(args.data / name)), flush=True)


if __name__ == "__main__":
    main()
