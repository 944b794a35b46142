"""The same pages and rules as Kubernetes objects: a ConfigMap a page, a PrometheusRule a file of rules, and their list.

The ConfigMaps carry the label that the dashboard sidecar of Grafana's Helm chart looks for (kiwigrid/k8s-sidecar), and
the folder in the annotation that its provider is commonly told to read. PrometheusRule is prometheus-operator's
``monitoring.coreos.com/v1``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PART_OF = {"app.kubernetes.io/part-of": "bongsu"}
LIST = "kustomization.yaml"

Object = Mapping[str, Any]


def manifests(pages: Mapping[str, str], rules: Path) -> dict[str, str]:
    """YAML of every object by its file's name, from the pages' JSON and the folder of rules; always the same bytes."""
    objects = [_config_map(name, text) for name, text in sorted(pages.items())]
    objects += [_prometheus_rule(path) for path in sorted(rules.glob("*.yml"))]
    files = {f"{made['kind'].lower()}-{made['metadata']['name']}.yaml": _yaml(made) for made in objects}
    return {LIST: _yaml(_kustomization(files)), **files}


def _config_map(name: str, text: str) -> Object:
    """One page, its JSON without the white space: a ConfigMap holds 1 MiB at most."""
    labels = {**PART_OF, "grafana_dashboard": "1"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name.removesuffix(".json"),
            "labels": labels,
            "annotations": {"grafana_folder": "Bongsu"},
        },
        "data": {name: json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"), sort_keys=True)},
    }


def _prometheus_rule(path: Path) -> Object:
    """One file of rules: `spec` is what the file holds."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"bongsu-{path.stem.replace('_', '-')}", "labels": PART_OF},
        "spec": yaml.safe_load(path.read_text(encoding="utf-8")),
    }


def _kustomization(files: Mapping[str, str]) -> Object:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(files),
    }


class _Dumper(yaml.SafeDumper):
    """No anchors: labels that two objects share are written out in both."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(made: Object) -> str:
    head = "# Made by `python -m dashboards build`; change dashboards/*.py or alerting/rules/*.yml instead.\n"
    return head + yaml.dump(dict(made), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
