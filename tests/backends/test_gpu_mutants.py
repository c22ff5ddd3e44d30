"""Wrong CUDA kernels, compiled for the CPU, are rejected."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from slide.backends.gpu.device import source
from slide.backends.gpu.stand_in import emulator

pytestmark = pytest.mark.skipif(
    emulator.compiler() is None, reason="needs a C++ compiler to run CUDA kernels on a CPU"
)


MUTANTS = {
    "half of the lanes": ("sum_of_warp", "step = 16", "step = 8", "sddmm", "bound"),
    "no barrier after the counts": (
        "nth_largest",
        "1);\n        }\n        __syncthreads();",
        "1);\n        }",
        "top_k",
        "bound",
    ),
    "no barrier before the next byte": (
        "nth_largest",
        "mask |= (u64)255 << shift;\n        __syncthreads();",
        "mask |= (u64)255 << shift;",
        "top_k",
        "bound",
    ),
    "no barrier after zero results": (
        "best_of_rows",
        ": 0;\n    __syncthreads();",
        ": 0;",
        "top_k",
        "exact",
    ),
    "no barrier after the counters": (
        "add_up",
        "n_out = 0;\n        __syncthreads();",
        "n_out = 0;",
        "search",
        "exact",
    ),
    "no barrier between lists": (
        "add_up",
        "= j;\n            }\n            __syncthreads();",
        "= j;\n            }",
        "search",
        "bound",
    ),
    "a barrier for some": (
        "add_up",
        "if (threadIdx.x == 0) n_met = n_valid = n_out = 0;\n        __syncthreads();",
        "if (threadIdx.x == 0) { n_met = n_valid = n_out = 0; __syncthreads(); }",
        "search",
        "exact",
    ),
    "totals that stay": (
        "add_up",
        "totals[met[t]] = 0;",
        "{}",
        "search",
        "exact",
    ),
    "excluded all the same": ("add_up", "totals[excluded[e]] = 0;", "{}", "search", "exact"),
    "ties to the larger id": (
        "key_of",
        "0xffffffffu - (u32)id",
        "(u32)id + 1",
        "search",
        "exact",
    ),
    "signs unseen": ("key_of", "? ~bits :", "? bits :", "top_k", "bound"),
    "a limit too large": ("best_of_rows", "one >= least", "one + 1 > least - 1", "top_k", "exact"),
    "the first left out": ("sum_rows", "e = first;", "e = first + 1;", "spmm", "exact"),
    "a place too low": (
        "place_of",
        "low = middle + 1",
        "low = middle + 2",
        "masked_spgemm",
        "exact",
    ),
    "the state after the weight": (
        "update_entries",
        "sqrtf(square[p])",
        "sqrtf(square[p] - g * g)",
        "update_entries",
        "bound",
    ),
    "a sum of one warp": (
        "sum_of_block",
        "warp < blockDim.x >> 5",
        "warp < 1",
        "solve_rows",
        "bound",
    ),
    "no barrier after a visit": (
        "solve_rows",
        "duals[e] = dual;\n            __syncthreads();",
        "duals[e] = dual;",
        "solve_rows",
        "bound",
    ),
    "no barrier after the start of a row": (
        "solve_rows",
        "= start_inputs[p];\n        }\n        __syncthreads();",
        "= start_inputs[p];\n        }",
        "solve_rows",
        "bound",
    ),
    "marks that stay": (
        "solve_rows",
        "weights[met[t]] = marks[met[t]] = 0;",
        "weights[met[t]] = 0;",
        "solve_rows",
        "bound",
    ),
    "the constant for its square": (
        "solve_rows",
        "square = constant * constant",
        "square = constant",
        "solve_rows",
        "bound",
    ),
    "no slack in the curvature": (
        "solve_rows",
        "norms[i] + square + slack",
        "norms[i] + square + 1e-6f",
        "solve_rows",
        "bound",
    ),
    "half a norm": ("squared_norms", "p += 32", "p += 64", "solve_rows", "bound"),
    "no decay": ("adam_rows", "kept * weight[p]", "weight[p]", "update_rows", "bound"),
    "the sum for the mean": ("adagrad_rows", "total / d", "total", "update_rows", "bound"),
    "uphill": ("sgd_rows", "- lr * g[", "+ lr * g[", "update_rows", "bound"),
}
"""What it is in, what is written there, what instead, and the kernel and property that see it."""


IN_A_PROCESS = """
import sys
from slide.backends.gpu.stand_in import StandInBackend
from slide.reference.checks import check
cuda, kernel, name = sys.stdin.read(), *sys.argv[1:]
backend = StandInBackend(cuda=cuda)
sys.exit(3 if check(backend, kernel, name, 120, shrink=False).outcome == "fail" else 0)
"""


def judged(name):
    """A mutant in a process of its own, for some write anywhere."""
    place, right, wrong, kernel, prop = MUTANTS[name]
    cuda = source()
    where = cuda.index(right, cuda.index(f" {place}("))
    mutated = cuda[:where] + wrong + cuda[where + len(right) :]
    return subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS, kernel, prop],
        input=mutated, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def verdicts():
    """All mutants, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(MUTANTS, pool.map(judged, MUTANTS), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_cuda_kernel_is_rejected(name, verdicts):
    """A failure is 3, a crash below 0."""
    told = verdicts[name]
    assert told.returncode == 3 or told.returncode < 0, told.stderr
