"""slide plan: what training on several nodes would take, before anybody pays for them."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.cli.options import FORMATS, AsJson, BackendName, given, print_json
from slide.cli.settings import common_settings, takes_settings
from slide.core.errors import ConfigError

if TYPE_CHECKING:
    from slide.distributed.planning.advice import Plan
    from slide.distributed.planning.counts import Work
    from slide.distributed.planning.faults import Expected, Faults
    from slide.distributed.planning.rates import Rates
    from slide.distributed.planning.timing import Node

COUNTS, NODE, FAULTS = "Counts of the data", "Nodes and network", "What goes wrong"
SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9}
MOST_NODES = 100_000
DATA = "/data/train"  # in files that are written without data


def option(help: str, panel: str, metavar: str | None = None, **more: Any) -> Any:
    """An option in a panel of the help."""
    return typer.Option(help=help, rich_help_panel=panel, metavar=metavar, **more)


@takes_settings("chosen", common_settings())
def plan(
    chosen: dict[str, Any],
    data: Annotated[Path | None, typer.Argument(metavar="[DATA]", help=FORMATS)] = None,
    nodes: Annotated[
        str, option("Numbers of nodes, one shard of the labels on each.", NODE, "N[,N..]")
    ] = "1,2,4,8",
    cores: Annotated[
        float | None, option("Cores of a node; those of this machine if not given.", NODE)
    ] = None,
    memory: Annotated[
        float | None, option("GB of a node; those of this machine if not given.", NODE)
    ] = None,
    latency_us: Annotated[float, option("Microseconds of a message, one way.", NODE)] = 100.0,
    bandwidth_gbit: Annotated[
        float, option("Gigabits a second of a node's link, each way.", NODE)
    ] = 10.0,
    labels: Annotated[
        str | None, option("Labels, such as 100M; those of DATA if not given.", COUNTS, "N")
    ] = None,
    examples: Annotated[str | None, option("Training examples, such as 1B.", COUNTS, "N")] = None,
    features: Annotated[str | None, option("Different features.", COUNTS, "N")] = None,
    features_per_example: Annotated[float | None, option("On average.", COUNTS)] = None,
    labels_per_example: Annotated[float | None, option("On average.", COUNTS)] = None,
    loose: Annotated[
        bool,
        option("Each shard chooses its own negatives, as slide train --loose has it.", NODE),
    ] = False,
    stragglers: Annotated[
        float, option("Sigma of the lognormal slowness of a shard at a step.", FAULTS)
    ] = 0.1,
    failures_per_node_day: Annotated[float, option("Of a node, on average.", FAULTS)] = 0.01,
    restart_seconds: Annotated[float, option("From a failure until it goes on.", FAULTS)] = 120.0,
    emit: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write files for Ray, KubeRay and Slurm, as advised."),
    ] = None,
    backend: BackendName = None,
    as_json: AsJson = False,
) -> None:
    """Predict time, memory and speed-up of training in shards of labels.

    A step of the real trainer is measured on DATA, on one core of this machine,
    and told for other numbers of nodes by arithmetic. Without DATA the counts
    say what there is, and rates are those of docs/plan.md. Nothing is trained,
    and Ray is not needed.
    """
    from slide.cli.planned import as_object, show
    from slide.distributed.planning.advice import plan as planned
    from slide.distributed.planning.files import refuse_taken

    numbers = numbers_of_nodes(nodes)
    node = node_of(cores, memory, latency_us, bandwidth_gbit)
    faults = faults_of(stragglers, failures_per_node_day, restart_seconds)
    counts = counts_of(labels, examples, features, features_per_example, labels_per_example)
    if emit is not None:
        refuse_taken(emit)
    work, rates = work_of(data, backend, counts, chosen)
    work = replace(work, loose=loose)
    result = planned(work, rates, node, numbers, "batch_size" in chosen)
    found = with_faults(result, work, faults)
    if as_json:
        print_json(as_object(result, found, faults))
    else:
        show(result, found, faults)
    if emit is not None:
        emit_files(result, found, emit, data, chosen, as_json)


def numbers_of_nodes(text: str) -> list[int]:
    """The numbers of `--nodes 1,2,4`.

    Raises:
        ConfigError: it is no such list.
    """
    parts = text.split(",")
    if not all(part.strip().isdecimal() and 1 <= int(part) <= MOST_NODES for part in parts):
        raise ConfigError(
            f"--nodes got {text!r}: expected whole numbers from 1 to {MOST_NODES:,} with commas "
            "between them, such as 1,2,4"
        )
    return [int(part) for part in parts]


def node_of(
    cores: float | None, memory: float | None, latency_us: float, bandwidth_gbit: float
) -> Node:
    """What each node is; what is not said is that of this machine.

    Raises:
        ConfigError: a number is out of its range.
    """
    from slide.core import machine
    from slide.distributed.planning.timing import Node

    own = machine.memory() / 1e9
    return Node(
        within("--cores", machine.cores() if cores is None else cores, 0.01, 4096),
        1e9 * within("--memory", min(own, 1e6) if memory is None else memory, 0.01, 1e6),
        1e-6 * within("--latency-us", latency_us, 0, 1e7),
        1e9 / 8 * within("--bandwidth-gbit", bandwidth_gbit, 1e-6, 1e6),
    )


def faults_of(stragglers: float, failures_per_node_day: float, restart_seconds: float) -> Faults:
    """What goes wrong.

    Raises:
        ConfigError: a number is out of its range.
    """
    from slide.distributed.planning.faults import Faults

    return Faults(
        within("--stragglers", stragglers, 0, 10),
        within("--failures-per-node-day", failures_per_node_day, 0, 1e4),
        within("--restart-seconds", restart_seconds, 0, 1e7),
    )


def with_faults(result: Plan, work: Work, faults: Faults) -> list[Expected]:
    """What is to be expected of each line of a plan, all that goes wrong included."""
    from slide.distributed.planning.faults import expected
    from slide.distributed.planning.stored import checkpoint_bytes

    return [
        expected(line.step, replace(work, batch_size=line.batch_size).steps_per_epoch,
                 line.n_nodes, faults, checkpoint_bytes(work, line.n_nodes))
        for line in result.lines
    ]  # fmt: skip


def within(name: str, value: float, least: float, most: float) -> float:
    """The value of an option, if it is a number in its range.

    Raises:
        ConfigError: it is not.
    """
    if not (math.isfinite(value) and least <= value <= most):
        raise ConfigError(f"{name} got {value:g}: expected a number from {least:g} to {most:g}")
    return float(value)


def counts_of(
    labels: str | None,
    examples: str | None,
    features: str | None,
    features_per_example: float | None,
    labels_per_example: float | None,
) -> dict[str, Any]:
    """Those counts that were said, by their names in `Counts`.

    Raises:
        ConfigError: one is none.
    """
    words = {"n_labels": labels, "n_examples": examples, "n_features": features}
    means = {
        "features_per_example": features_per_example,
        "labels_per_example": labels_per_example,
    }
    counts: dict[str, Any] = {
        name: count_of(f"--{name.removeprefix('n_')}", text) for name, text in given(words).items()
    }
    for name, value in given(means).items():
        counts[name] = within(f"--{name.replace('_', '-')}", value, 1e-6, 1e9)
    return counts


def count_of(name: str, text: str) -> int:
    """A count such as 100M.

    Raises:
        ConfigError: it is none.
    """
    number, factor = text.strip(), SUFFIXES.get(text.strip()[-1:].upper(), 1.0)
    if factor > 1:
        number = number[:-1]
    try:
        value = float(number) * factor
    except ValueError:
        value = math.nan
    if not 1 <= value <= 1e15:
        raise ConfigError(f"{name} got {text!r}: expected a count from 1 on, such as 5000 or 100M")
    return round(value)


def work_of(
    data: Path | None, backend: str | None, counts: dict[str, Any], chosen: dict[str, Any]
) -> tuple[Work, Rates]:
    """What is trained and at which rates: measured on data, or by counts alone.

    Raises:
        ConfigError: there are neither data nor all counts.
    """
    from slide.distributed.planning.counts import Counts
    from slide.distributed.planning.reference import REFERENCE, scaled, work_of_counts

    if data is not None:
        from slide.backends import load
        from slide.data import read
        from slide.distributed.planning.measuring import measured

        work, rates = measured(read(data), load(backend), data.is_dir(), **chosen)
        return scaled(work, counts), rates
    lacking = [name for name in Counts.__dataclass_fields__ if name not in (*counts, "mapped")]
    if lacking:
        option = lacking[0].removeprefix("n_").replace("_", "-")
        raise ConfigError(f"--{option} is missing: expected DATA, or all counts of the data")
    return work_of_counts(Counts(**counts), **chosen), REFERENCE


def emit_files(
    result: Plan, found: list[Expected], folder: Path, data: Path | None, chosen: dict[str, Any],
    as_json: bool,
) -> None:  # fmt: skip
    """Write the files of the advised line, and say which.

    Raises:
        ConfigError: none is advised.
    """
    from slide.distributed.planning.files import Job, write

    if result.advised is None:
        raise ConfigError(f"--emit has nothing to write: {result.reason}")
    line, expected = result.lines[result.advised], found[result.advised]
    settings = chosen | {"batch_size": line.batch_size}
    said = [word for name, value in settings.items() for word in said_as(name, value)]
    saving = (
        []
        if math.isinf(expected.checkpoint_seconds)
        else ["--checkpoint-every", f"{max(round(expected.checkpoint_seconds), 1)}s"]
    )
    command = (
        "slide", "train", str(data or DATA), "--model", "model", "--distributed", "--shards",
        str(line.n_nodes), *(["--loose"] if result.work.loose else []), *said, *saving,
    )  # fmt: skip
    seconds = result.work.epochs * expected.seconds
    job = Job(
        command, line.n_nodes, max(int(result.node.cores), 1), result.node.memory_bytes, seconds
    )
    paths = write(job, folder)
    if not as_json:
        print(f"Written: {shlex.join(map(str, paths))} (docs/clusters.md)")


def said_as(name: str, value: Any) -> list[str]:
    """A setting as words of a command."""
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    if isinstance(value, tuple):
        value = ",".join(map(str, value)) or "0"
    return [f"--{option}", str(value)]
