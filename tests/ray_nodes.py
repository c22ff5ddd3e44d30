"""Ray on this machine alone: a head that has no room for work, and two nodes that have."""

import os
from contextlib import contextmanager

import pytest

from slide.distributed.cluster import HERE_ALONE, QUIETLY

STORE = 100_000_000  # bytes of a node for what is passed on
PATIENTLY = {"RAY_worker_register_timeout_seconds": "900"}  # whatever else the machine does
MARKS = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves pipes to its processes
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def add_node(nodes):
    """One more node, which has room for all workers of a test."""
    nodes.add_node(num_cpus=3, object_store_memory=STORE)


@contextmanager
def connected():
    """Connects this process to such nodes, and gives Ray's `Cluster` of them."""
    before = dict(os.environ)
    os.environ.update(QUIETLY | HERE_ALONE | PATIENTLY)
    import ray
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        add_node(nodes)
    ray.init(nodes.address, log_to_driver=False, configure_logging=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()
    os.environ.clear()
    os.environ.update(before)
