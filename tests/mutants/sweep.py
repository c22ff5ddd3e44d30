"""Try the mutants at the default number of examples with ten seeds: a table of what rejects them.

`python tests/mutants/sweep.py [WORD ...]` tries those whose names have one of the words, or all. A
mutant is tried in the cell that must reject it, and where that does not in the others of its row.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutants import AT_DEFAULT
from slide.reference.checks import GRID, check

SEEDS = range(10)
N_EXAMPLES = 25
N_PROCESSES = 2
HEAD = "| mutant | kernel | rejected by | after (median, most) | seeds |\n|---|---|---|---|---|"


def main() -> None:
    """Print a line for each mutant; exit with 1 unless all are rejected with every seed."""
    words = sys.argv[1:] or [""]
    chosen = [i for i, (backend, _, _) in enumerate(AT_DEFAULT)
              if any(word in backend.__name__ for word in words)]  # fmt: skip
    print(HEAD)
    n_survivors = 0
    with ProcessPoolExecutor(N_PROCESSES, get_context("spawn")) as pool:
        for number, found in zip(chosen, pool.map(sweep, chosen), strict=True):
            print(line(number, found), flush=True)
            n_survivors += len(found) < len(SEEDS)
    print(f"\n{len(chosen)} mutants, {n_survivors} of them not rejected with every seed.")
    sys.exit(n_survivors > 0)


def sweep(number: int) -> list[tuple[str, int]]:
    """Of each seed that a mutant is rejected with: by which property, after how many examples."""
    with threadpool_limits(1, "blas"):
        return [found for seed in SEEDS for found in rejected(number, seed)]


def rejected(number: int, seed: int) -> Iterator[tuple[str, int]]:
    """The first property that rejects a mutant, if there is one."""
    backend, row, killer = AT_DEFAULT[number]
    for name in (killer, *(name for name in GRID[row] if name != killer)):
        one = check(backend(), row, name, N_EXAMPLES, seed, shrink=False)
        if one.outcome == "fail":
            yield name, one.examples
            return


def line(number: int, found: list[tuple[str, int]]) -> str:
    """A row of the table."""
    backend, row, _ = AT_DEFAULT[number]
    by = ", ".join(name for name, _ in Counter(name for name, _ in found).most_common())
    counts = [count for _, count in found]
    after = f"{median(counts):g}, {max(counts)}" if counts else "-"
    return f"| {backend.__name__} | {row} | {by or '-'} | {after} | {len(found)} of {len(SEEDS)} |"


if __name__ == "__main__":
    main()
