"""The Kubernetes objects say what the pages and the rules say, in the form that their readers take."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import rules
from dashboards.build import FOLDER

OBJECTS = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / "manifests").iterdir())
}
OURS = {name: made for name, made in OBJECTS.items() if name != "kustomization.yaml"}
CONFIG_MAPS = [pytest.param(made, id=name) for name, made in OURS.items() if made["kind"] == "ConfigMap"]
RULES = [pytest.param(made, id=name) for name, made in OURS.items() if made["kind"] == "PrometheusRule"]


def test_every_page_and_every_file_of_rules_is_an_object() -> None:
    """None is missing, none is left over, and the list names each."""
    pages = {f"configmap-{path.stem}.yaml" for path in (FOLDER / "json").iterdir()}
    files = {f"prometheusrule-bongsu-{path.stem.replace('_', '-')}.yaml" for path in rules.FOLDER.glob("*.yml")}
    assert set(OURS) == pages | files
    assert OBJECTS["kustomization.yaml"]["resources"] == sorted(OURS)


@pytest.mark.parametrize("made", [pytest.param(made, id=name) for name, made in OURS.items()])
def test_an_object_has_a_name_that_kubernetes_takes(made: dict[str, Any]) -> None:
    """RFC 1123 label; no namespace, that is the choice of who applies it."""
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", made["metadata"]["name"])
    assert "namespace" not in made["metadata"]
    assert all(isinstance(value, str) for value in made["metadata"]["labels"].values())


@pytest.mark.parametrize("made", CONFIG_MAPS)
def test_a_config_map_holds_its_page_and_is_found_by_the_sidecar(made: dict[str, Any]) -> None:
    """The label of Grafana's sidecar; less than what a ConfigMap may hold, and than what `kubectl apply` remembers."""
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    [(name, text)] = made["data"].items()
    assert json.loads(text) == json.loads((FOLDER / "json" / name).read_text(encoding="utf-8"))
    assert len(text.encode()) < 200_000


@pytest.mark.parametrize("made", RULES)
def test_a_prometheus_rule_holds_its_file_and_promtool_takes_it(made: dict[str, Any], tmp_path: Path) -> None:
    """What the operator writes for Prometheus from it are the same rules, without a field that it does not know."""
    stem = made["metadata"]["name"].removeprefix("bongsu-").replace("-", "_")
    assert made["spec"] == yaml.safe_load((rules.FOLDER / f"{stem}.yml").read_text(encoding="utf-8"))
    for group in made["spec"]["groups"]:
        assert set(group) <= {"name", "interval", "rules"}
        for rule in group["rules"]:
            assert set(rule) <= {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
            said = {**rule.get("labels", {}), **rule.get("annotations", {})}
            assert all(isinstance(value, str) for value in said.values())
    written = tmp_path / "rules.yml"
    written.write_text(yaml.safe_dump(made["spec"]), encoding="utf-8")
    command = ["promtool", "check", "rules", "--lint=all", "--lint-fatal", str(written)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
