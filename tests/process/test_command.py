"""Every process has the same command line."""

from pathlib import Path

import pytest

from process.command import EXIT_CONFIG, run
from process.settings import Settings


class Sample(Settings):
    """The least a process has to say."""

    name: str


def test_it_starts_with_its_settings(tmp_path: Path) -> None:
    """--config FILE loads the file and hands the model over."""
    path = tmp_path / "a.yaml"
    path.write_text("name: edge", encoding="utf-8")
    started: list[Sample] = []
    assert run("sample", Sample, started.append, ["--config", str(path)]) == 0
    assert started == [Sample(name="edge")]


def test_a_check_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check-config says ok and ends with 0."""
    path = tmp_path / "a.yaml"
    path.write_text("name: edge", encoding="utf-8")
    started: list[Sample] = []
    assert run("sample", Sample, started.append, ["--config", str(path), "--check-config"]) == 0
    assert (started, capsys.readouterr().out) == ([], f"{path}: ok\n")


def test_a_mistake_ends_it_with_ex_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message goes to stderr, the exit code says that trying again will not help."""
    path = tmp_path / "a.yaml"
    path.write_text("nam: edge", encoding="utf-8")
    assert run("sample", Sample, lambda _: None, ["--config", str(path)]) == EXIT_CONFIG == 78
    assert capsys.readouterr().err == f"{path}: name: is required\n{path}: nam: unknown key\n"
