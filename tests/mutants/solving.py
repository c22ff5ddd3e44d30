"""Wrong rows by dual coordinate descent."""

from dataclasses import replace

import numpy as np

from mutants.patterns import first_of_rows, kept, wrapped
from mutants.registry import REFERENCE, at_scale, mutant, remembers
from slide.core.contract.arrays import CSR
from slide.core.contract.sparse import SolvedRows
from slide.reference import plain
from slide.reference.kernels import ReferenceBackend
from slide.reference.running import as_float64, map_arrays

KERNEL = "solve_rows"


def of_descents(killer="bound"):
    """Register rows of which each visit is as a subclass of `plain.Descent` has it."""

    def register(kind):
        def solve_rows(self, *arguments):
            given = map_arrays(arguments, as_float64)
            x, *_, limits, passes, salt = given
            rows, bias, duals = [], [], []
            for limit, one in zip(limits, plain.descents(*given[:6], passes, salt), strict=True):
                wrong = kind(**vars(one))
                for place in wrong.visited(passes):
                    wrong.visit(place)
                best = sorted(wrong.weights, key=lambda f, w=wrong.weights: (-abs(w[f]), f))
                rows.append({f: wrong.weights[f] for f in best[:limit]})
                bias.append(wrong.bias)
                duals += wrong.duals
            numbers = (np.array(each, np.float32) for each in (bias, duals))
            weight = plain.csr(rows, x.n_cols)
            return SolvedRows(weight.with_values(weight.values.astype(np.float32)), *numbers)

        solve_rows.__name__ = f"solve_rows_{kind.__name__}"
        mutant(KERNEL, killer)(solve_rows)
        return kind

    return register


class Usual(plain.Descent):
    """Nothing is wrong with it."""

    def visited(self, passes):
        return self.order


@of_descents()
class LetsDualsFallBelowZero(Usual):
    def visit(self, place):
        gradient = self.side(place) * self.score(place) - 1 + self.duals[place] * self.slack(place)
        step = -self.side(place) * gradient / self.curvature(place)
        self.duals[place] += self.side(place) * step
        for f, value in self.examples[place].items():
            self.weights[f] += step * value
        self.bias += step * self.constant**2


@of_descents()
class VisitsInTheOrderOfTheFile(Usual):
    def visited(self, passes):
        return [*range(len(self.costs))] * passes


@of_descents()
class VisitsInTheSameOrderInEachPass(Usual):
    def visited(self, passes):
        return self.order[: len(self.costs)] * passes


@of_descents()
class TakesACostForItsInverse(Usual):
    def slack(self, place):
        return abs(self.costs[place]) / 2


@of_descents()
class LeavesTheSlackOutOfTheCurvature(Usual):
    def curvature(self, place):
        return max(super().curvature(place) - self.slack(place), 1e-6)


@of_descents()
class LeavesTheConstantOutOfTheCurvature(Usual):
    def curvature(self, place):
        return super().curvature(place) - self.constant**2


@of_descents()
class LeavesTheSlackOutOfTheGradient(Usual):
    def visit(self, place):
        side, before = self.side(place), self.duals[place]
        gradient = side * self.score(place) - 1
        dual = max(before - gradient / self.curvature(place), 0.0)
        self.duals[place] = dual
        for f, value in self.examples[place].items():
            self.weights[f] += side * (dual - before) * value
        self.bias += side * (dual - before) * self.constant**2


@of_descents()
class LeavesTheBiasAsItWas(Usual):
    def visit(self, place):
        bias = self.bias
        super().visit(place)
        self.bias = bias


@mutant(KERNEL, "bound")
def solve_rows_ignores_where_it_starts(
    self, x, wanted, duals, start, base, constant, limits, passes, salt
):
    none = start.with_values(0 * start.values)
    return REFERENCE.solve_rows(x, wanted, duals, none, base, constant, limits, passes, salt)


@mutant(KERNEL, "bound")
def solve_rows_ignores_signs(self, x, wanted, *others):
    return REFERENCE.solve_rows(x, wanted.with_values(abs(wanted.values)), *others)


@mutant(KERNEL, "bound")
def solve_rows_takes_the_constant_for_its_square(
    self, x, wanted, duals, start, base, constant, *others
):
    return REFERENCE.solve_rows(x, wanted, duals, start, base, constant**0.5, *others)


@mutant(KERNEL, "bound")
def solve_rows_starts_cold(self, x, wanted, duals, *others):
    return REFERENCE.solve_rows(x, wanted, 0 * duals, *others)


@mutant(KERNEL, "bound")
def solve_rows_passes_once_less(self, *arguments):
    *others, passes, salt = arguments
    return REFERENCE.solve_rows(*others, max(passes - 1, 0), salt)


@mutant(KERNEL, "bound")
def solve_rows_salts_no_order(self, *arguments):
    return REFERENCE.solve_rows(*arguments[:-1], 0)


@mutant(KERNEL, "bound")
def solve_rows_keeps_the_largest_not_the_longest(self, *arguments):
    *others, limits, passes, salt = arguments
    whole = REFERENCE.solve_rows(*others, np.full_like(limits, 1 << 30), passes, salt)
    w = whole.weight
    rows, places = w.row_numbers(), np.empty(w.nnz, int)
    places[np.lexsort((w.indices, -w.values, rows))] = np.arange(w.nnz) - w.indptr[rows]
    return replace(whole, weight=w.where(places < limits[rows]))


@mutant(KERNEL, "bound")
def solve_rows_keeps_one_too_many(self, *arguments):
    *others, limits, passes, salt = arguments
    return REFERENCE.solve_rows(*others, limits + 1, passes, salt)


@mutant(KERNEL, "bound")
def solve_rows_drops_weights_of_zero(self, *arguments):
    solved = REFERENCE.solve_rows(*arguments)
    return replace(solved, weight=solved.weight.where(solved.weight.values != 0))


@mutant(KERNEL, "empty")
def solve_rows_forgets_rows_that_want_nothing(self, x, wanted, *others):
    solved = REFERENCE.solve_rows(x, wanted, *others)
    wants = wanted.row_lengths() > 0
    return replace(solved, weight=solved.weight.where(wants[solved.weight.row_numbers()]))


@mutant(KERNEL, "empty")
def solve_rows_keeps_the_last_of_a_tie(self, x, wanted, duals, start, *others):
    constant, limits, passes, salt = others[1:]
    turned = [CSR.from_scipy(each.to_scipy()[:, ::-1]) for each in (x, start)]
    solved = REFERENCE.solve_rows(
        turned[0], wanted, duals, turned[1], others[0], constant, limits, passes, salt
    )
    return replace(solved, weight=CSR.from_scipy(solved.weight.to_scipy()[:, ::-1]))


@mutant(KERNEL, "pure")
def solve_rows_leaves_its_duals_where_it_found_them(self, x, wanted, duals, *others):
    solved = REFERENCE.solve_rows(x, wanted, duals, *others)
    duals[:] = solved.duals
    return replace(solved, duals=duals)


@mutant(KERNEL, "dtype")
def solve_rows_with_duals_of_float64(self, *arguments):
    solved = REFERENCE.solve_rows(*arguments)
    return replace(solved, duals=solved.duals.astype(np.float64))


@mutant(KERNEL, "metamorphic")
def solve_rows_drops_a_worker(self, x, wanted, duals, start, base, *others):
    solved = REFERENCE.solve_rows(x, wanted, duals, start, base, *others)
    solved.bias[100:] = base[100:]
    return solved


@mutant(KERNEL, "metamorphic")
def solve_rows_salts_by_row(self, x, wanted, duals, start, base, constant, limits, passes, salt):
    half = wanted.n_rows // 2
    both = [
        REFERENCE.solve_rows(
            x, wanted, duals, start, base, constant, limits, passes, salt + moved
        )
        for moved in (0, 1)
    ]  # fmt: skip
    rows, entries = np.arange(wanted.n_rows) < half, wanted.row_numbers() < half
    weight = both[0].weight.where(rows[both[0].weight.row_numbers()])
    rest = both[1].weight.where(~rows[both[1].weight.row_numbers()])
    return SolvedRows(
        weight.union(rest), np.where(rows, both[0].bias, both[1].bias),
        np.where(entries, both[0].duals, both[1].duals),
    )  # fmt: skip


@at_scale(KERNEL)
def solve_rows_sees_1024_examples_of_a_row(self, x, wanted, duals, *others):
    places = np.arange(wanted.nnz) - wanted.indptr[wanted.row_numbers()]
    seen = places < 1024
    solved = REFERENCE.solve_rows(x, wanted.where(seen), duals[seen], *others)
    after = duals.copy()
    after[seen] = solved.duals
    return replace(solved, duals=after)


@at_scale(KERNEL)
def solve_rows_reads_512_inputs_of_an_example(self, x, *others):
    return REFERENCE.solve_rows(first_of_rows(x, 512), *others)


@at_scale(KERNEL)
def solve_rows_starts_from_1000_entries(self, x, wanted, duals, start, *others):
    return REFERENCE.solve_rows(x, wanted, duals, first_of_rows(start, 1000), *others)


@at_scale(KERNEL)
def solve_rows_numbers_cells_in_int32(self, *arguments):
    solved = REFERENCE.solve_rows(*arguments)
    return replace(solved, weight=kept(solved.weight, solved.weight.cells() < 1 << 31))


@at_scale(KERNEL)
def solve_rows_of_more_than_65536_rows(self, x, wanted, duals, start, base, *others):
    rows = wrapped(np.arange(wanted.n_rows), np.uint16, wanted.n_rows)
    solved = REFERENCE.solve_rows(x, wanted, duals, start, base, *others)
    return replace(solved, bias=solved.bias[rows] if len(rows) > 1 << 16 else solved.bias)


@at_scale(KERNEL)
def solve_rows_keeps_1000_at_most(self, *arguments):
    *others, limits, passes, salt = arguments
    return REFERENCE.solve_rows(*others, np.minimum(limits, 1000), passes, salt)


@at_scale(KERNEL)
def solve_rows_has_salts_of_32_bits(self, *arguments):
    return REFERENCE.solve_rows(*arguments[:-1], arguments[-1] & 0xFFFFFFFF)


@remembers(KERNEL)
class SolveRowsKeepsNormsByIdentity(ReferenceBackend):
    """Of examples that are the same object all is taken to be the same."""

    last = None

    def solve_rows(self, x, *others):
        if self.last is None or self.last[0] is not x.values:
            self.last = x.values, x.values.copy()
        return REFERENCE.solve_rows(x.with_values(self.last[1]), *others)


@remembers(KERNEL)
class SolveRowsKeepsOrdersByLength(ReferenceBackend):
    """Orders are made once for a number of passes, whatever the salt is."""

    def __init__(self):
        self.salts = {}

    def solve_rows(self, *arguments):
        *others, passes, salt = arguments
        return REFERENCE.solve_rows(*others, passes, self.salts.setdefault(passes, salt))
