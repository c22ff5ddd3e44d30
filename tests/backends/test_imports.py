"""What backends know of the engine, and the engine of backends: the contract alone."""

import ast
from pathlib import Path

import slide

PACKAGE = Path(slide.__file__).parent
BACKENDS = PACKAGE / "backends"
COMPUTE = [
    *(BACKENDS / f"{name}.py" for name in ("numba_threads", "processes", "cupy_gpu", "delegating")),
    *(path for name in ("threads", "gpu", "shared") for path in (BACKENDS / name).rglob("*.py")),
]
KNOWN = {"contract", "errors", "extending", "interrupts"}


def imported(path):
    """Dotted names of all that a file imports from this package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{each.name}".split(".") for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name.split(".") for each in node.names)


def test_backends_see_the_contract_alone():
    found = {(path, name[2]) for path in COMPUTE for name in imported(path) if is_core(name)}
    assert {part for _, part in found} == KNOWN
    assert len({path for path, _ in found}) > len(COMPUTE) / 2


def is_core(name):
    return name[:2] == ["slide", "core"]


def test_the_engine_knows_no_backend():
    for path in (PACKAGE / "core").rglob("*.py"):
        assert ["slide", "backends"] not in [name[:2] for name in imported(path)], path
