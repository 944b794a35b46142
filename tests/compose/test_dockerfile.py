"""The Dockerfile's steps, done in a clean virtual environment: there is no engine here to build the image with."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from compose.addresses import PROJECT

DOCKERFILE = (PROJECT / "compose/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
SERVICES = yaml.safe_load((PROJECT / "compose/compose.yaml").read_text(encoding="utf-8"))["services"]
ALLOWED = {line[1:] for line in (PROJECT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """/app and /venv as the Dockerfile makes them, below one folder."""
    root = tmp_path_factory.mktemp("image")
    app = root / "app"
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M):
        *sources, target = line.split()
        for source in sources:
            assert source in ALLOWED, f"{source} is copied, but .dockerignore keeps it out"
            _copy(PROJECT / source, app / target.removeprefix("/app/") / ("" if target != "./" else source))
    subprocess.run([sys.executable, "-m", "venv", root / "venv"], check=True)
    (install,) = re.findall(r"^RUN (pip install .+)$", DOCKERFILE, re.M)
    pip, *arguments = shlex.split(install)
    result = subprocess.run([root / "venv/bin" / pip, *arguments], cwd=app, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    yield root
    shutil.rmtree(root)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


@pytest.mark.timeout(600)
def test_the_image_holds_every_process(image: Path, tmp_path: Path) -> None:
    """`config` renders, and each process of compose.yaml accepts its file, with what the image has and nothing else."""
    config = tmp_path / "config"
    binaries = image / "venv/bin"
    environment = {"PATH": f"{binaries}:/usr/bin:/bin"}
    render = [binaries / "bongsu", "render", "--target", config]
    subprocess.run(render, env=environment, check=True, capture_output=True)
    checked = []
    for name, service in SERVICES.items():
        command = service.get("command", [])
        if command[:1] != ["python"]:
            continue
        path = config / command[-1].removeprefix("/etc/bongsu/")
        result = subprocess.run(
            [binaries / "python", *command[1:-1], path, "--check-config"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout) == (0, f"{path}: ok\n"), f"{name}: {result.stdout}{result.stderr}"
        checked.append(name)
    assert len(checked) == 12


def test_it_does_not_run_as_root() -> None:
    """The last user that the Dockerfile names is the one that the processes run as."""
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.M)[-1] != "root"


def test_its_base_is_pinned() -> None:
    """A full version, never what a moving tag points at."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert bases
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base) for base in bases)
