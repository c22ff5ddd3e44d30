"""Stand-ins for trackers of experiments, which keep what they are told."""

from contextlib import contextmanager
from types import ModuleType


def mlflow():
    """A module whose calls are kept in `calls`, in their order."""
    module = ModuleType("mlflow")
    module.calls = calls = []

    @contextmanager
    def start_run():
        calls.append(("start_run",))
        yield
        calls.append(("end_run",))

    module.start_run = start_run
    module.log_params = lambda params: calls.append(("log_params", params))
    module.log_metrics = lambda metrics, step: calls.append(("log_metrics", metrics, step))
    module.log_artifacts = lambda folder, path: calls.append(("log_artifacts", folder, path))
    return module


def wandb():
    """The same; like the real one it takes no step below the last one."""
    module = ModuleType("wandb")
    module.calls = calls = []

    @contextmanager
    def init(project):
        calls.append(("init", project))
        yield
        calls.append(("finish",))

    def log(values, step):
        last = max((call[2] for call in calls if call[0] == "log"), default=0)
        assert step >= last, "wandb drops what is told of an earlier step"
        calls.append(("log", values, step))

    module.config = {}
    module.init, module.log = init, log
    return module
