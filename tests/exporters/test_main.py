"""The command line, and the settings files that the project ships."""

from pathlib import Path

import pytest

from compose.addresses import containers, native
from compose.render import write
from exporters.__main__ import main
from exporters.catalog import EXPORTERS


@pytest.mark.parametrize(
    ("arguments", "first_line"), [(["kafkalag"], "unknown exporter 'kafkalag'"), ([], "no exporter named")]
)
def test_an_unknown_name_lists_the_names(
    arguments: list[str], first_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is wrong or missing exits with 2 and says which there are."""
    assert main(arguments) == 2
    assert capsys.readouterr().err.splitlines() == [
        first_line,
        "usage: python -m exporters NAME [COMMAND] --config FILE [--check-config]",
        "NAME is one of: gateway_limits, kafka_lag, pod_cpu",
        "gateway_limits also has the command doctor",
    ]


def test_each_exporter_is_listed_under_its_own_name() -> None:
    """The key of the catalog is the exporter's name, which its metrics begin with."""
    assert {key: exporter.name for key, exporter in EXPORTERS.items()} == {key: key for key in EXPORTERS}


@pytest.mark.parametrize("name", EXPORTERS)
@pytest.mark.parametrize("way", [native, containers])
def test_the_shipped_settings_are_right(
    name: str, way: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each template is a valid settings file, natively and in containers."""
    book = native(tmp_path) if way is native else containers(tmp_path)
    (path,) = write(book, (f"exporters/{name}.yaml",))
    assert main([name, "--config", str(path), "--check-config"]) == 0
    assert capsys.readouterr().out == f"{path}: ok\n"
