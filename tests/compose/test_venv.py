"""The virtual environment on machines that lack something, played by a Python that does what it is told."""

import os
import subprocess
from pathlib import Path

import pytest

from compose.addresses import PROJECT

PLAYED = """#!/bin/sh
echo "$0 $*" >> calls
case "$*" in
    *version_info*11*) exit {old} ;;
    *ensurepip*) exit {without_venv} ;;
    *version_info*) echo python3.12-venv ;;
    -V) echo Python 3.9.2 ;;
    "-m pip --version") exit 1 ;;
    "-m venv --clear .venv") rm -rf .venv; mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
"""


def run(folder: Path, *, old: int = 0, without_venv: int = 0) -> tuple[int, str, list[str]]:
    """Exit code, what is said to a person who is not root, and each call of a Python."""
    python = folder / "python"
    python.write_text(PLAYED.format(old=old, without_venv=without_venv), encoding="utf-8")
    python.chmod(0o755)
    (folder / "id").write_text("#!/bin/sh\necho 1000\n", encoding="utf-8")
    (folder / "id").chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHON": "./python"}
    script = ["sh", PROJECT / "compose/native/venv.sh"]
    result = subprocess.run(script, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    calls = folder / "calls"
    return result.returncode, result.stderr, calls.read_text(encoding="utf-8").splitlines()


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    """Nothing is made; the message says which one it was and what to do."""
    code, said, _ = run(tmp_path, old=1)
    assert code == 1
    assert said == "Bongsu needs Python 3.11 or newer; ./python is Python 3.9.2. Try: make PYTHON=python3.12 ...\n"


def test_debian_keeps_venv_in_a_package_of_each_python(tmp_path: Path) -> None:
    """That of python3 would not help a python3.12 beside it."""
    code, said, _ = run(tmp_path, without_venv=1)
    assert (code, said) == (1, "The module venv is missing. Run: sudo apt-get install python3.12-venv\n")


@pytest.mark.parametrize("left", ["nothing", "no pip", "no python"])
def test_what_was_broken_off_is_made_anew(tmp_path: Path, left: str) -> None:
    """An environment without pip, or without the Python that it was made from, would fail for ever."""
    if left != "nothing":
        (tmp_path / ".venv/bin").mkdir(parents=True)
    if left == "no pip":
        (tmp_path / ".venv/bin/python").symlink_to(tmp_path / "python")
    if left == "no python":
        (tmp_path / ".venv/bin/python").symlink_to(tmp_path / "gone")
    code, said, calls = run(tmp_path)
    assert (code, said) == (0, "")
    assert "./python -m venv --clear .venv" in calls
    assert calls[-1].startswith(".venv/bin/python -m pip install ")
