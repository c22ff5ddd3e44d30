"""What `make dist` has built is whole, and works elsewhere: python tests/shipped.py out/dist

The folder has a source distribution and the wheel that was built of it, and in `of-clone` the wheel
that was built of the clone. Looks at what is in them; then the wheel is installed in a new
environment outside the clone, and used there, from a folder of its own, with nothing compiled
before. Prints what it takes; exit code 1, and what was printed there, if anything is wrong.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
SHIPPED = "slide", "tests", "bench", "docs", "examples"
BESIDE = (
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "constraints.txt",
    "mkdocs.yml", "pyproject.toml",
)  # fmt: skip
NEEDED = (
    "slide/py.typed", "slide/data/demo/train.txt.zst", "slide/data/demo/SHA256SUMS",
    "slide/report/verification.css",
)  # fmt: skip
OF_METADATA = {
    "License-Expression": "Apache-2.0",
    "License-File": "LICENSE",
    "Requires-Python": ">=3.11",
    "Description-Content-Type": "text/markdown",
}
USED = """
import sys
from pathlib import Path
import slide
where = Path(slide.__file__).resolve()
assert where.is_relative_to(Path(sys.prefix).resolve()), where
assert (where.parent / "py.typed").exists()
demo, model = slide.load_demo(), slide.Model.load("out/demo")
assert demo.train.n_samples == 43334
labels, logits = model.predict(demo.test.x.take([0, 1]), k=3)
assert labels.shape == (2, 3)
print(f"imported from {where.parent.relative_to(sys.prefix)}, and answered")
"""
N_EXAMPLES = "2000"  # of the demo, enough that it learns something


def main(folder: Path) -> None:
    """All that is checked."""
    wheel, archive = the_one(folder, "*.whl"), the_one(folder, "*.tar.gz")
    of_clone = the_one(folder / "of-clone", "*.whl")
    demand_contents(wheel, archive)
    demand_same(of_clone, wheel)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slide-elsewhere-") as elsewhere:
        use(wheel, Path(elsewhere))
    print(f"used in a fresh environment in {time.monotonic() - began:.0f} s, which is removed")


def the_one(folder: Path, pattern: str) -> Path:
    """The only file of its kind in a folder."""
    found = sorted(folder.glob(pattern))
    demand(len(found) == 1, f"{folder} has {len(found)} of {pattern}: expected one; make dist")
    return found[0]


def demand(is_so: bool, sentence: str) -> None:
    """Leave with a sentence unless it is so."""
    if not is_so:
        sys.exit(f"shipped: {sentence}")


def demand_contents(wheel: Path, archive: Path) -> None:
    """Leave unless both have what is kept in the repository, and nothing else."""
    with ZipFile(wheel) as packed:
        info = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/"
        inside = {name for name in packed.namelist() if not name.startswith(info)}
        metadata = message_from_bytes(packed.read(f"{info}METADATA"))
        size = sum(each.file_size for each in packed.infolist())
        demand(f"{info}licenses/LICENSE" in packed.namelist(), f"{wheel.name} has no LICENSE")
    demand_equal(inside, kept("slide"), wheel.name)
    demand(not set(NEEDED) - inside, f"{wheel.name} lacks {set(NEEDED) - inside}")
    for name, value in OF_METADATA.items():
        demand(metadata[name] == value, f"{name} is {metadata[name]!r}: expected {value!r}")
    own = {"PKG-INFO", ".gitignore"}  # which hatchling adds
    with tarfile.open(archive) as packed:
        names = {each.name.partition("/")[2] for each in packed.getmembers() if each.isfile()}
    demand_equal(names - own, kept(*SHIPPED, *BESIDE), archive.name)
    print(
        f"{wheel.name}: {len(inside)} files, {in_megabytes(wheel.stat().st_size)} packed, "
        f"{in_megabytes(size)} installed\n"
        f"{archive.name}: {len(names)} files, {in_megabytes(archive.stat().st_size)}"
    )


def kept(*paths: str) -> set[str]:
    """What git knows below these paths, or would if it were added, and is there."""
    listing = "git", "ls-files", "--cached", "--others", "--exclude-standard", *paths
    found = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name for name in found.splitlines() if (ROOT / name).is_file()}


def demand_equal(inside: set[str], expected: set[str], name: str) -> None:
    """Leave unless an archive has the files that are expected."""
    for files, verb in ((expected - inside, "lacks"), (inside - expected, "has beside all else")):
        some = ", ".join(sorted(files)[:5])
        demand(not files, f"{name} {verb} {some} ({len(files)} files)")


def demand_same(one: Path, other: Path) -> None:
    """Leave unless two wheels have the same files, to the byte."""
    contents = []
    for path in (one, other):
        with ZipFile(path) as packed:
            contents.append({name: packed.read(name) for name in packed.namelist()})
    demand_equal(set(contents[0]), set(contents[1]), f"the clone's {one.name}")
    differ = sorted(name for name, data in contents[0].items() if contents[1][name] != data)
    demand(not differ, f"wheels of the clone and of the source distribution differ in {differ}")
    print("the wheel of the source distribution is that of the clone, to the byte")


def use(wheel: Path, elsewhere: Path) -> None:
    """Install a wheel in an environment of its own, and use it from a folder of its own."""
    demand(not elsewhere.resolve().is_relative_to(ROOT), f"{elsewhere} is in the clone")
    environment, work = elsewhere / "environment", elsewhere / "work"
    work.mkdir()
    venv.create(environment, with_pip=True)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    python, slide = str(programs / "python"), str(programs / "slide")
    pins = "--constraint", str(ROOT / "constraints.txt")
    pip = python, "-m", "pip", "--disable-pip-version-check"
    run(work, *pip, "install", "--quiet", *pins, str(wheel.resolve()))
    run(work, *pip, "check")
    size = sum(each.stat().st_size for each in environment.rglob("*") if each.is_file())
    print(f"the environment with all that it needs: {in_megabytes(size)}")
    version = run(work, slide, "--version").split()
    demand(version == ["slide", wheel.name.split("-")[1]], f"slide --version says {version}")
    print(run(work, slide, "demo", "--examples", N_EXAMPLES))
    print(run(work, python, "-c", USED).strip())


def run(folder: Path, *command: str) -> str:
    """What a command prints in a folder; what it says is shown, and we leave, if it fails."""
    inherited = {n: value for n, value in os.environ.items() if not n.startswith("PYTHON")}
    inherited.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        command, cwd=folder, env=inherited, check=False, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    demand(done.returncode == 0, f"{' '.join(command)} has failed:\n{done.stdout}")
    return done.stdout


def in_megabytes(n: int) -> str:
    """So many bytes."""
    return f"{n / 1e6:,.1f} MB"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
