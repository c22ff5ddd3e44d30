"""Every kernel against its definition, and how fast it is beside numba and the reference."""

from slide.testing import benchmarks, conformance

test_conformance = conformance("slide_einsum:EinsumBackend")
test_speed = benchmarks("slide_einsum:EinsumBackend")
