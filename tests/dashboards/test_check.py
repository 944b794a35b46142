"""`bongsu dashboards build` and `check`, and the files that are committed."""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from compose.cli import app
from dashboards import rules
from dashboards.build import FOLDER, documents, files


def dashboards(*arguments: str) -> Result:
    """Run ``bongsu dashboards``."""
    return CliRunner().invoke(app, ["dashboards", *arguments])


def test_committed_files_are_what_the_code_builds() -> None:
    """Every page's JSON and every manifest is current, and there is no other file."""
    committed = [path for kind in ("json", "manifests") for path in (FOLDER / kind).iterdir()]
    there = {f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8") for path in committed}
    assert there == files(rules.FOLDER)


def test_a_build_is_the_same_in_every_process(tmp_path: Path) -> None:
    """The bytes do not depend on the order of a hash."""
    folders = []
    for seed in ("1", "2"):
        folders.append(tmp_path / seed)
        command = [sys.executable, "-m", "dashboards", "build", "--folder", str(folders[-1])]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, timeout=60)
    first, second = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("*/*")} for folder in folders
    )
    assert first == second
    assert all(text.endswith(b"\n") for text in first.values())


def test_check_is_content_with_what_build_wrote(tmp_path: Path) -> None:
    """Build, then check: exit 0."""
    assert dashboards("build", "--folder", str(tmp_path)).exit_code == 0
    assert dashboards("check", "--folder", str(tmp_path)).exit_code == 0


def test_check_names_each_stale_file_and_build_mends_it(tmp_path: Path) -> None:
    """A file that was edited, one that is missing and one that no page makes are each named on a line; exit 1."""
    dashboards("build", "--folder", str(tmp_path))
    edited, missing, left = (
        tmp_path / "json" / "bongsu-overview.json",
        tmp_path / "manifests" / "prometheusrule-bongsu-slo.yaml",
        tmp_path / "manifests" / "old.yaml",
    )
    edited.write_text(edited.read_text(encoding="utf-8") + " ", encoding="utf-8")
    missing.unlink()
    left.write_text("{}\n", encoding="utf-8")

    found = dashboards("check", "--folder", str(tmp_path))
    assert found.exit_code == 1
    named = [line.split(":")[0] for line in found.stderr.splitlines()]
    assert sorted(named) == sorted([str(edited), str(missing), str(left)])

    dashboards("build", "--folder", str(tmp_path))
    assert dashboards("check", "--folder", str(tmp_path)).exit_code == 0


def test_check_of_a_folder_that_is_not_there_names_every_file(tmp_path: Path) -> None:
    """A first checkout without files is stale, not a stack trace."""
    found = dashboards("check", "--folder", str(tmp_path / "none"))
    assert found.exit_code == 1
    assert len(found.stderr.splitlines()) == len(files(rules.FOLDER))


def test_a_changed_threshold_makes_its_panels_stale(tmp_path: Path) -> None:
    """The number is in the rule alone: change it there, and the pages that draw it change."""
    changed = tmp_path / "rules"
    changed.mkdir()
    for path in rules.FOLDER.glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        changed.joinpath(path.name).write_text(text.replace("threshold: '30'", "threshold: '45'"), encoding="utf-8")
    before, after = documents(rules.load()), documents(rules.load(changed))
    assert {name for name in before if before[name] != after[name]} == {"bongsu-overview.json", "bongsu-kafka-lag.json"}
