"""Texts whose topics can be read off their words, in files."""

import json
import random

TOPICS = {
    "cooking": "pan butter oven salt garlic recipe flour onion",
    "café\tcrème": "espresso milk roast grinder crema barista",
    "space": "orbit rocket moon comet telescope launch",
    'new\n"lines"': "seed soil water bloom prune leaf",
}


def examples(n, seed=0):
    """Pairs of a text and the names of its topics."""
    drawn = random.Random(seed)
    made = []
    for _ in range(n):
        tags = drawn.sample(sorted(TOPICS), drawn.choice((1, 1, 2)))
        words = [word for tag in tags for word in drawn.choices(TOPICS[tag].split(), k=6)]
        made.append((" ".join(["the", *words, "and"]), tags))
    return made


def write_lines(path, pairs, text="text", tags="tags"):
    """A file of JSON lines."""
    lines = (json.dumps({text: each, tags: names}) for each, names in pairs)
    path.write_text("".join(line + "\n" for line in lines))
    return path
