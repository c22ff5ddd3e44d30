"""slide demo: train on the bundled data set and show in words what was learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slide.cli.options import BackendName, Threads, computing_threads
from slide.cli.screen import Screen

if TYPE_CHECKING:
    from slide.core.models.model import Model
    from slide.data import Demo

DEFAULT_FOLDER = Path("out/demo")
DEMO = "the bundled demo set"
N_SHOWN = 5
N_WORDS = 10


def demo(
    model: Annotated[
        Path, typer.Option(metavar="DIR", help="Model folder to write.")
    ] = DEFAULT_FOLDER,
    backend: BackendName = None,
    threads: Threads = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    examples: Annotated[
        int | None,
        typer.Option(
            min=N_SHOWN, metavar="N", help="Train on so many, drawn at random; all if not given."
        ),
    ] = None,
) -> None:
    """Train on the bundled data set, then show five test examples in words.

    The task: from the words of a Debian package's description, name the
    packages it depends on. The default folder is replaced if an earlier demo
    left it there; another one is not.
    """
    from slide.backends import load
    from slide.core.learners.recipe import recipe
    from slide.core.models.folder import refuse_unwritable
    from slide.core.runs.to_folder import train_to_folder
    from slide.data import load_demo

    overwrite = model == DEFAULT_FOLDER and is_demo(model)
    refuse_unwritable(model, overwrite)
    computer = load(backend)
    data = drawn_from(load_demo(), examples, seed)
    config = recipe(data.train, seed=seed)
    with computing_threads(computer, threads) as n_threads, Screen(config.epochs) as screen:
        Console().print(introduction(data, computer.name, n_threads), highlight=False)
        network, figures = train_to_folder(
            data.train,
            data.test,
            model,
            config,
            computer,
            overwrite,
            watcher=screen,
            trained_on=DEMO,
            circumstances={"threads": n_threads},
        )
        print(f"\nTrained in {figures['seconds_train']:.0f} s.", end=" ")
        print(f"{N_SHOWN} examples of the test set, none of them seen in training:\n")
        show_examples(network, data, np.random.default_rng(seed))
    print(f"\nModel in {model}. Next: slide train YOUR_DATA --model DIR")


def drawn_from(data: Demo, n: int | None, seed: int) -> Demo:
    """The demo with n of its training examples, or with all of them."""
    if n is None or n >= data.train.n_samples:
        return data
    rows = np.random.default_rng(seed).choice(data.train.n_samples, n, replace=False)
    return replace(data, train=data.train.take(np.sort(rows)))


def is_demo(folder: Path) -> bool:
    """Whether a demo left the model that is in `folder`."""
    from slide.core.errors import ModelError
    from slide.core.models.folder import read_description

    try:
        return read_description(folder).get("trained_on") == DEMO
    except ModelError:
        return False


def introduction(data: Demo, backend: str, threads: int) -> str:
    """What is about to happen."""
    train, test = data.train, data.test
    return (
        f"{data.source}.\n"
        f"{train.n_samples:,} training and {test.n_samples:,} test examples, "
        f"{train.n_features:,} features, {train.n_labels:,} labels. "
        f"Backend {backend}, {threads} thread{'s' if threads > 1 else ''}.\n"
    )


def show_examples(model: Model, data: Demo, rng: np.random.Generator) -> None:
    """Some random test examples: the words that weigh most, what is predicted, what is true."""
    rows = np.sort(rng.choice(data.test.n_samples, N_SHOWN, replace=False))
    chosen = data.test.take(rows)
    predicted, _ = model.predict(chosen.x, 5)
    table = Table(show_lines=True)
    table.add_column("the package says", ratio=1)
    table.add_column("the network predicts", no_wrap=True, max_width=27)
    table.add_column("true", no_wrap=True, max_width=25)
    for i in range(N_SHOWN):
        labels, _ = chosen.y.row(i)
        words, weights = chosen.features.row(i)
        heaviest = words[np.argsort(-weights, kind="stable")[:N_WORDS]]
        hit = np.isin(predicted[i], labels)
        table.add_row(
            escape(" ".join(data.feature_names[word] for word in heaviest)),
            "\n".join(
                f"[green]✓ {escape(data.label_names[label])}[/]"
                if good
                else f"[dim]· {escape(data.label_names[label])}[/]"
                for label, good in zip(predicted[i], hit, strict=True)
            ),
            escape("\n".join(data.label_names[label] for label in labels)),
        )
    Console().print(table)
