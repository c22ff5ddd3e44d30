"""The whole grid of a backend, in several processes at once.

`running` hands out the cells, `jobs` is what a cell takes, `pool` and `worker` are the processes,
`report` is what is known in the end. A backend that brings its process down fails a cell, not the
run. May import the reference, the registry of backends, and `shared` for starting processes.
"""

from slide.backends.verifying.jobs import BranchJob, CellJob, Job
from slide.backends.verifying.report import Branches, Report
from slide.backends.verifying.running import Watch, verify_backend

__all__ = ["BranchJob", "Branches", "CellJob", "Job", "Report", "Watch", "verify_backend"]
