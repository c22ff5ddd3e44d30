"""From raw texts to a model that answers with names, and from its folder to answers again.

Run it from anywhere: `python examples/texts_to_names.py`. Needs `pip install 'slide-engine[text]'`.
"""

import json
import random
import tempfile
from pathlib import Path

import slide

WORDS = {
    "baking": "flour oven yeast dough sugar butter crust",
    "sailing": "wind mast anchor harbour tide sail knot",
    "astronomy": "telescope comet orbit moon galaxy nebula star",
    "gardening": "soil seed prune bloom compost leaf water",
}


def write_texts(path: Path, n: int, seed: int) -> None:
    """Write a JSON object a line: a text of one or two topics, and their names."""
    drawn = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(n):
            tags = drawn.sample(sorted(WORDS), drawn.choice((1, 2)))
            words = [word for tag in tags for word in drawn.choices(WORDS[tag].split(), k=5)]
            file.write(json.dumps({"text": " ".join(words), "tags": tags}) + "\n")


def main() -> None:
    """Train, save, load, answer."""
    with tempfile.TemporaryDirectory() as folder:
        train, test, model = (
            Path(folder) / name for name in ("train.jsonl", "test.jsonl", "model")
        )
        write_texts(train, 500, seed=0)
        write_texts(test, 100, seed=1)

        data = slide.read_texts(train, text="text", labels="tags")
        slide.Trainer(slide.Config(epochs=2)).fit(data).save(model)

        tagger = slide.Model.load(model)
        scores = tagger.evaluate(slide.read_texts(test, like=tagger))
        print(f"P@1 on texts that it has not seen: {scores['precision_at_1']:.0%}")
        texts = ["a telescope, and the moon over the harbour", "yeast in the compost?", "xyzzy"]
        for text, labels in zip(texts, tagger.predict_texts(texts, k=2)[0], strict=True):
            print(f"{text!r}: {', '.join(labels) or 'nothing in it is known'}")


if __name__ == "__main__":
    main()
