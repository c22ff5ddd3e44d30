"""What a cluster is asked with: files for Ray's launcher, KubeRay and Slurm, and the job's command.

They say how many machines of which size; where and when these are is left to what schedules there.
Names in capital letters are to be filled in.
"""

from __future__ import annotations

import math
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slide.core.errors import ConfigError

PORT = 6379
IMAGE = "YOUR-REGISTRY/slide-engine:latest"  # Ray's image, with slide-engine in it
PACKAGE = "pip install 'slide-engine[distributed]'"
MARGIN = 2.0  # times the predicted hours that a job asks for
HOME = "/data"  # of what all machines see
NEEDED = f"files for clusters are written by PyYAML, which is not installed: {PACKAGE}"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to run.

    Args:
        command: `slide train ...`, without --address.
        n_nodes: machines, one shard on each.
        cores: of each.
        memory_bytes: of each.
        seconds: predicted, of all epochs.
    """

    command: tuple[str, ...]
    n_nodes: int
    cores: int
    memory_bytes: float
    seconds: float

    def line(self, address: str) -> str:
        """The command, quoted, at a cluster whose address needs no quotes."""
        return f"{shlex.join(self.command)} --address {address}"

    @property
    def gibibytes(self) -> int:
        """Memory of a machine that is asked for: seven eighths, for the system has some of it."""
        return max(int(self.memory_bytes * 7 / 8 / 2**30), 1)

    @property
    def time(self) -> str:
        """To ask for, as Slurm has it: hours:minutes:seconds."""
        minutes = max(math.ceil(MARGIN * self.seconds / 60), 10)
        return f"{minutes // 60}:{minutes % 60:02d}:00"


def emitted(job: Job) -> dict[str, str]:
    """The text of each file by its name.

    Raises:
        ConfigError: PyYAML is not installed.
    """
    return {
        "command.sh": f"#!/bin/bash\nset -e\nexec {job.line('${RAY_ADDRESS:-auto}')}\n",
        "ray-cluster.yaml": as_yaml(ray_cluster(job)),
        "rayjob.yaml": as_yaml(ray_job(job)),
        "slurm.sh": slurm(job),
    }


def as_yaml(thing: dict[str, Any]) -> str:
    """A mapping as YAML, in the order of its keys."""
    try:
        import yaml  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise ConfigError(NEEDED) from None
    text: str = yaml.safe_dump(thing, sort_keys=False)
    return text


def ray_cluster(job: Job) -> dict[str, Any]:
    """For `ray up`, on machines that are there and can be reached by ssh."""
    start = f"ray start --num-cpus={job.cores}"
    return {
        "cluster_name": "slide",
        "provider": {
            "type": "local",
            "head_ip": "HEAD",
            "worker_ips": [f"WORKER-{number}" for number in range(1, job.n_nodes)],
        },
        "auth": {"ssh_user": "USER", "ssh_private_key": "~/.ssh/id_ed25519"},
        "max_workers": job.n_nodes - 1,
        "setup_commands": [PACKAGE],
        "head_start_ray_commands": [
            "ray stop",
            f"{start} --head --port={PORT} --autoscaling-config=~/ray_bootstrap_config.yaml",
        ],
        "worker_start_ray_commands": ["ray stop", f"{start} --address=$RAY_HEAD_IP:{PORT}"],
    }


def ray_job(job: Job) -> dict[str, Any]:
    """A RayJob of KubeRay: it makes the cluster, runs the command on its head, and ends it."""
    cluster: dict[str, Any] = {
        "headGroupSpec": group(job, "ray-head", {"dashboard-host": "0.0.0.0"})
    }
    if job.n_nodes > 1:
        workers = job.n_nodes - 1
        cluster["workerGroupSpecs"] = [
            {"groupName": "shards", "replicas": workers, "minReplicas": workers,
             "maxReplicas": workers} | group(job, "ray-worker", {})
        ]  # fmt: skip
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": "slide"},
        "spec": {
            "entrypoint": job.line("auto"),
            "submissionMode": "K8sJobMode",
            "shutdownAfterJobFinishes": True,
            "rayClusterSpec": cluster,
        },
    }


def group(job: Job, name: str, start: dict[str, str]) -> dict[str, Any]:
    """Pods of one kind: so many cores and so much memory, and the volume that all see."""
    size = {"cpu": str(job.cores), "memory": f"{job.gibibytes}Gi"}
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "YOUR-CLAIM"}}
    container = {
        "name": name,
        "image": IMAGE,
        "resources": {"requests": dict(size), "limits": dict(size)},
        "volumeMounts": [{"name": "data", "mountPath": HOME}],
    }
    return {
        "rayStartParams": start | {"num-cpus": str(job.cores)},
        "template": {"spec": {"containers": [container], "volumes": [volume]}},
    }


SLURM = """#!/bin/bash
#SBATCH --job-name=slide
#SBATCH --nodes={n_nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task={cores}
#SBATCH --mem={gibibytes}G
#SBATCH --time={time}
#SBATCH --output=slide-%j.log
set -e
nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
head="${{nodes[0]}}"
address="$(srun --nodes=1 --ntasks=1 -w "$head" hostname --ip-address | cut -d' ' -f1):{port}"

srun --nodes=1 --ntasks=1 --overlap -w "$head" \\
    ray start --head --port={port} --num-cpus={cores} --block &
for node in "${{nodes[@]:1}}"; do
    srun --nodes=1 --ntasks=1 --overlap -w "$node" bash -c \\
        "until ray start --address $address --num-cpus={cores} --block; do sleep 2; done" &
done

count="import ray; ray.init('$address'); print('nodes', sum(n['Alive'] for n in ray.nodes()))"
until srun --nodes=1 --ntasks=1 --overlap -w "$head" python -c "$count" 2>/dev/null \\
    | grep -qx "nodes {n_nodes}"; do sleep 2; done
srun --nodes=1 --ntasks=1 --overlap -w "$head" {command}
"""


def slurm(job: Job) -> str:
    """A batch script: Ray starts on all nodes of the allocation, then the command on the first."""
    return SLURM.format(
        n_nodes=job.n_nodes, cores=job.cores, gibibytes=job.gibibytes, time=job.time, port=PORT,
        command=job.line('"$address"'),
    )  # fmt: skip


def write(job: Job, folder: Path) -> list[Path]:
    """Write the files into a folder that is made for them, all or none.

    Raises:
        ConfigError: PyYAML is not installed, or there is something of this name.
    """
    texts = emitted(job)
    refuse_taken(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        made = Path(aside) / folder.name
        made.mkdir()
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8")
        made.replace(folder)
    return [folder / name for name in texts]


def refuse_taken(folder: Path) -> None:
    """Raise ConfigError if something is there that might be lost."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{folder} is there: expected a new folder, or an empty one, for the files of a plan"
        )
