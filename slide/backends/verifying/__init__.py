"""The whole grid of a backend, in several processes at once."""

from slide.backends.verifying.jobs import BranchJob, CellJob, Job
from slide.backends.verifying.report import Branches, Report
from slide.backends.verifying.running import Watch, verify_backend

__all__ = ["BranchJob", "Branches", "CellJob", "Job", "Report", "Watch", "verify_backend"]
