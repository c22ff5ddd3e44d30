"""One step of each learner, drawn into docs/figures: `python -m bench.pictures.steps`."""

from __future__ import annotations

from pathlib import Path

from bench.harness.drawing import DRAWN, HARD, INK, LINE, OWN, PALE, Card

FOLDER = Path(__file__).parents[2] / "docs" / "figures"
OWN_LABEL, HARD_LABELS = 2, (1, 5)  # of eight that are drawn


def solved() -> Card:
    """Mine, list, solve: a round of linear SVMs."""
    card = Card(
        720, 330,
        "A round of the default learner: the inverted index finds hard negatives, each label gets "
        "a shortlist of examples, and is solved as a linear SVM",
    )  # fmt: skip
    card.text(20, 30, "1  Mine", bold=True)
    card.text(
        20, 50, "The index adds up, for an\nexample, what labels weigh\nits features.", size=12
    )
    for n, (feature, labels) in enumerate((("f3", (0, 1, 2)), ("f8", (1, 2, 5)), ("f9", (5, 7)))):
        y = 104 + 34 * n
        card.text(20, y + 17, feature, size=13)
        card.line(40, y + 12, 58, y + 12, PALE)
        for k, label in enumerate(labels):
            card.named(60 + 44 * k, y, 38, 24, f"l{label}", shade(label))
    card.text(20, 226, "l2 is right; l1 and l5 score high\nwithout being right.", HARD, 12)
    card.arrow((210, 150), (250, 150))
    card.text(262, 30, "2  List", bold=True)
    card.text(262, 50, "Label l5 meets a shortlist\nof examples.", size=12)
    for n, (words, color) in enumerate(
        (("its own", OWN), ("its own", OWN), ("hard: it scores high", HARD),
         ("hard: it scores high", HARD), ("drawn: for all others", DRAWN))
    ):  # fmt: skip
        card.named(262, 88 + 30 * n, 170, 24, words, color)
    card.arrow((445, 150), (485, 150))
    margin(card)
    card.arrow((600, 262), (600, 296), (110, 296), (110, 262))
    card.text(355, 288, "new weights, a new index, the next round", at="middle", size=12)
    card.text(
        355, 316, "until a round gains less than a point on held-out examples", PALE, 12, "middle"
    )
    return card


def margin(card: Card) -> None:
    """A label's examples on both sides of its margin."""
    card.text(497, 30, "3  Solve", bold=True)
    card.text(497, 50, "One row of weights, to its optimum:\nno learning rate.", size=12)
    card.box(497, 84, 203, 170, LINE)
    card.line(530, 250, 672, 88, INK, 1.5)
    card.line(510, 222, 627, 88, PALE, 1, dashed=True)
    card.line(572, 250, 698, 106, PALE, 1, dashed=True)
    for x, y in ((640, 200), (668, 172), (680, 210), (650, 232), (622, 196)):
        card.dot(x, y, OWN)
    for x, y in ((560, 168), (590, 128), (548, 196)):
        card.dot(x, y, HARD)
    for x, y in ((515, 110), (530, 140), (550, 104), (512, 160), (575, 98)):
        card.dot(x, y, DRAWN, 4)


def shade(label: int) -> str:
    """The colour of a label."""
    return OWN if label == OWN_LABEL else HARD if label in HARD_LABELS else DRAWN


def direct() -> Card:
    """A step of sparse connections."""
    card = Card(
        720, 330,
        "A step of direct connections: of all sparse connections between features and labels only "
        "those from the example's features to its label and the hardest wrong labels are computed",
    )  # fmt: skip
    connections = {0: (0, 3), 1: (0, 1, 4), 2: (1, 3, 5), 3: (2, 4), 4: (0, 5), 5: (1, 4, 5),
                   6: (2, 3), 7: (5, 2)}  # fmt: skip
    lit, active = (1, 4, 5), (OWN_LABEL, *HARD_LABELS)
    where = {f: (130, 64 + 42 * f) for f in range(6)}
    for label, features in connections.items():
        for feature in features:
            is_used = label in active and feature in lit
            color = shade(label) if is_used else LINE
            card.line(*where[feature], 420, 54 + 32 * label, color, 2.5 if is_used else 1)
    for feature, (x, y) in where.items():
        card.dot(x, y, INK if feature in lit else LINE, 8)
    for label in range(8):
        card.dot(420, 54 + 32 * label, shade(label) if label in active else LINE, 8)
    card.text(130, 32, "features", bold=True, at="middle")
    card.text(420, 32, "labels", bold=True, at="middle")
    card.text(20, 110, "in the\nexample", size=12)
    card.text(440, 54 + 32 * OWN_LABEL + 5, "its label", OWN, 13)
    for label in HARD_LABELS:
        card.text(440, 54 + 32 * label + 5, "hard: found by the index", HARD, 13)
    card.text(440, 54 + 32 * 7 + 5, "not looked at", PALE, 13)
    card.text(
        20, 308,
        "Bold connections are computed, get a gradient of the logistic loss, and move by Adagrad. "
        "All others stay.", size=12,
    )  # fmt: skip
    return card


def hidden() -> Card:
    """A step with hash tables."""
    card = Card(
        720, 340,
        "A step with a hidden layer: the activations are hashed, the buckets of the hash tables "
        "and chance propose labels, and only these neurons of the output layer are computed",
    )  # fmt: skip
    for n in range(6):
        for k in range(4):
            card.line(48, 66 + 36 * n, 168, 84 + 48 * k, LINE)
    for n in range(6):
        card.dot(48, 66 + 36 * n, INK if n in (0, 2, 3) else LINE, 7)
    for k in range(4):
        card.dot(168, 84 + 48 * k, INK, 9)
    card.text(48, 34, "features", bold=True, at="middle")
    card.text(168, 34, "hidden h", bold=True, at="middle")
    card.text(330, 34, "hash tables", bold=True, at="middle")
    card.arrow((186, 120), (238, 100))
    card.text(188, 96, "hash(h)", PALE, 12)
    for table, buckets in enumerate((("l4 l1", "l6", "l0 l3"), ("l7", "l5 l1", "l3 l6"))):
        for b, words in enumerate(buckets):
            is_hit = (table, b) in ((0, 0), (1, 1))
            x, y = 244 + 92 * table, 60 + 34 * b
            card.named(x, y, 82, 28, words, HARD if is_hit else DRAWN)
    card.named(244, 182, 174, 30, "and some by chance: l7", DRAWN)
    card.named(244, 222, 174, 30, "and the right label: l2", OWN)
    card.arrow((424, 120), (470, 120))
    outputs(card)
    card.text(
        20, 300,
        "Only neurons of the active set are computed; only their rows, and the hidden layer, get\n"
        "a gradient. Tables are rebuilt from the weights now and then.", size=12,
    )  # fmt: skip
    return card


def outputs(card: Card) -> None:
    """The output layer with its active neurons."""
    card.text(510, 34, "output layer", bold=True, at="middle")
    told = {1: ("from the tables", HARD), 2: ("right", OWN), 4: ("from the tables", HARD),
            5: ("from the tables", HARD), 7: ("by chance", DRAWN)}  # fmt: skip
    for label in range(8):
        y = 62 + 27 * label
        words, color = told.get(label, ("not computed", LINE))
        card.dot(490, y, color, 8)
        card.text(510, y + 5, f"l{label}", INK if label in told else PALE, 13)
        card.text(536, y + 5, words, color if label in told else PALE, 13)


def layers() -> Card:
    """Two passes."""
    card = Card(
        720, 320,
        "The hidden layer of labels and examples: scores of a first pass and labels of the nearest "
        "training examples become inputs of a second pass beside the features",
    )  # fmt: skip
    card.named(20, 120, 130, 60, "features of\nthe example")
    card.named(220, 30, 190, 66, "first pass:\nthe same SVMs, solved\nwithout this example", OWN)
    card.named(220, 204, 190, 66, "index of training\nexamples: the 50\nnearest", HARD)
    card.arrow((150, 138), (214, 80), color=INK)
    card.arrow((150, 162), (214, 224), color=INK)
    card.arrow((150, 150), (456, 150), color=INK)
    card.text(300, 143, "features as they are", PALE, 12, "middle")
    card.named(462, 40, 150, 46, "its 10 best labels\nare units", OWN)
    card.named(462, 128, 150, 44, "features")
    card.named(462, 214, 150, 46, "20 of their labels\nare units", HARD)
    card.arrow((410, 63), (456, 63), color=OWN)
    card.arrow((410, 237), (456, 237), color=HARD)
    card.line(618, 63, 636, 63, PALE)
    card.line(618, 150, 636, 150, PALE)
    card.line(618, 237, 636, 237, PALE)
    card.line(636, 63, 636, 237, PALE)
    card.arrow((636, 150), (656, 150), color=PALE)
    card.text(662, 140, "second\npass", bold=True, size=13)
    card.text(
        20, 304, "Kept if held-out examples are answered better by more than the standard error.",
        size=12,
    )  # fmt: skip
    return card


def shards() -> Card:
    """What crosses the network in a step."""
    card = Card(
        720, 340,
        "A step in shards: the driver sends the batch to all shards, each of which scores its own "
        "labels; scores go up, counts come down, and each shard updates its own weights",
    )  # fmt: skip
    card.named(260, 20, 200, 52, "driver\nexamples, order, clocks")
    for n, labels in enumerate(("0 ... 3,999", "4,000 ... 7,999", "8,000 ... 11,999")):
        x = 30 + 235 * n
        card.named(x, 186, 190, 84, f"shard {n}\nlabels {labels}\nweights, squares, index", OWN)
        down, up = (310 + 32 * n, 72), (330 + 32 * n, 72)
        card.arrow(down, (x + 70, 180))
        card.arrow((x + 110, 186), (up[0], up[1] + 4), color=HARD)
    card.text(20, 96, "1  the batch, to all", size=13)
    card.text(540, 96, "2  scores of each shard's\n    k best wrong labels", HARD, 13)
    card.text(20, 122, "3  how many of these are\n    among the k best of all", size=13)
    card.text(
        20, 300,
        "4  Each shard takes the step on its own labels. Active sets are those of one process, "
        "and so\n    are the bits.", size=12,
    )  # fmt: skip
    return card


FIGURES = {"solved": solved, "direct": direct, "hidden": hidden, "layers": layers, "shards": shards}


def drawn() -> dict[str, str]:
    """Each figure, by the name of its file."""
    return {f"{name}.svg": draw().svg() for name, draw in FIGURES.items()}


if __name__ == "__main__":
    for name, svg in drawn().items():
        (FOLDER / name).write_text(svg, encoding="utf-8")
