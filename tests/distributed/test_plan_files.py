"""What a cluster is asked with: by Ray's schema, by KubeRay's fields, and by the shell."""

import json
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml

from slide.core.errors import ConfigError
from slide.distributed.planning.files import Job, emitted, write

JOB = Job(
    ("slide", "train", "/data/my set", "--model", "m", "--distributed", "--shards", "3"),
    n_nodes=3, cores=16, memory_bytes=64e9, seconds=5400.0,
)  # fmt: skip
RAY_SCHEMA = Path(find_spec("ray").origin).parent / "autoscaler" / "ray-schema.json"
SIZE = {"type": "string", "pattern": "^[1-9][0-9]*(Gi)?$"}


def of(required, **properties):
    """An object of these fields and no others."""
    return {"type": "object", "additionalProperties": False, "required": required.split(),
            "properties": properties}  # fmt: skip


TEXT, WHOLE = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
CONTAINER = of(
    "name image resources", name={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
    image=TEXT, resources=of("requests limits", requests=of("cpu memory", cpu=SIZE, memory=SIZE),
                             limits=of("cpu memory", cpu=SIZE, memory=SIZE)),
    volumeMounts={"type": "array", "items": of("name mountPath", name=TEXT, mountPath=TEXT)},
)  # fmt: skip
VOLUME = of("name", name=TEXT, persistentVolumeClaim=of("claimName", claimName=TEXT))
TEMPLATE = of(
    "spec",
    spec=of("containers", containers={"type": "array", "minItems": 1, "items": CONTAINER},
            volumes={"type": "array", "items": VOLUME}),
)  # fmt: skip
WORKERS = of(
    "groupName replicas minReplicas maxReplicas rayStartParams template", groupName=TEXT,
    replicas=WHOLE, minReplicas=WHOLE, maxReplicas=WHOLE, rayStartParams=TEXTS, template=TEMPLATE,
)  # fmt: skip
RAY_JOB = of(
    "apiVersion kind metadata spec", apiVersion={"const": "ray.io/v1"}, kind={"const": "RayJob"},
    metadata=of("name", name=TEXT),
    spec=of(
        "entrypoint rayClusterSpec", entrypoint=TEXT,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
        shutdownAfterJobFinishes={"type": "boolean"},
        rayClusterSpec=of(
            "headGroupSpec",
            headGroupSpec=of("rayStartParams template", rayStartParams=TEXTS, template=TEMPLATE),
            workerGroupSpecs={"type": "array", "items": WORKERS},
        ),
    ),
)  # fmt: skip
"""Those fields of KubeRay's RayJob that are used, as its API reference has them (ray.io/v1)."""


def parsed(job=JOB):
    texts = emitted(job)
    return {name: yaml.safe_load(text) for name, text in texts.items() if name.endswith("yaml")}


@pytest.mark.parametrize("n_nodes", [1, 3])
def test_rays_cluster_file_is_of_its_schema(n_nodes):
    cluster = parsed(Job(JOB.command, n_nodes, 16, 64e9, 60.0))["ray-cluster.yaml"]
    schema = json.loads(RAY_SCHEMA.read_text())
    jsonschema.validate(cluster, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(cluster | {"workers": 2}, schema)
    assert len(cluster["provider"]["worker_ips"]) == cluster["max_workers"] == n_nodes - 1


@pytest.mark.parametrize("n_nodes", [1, 3])
def test_kuberays_job_is_of_its_schema(n_nodes):
    job = parsed(Job(JOB.command, n_nodes, 16, 64e9, 60.0))["rayjob.yaml"]
    jsonschema.validate(job, RAY_JOB)
    cluster = job["spec"]["rayClusterSpec"]
    workers = cluster.get("workerGroupSpecs", [{"replicas": 0}])
    assert 1 + workers[0]["replicas"] == n_nodes
    limits = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "16", "memory": "52Gi"}
    mounts = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert [mount["name"] for mount in mounts] == ["data"]
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["replicas"] = 2
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(job, RAY_JOB)


def test_the_command_keeps_its_words():
    job = parsed()["rayjob.yaml"]
    assert shlex.split(job["spec"]["entrypoint"]) == [*JOB.command, "--address", "auto"]


def test_scripts_are_of_the_shell(tmp_path):
    write(JOB, tmp_path / "files")
    for name in ("slurm.sh", "command.sh"):
        subprocess.run(["bash", "-n", str(tmp_path / "files" / name)], check=True)
    lines = (tmp_path / "files" / "slurm.sh").read_text().splitlines()
    asked = dict(line.removeprefix("#SBATCH --").split("=") for line in lines if "SBATCH" in line)
    assert asked == {
        "job-name": "slide", "nodes": "3", "ntasks-per-node": "1", "cpus-per-task": "16",
        "mem": "52G", "time": "3:00:00", "output": "slide-%j.log",
    }  # fmt: skip
    assert lines[0] == "#!/bin/bash"
    after = [line for line in lines if line and not line.startswith("#")]
    assert lines.index(after[0]) > max(n for n, line in enumerate(lines) if "#SBATCH" in line)
    assert shlex.join(JOB.command) in lines[-1]


def test_a_script_of_slurm_runs_where_slurm_is(tmp_path):
    """With stand-ins for Slurm, the command runs once, on the first node, with an address."""
    told = tmp_path / "told"
    stand_ins = {
        "scontrol": "printf 'n1\\nn2\\nn3\\n'",
        "srun": f'echo "$*" >>{told}; case "$*" in *hostname*) echo 10.0.0.1;;'
        " *python*) echo nodes 3;; esac",
    }
    for name, body in stand_ins.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    write(JOB, tmp_path / "files")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_NODELIST": "n[1-3]"}
    script = str(tmp_path / "files" / "slurm.sh")
    waiting = f". {script}; wait"  # for what it has left in the background
    subprocess.run(["bash", "-c", waiting], check=True, env=environment, timeout=300)
    lines = told.read_text().splitlines()
    assert sum("--head" in line for line in lines) == 1
    assert [node for node in ("n2", "n3") if any(f"-w {node} " in line for line in lines)]
    (command,) = [line for line in lines if " slide train " in line]
    assert command.startswith("--nodes=1 --ntasks=1 --overlap -w n1 ")
    assert command.endswith("--address 10.0.0.1:6379")


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="expected a new folder, or an empty one"):
        write(JOB, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_yaml_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigError, match=r"slide-engine\[distributed\]"):
        write(JOB, tmp_path / "files")
    assert not (tmp_path / "files").exists()
