"""What of a Pod object counts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from exporters.pod_cpu.snapshot import Standing
from exporters.pod_cpu.sources.kubernetes.objects import Owner, owner, pod, quantity

CREATED = "2026-11-25T03:00:30Z"
DUE = 29_926_260
"""Minutes from 1970 to 2026-11-25T03:00."""


def container(request: str | None = None, limit: str | None = None, **more: Any) -> Any:
    resources: dict[str, Any] = {}
    if request is not None:
        resources["requests"] = {"cpu": request, "memory": "1Gi"}
    if limit is not None:
        resources["limits"] = {"cpu": limit, "memory": "1Gi"}
    return {"name": "c", "resources": resources, **more}


def spec(*containers: Any, **more: Any) -> Any:
    metadata = {"name": "web-1", "namespace": "shop", "uid": "1"}
    return pod({"metadata": metadata, "spec": {"containers": list(containers), **more}})


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("found", "request_", "in_full", "limit"),
    [
        (spec(container("100m", "200m"), container("50m", "1")), 0.15, True, 1.2),
        (spec(container("100m", "200m"), container("50m")), 0.15, True, None),
        (spec(container("100m", "200m"), container()), 0.1, False, None),
        (spec(container()), None, False, None),
        (spec(container("0")), 0.0, True, None),
        # a limit alone is a request too
        (spec(container(None, "200m")), 0.2, True, 0.2),
        # init containers that end do not count, those that stay do
        (spec(container("100m", "200m"), initContainers=[container("4", "8")]), 0.1, True, 0.2),
        (spec(container("100m", "200m"), initContainers=[container("50m", "50m", **SIDECAR)]), 0.15, True, 0.25),
        (spec(container("100m", "200m"), initContainers=[container(**SIDECAR)]), 0.1, False, None),
        # what is set for the pod as a whole wins
        (
            spec(container(), container("1"), resources={"requests": {"cpu": "2"}, "limits": {"cpu": "3"}}),
            2.0,
            True,
            3.0,
        ),
        (spec(container("100m", "200m"), resources={"limits": {"memory": "1Gi"}}), 0.1, True, 0.2),
    ],
)
def test_requests_and_limits(found: Any, request_: float | None, in_full: bool, limit: float | None) -> None:
    """Counted as an autoscaler counts them: https://kubernetes.io/docs/concepts/workloads/autoscaling/."""
    expected = request_ if request_ is None else pytest.approx(request_)
    assert (found.request, found.requested_in_full) == (expected, in_full)
    assert found.limit == (limit if limit is None else pytest.approx(limit))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", 0.1),
        ("0.5", 0.5),
        ("2", 2.0),
        (2, 2.0),
        ("117527n", 0.000117527),
        ("25u", 0.000025),
        ("1k", 1000.0),
        ("1Ki", 1024.0),
        ("1e3", 1000.0),
        ("1E", 1e18),
        ("+1.5", 1.5),
        ("0", 0.0),
    ],
)
def test_quantity(text: str | int, value: float) -> None:
    """Every form that the API documents."""
    assert quantity(text) == value


@pytest.mark.parametrize("text", ["", "m", "1 m", "1x", "much", "1..2", "0x1", "NaN", "1e999999999", "9" * 4000])
def test_what_is_no_quantity(text: str) -> None:
    """And is not taken for 0."""
    with pytest.raises(ValueError, match="is no quantity"):
        quantity(text)


@pytest.mark.parametrize(
    ("kind", "name", "labels", "expected"),
    [
        ("ReplicaSet", "web-5d4f8c", {"pod-template-hash": "5d4f8c"}, Owner("Deployment", "web")),
        ("ReplicaSet", "web-v2-5d4f8c", {"pod-template-hash": "5d4f8c"}, Owner("Deployment", "web-v2")),
        ("ReplicaSet", "web-5d4f8c", {"rollouts-pod-template-hash": "5d4f8c"}, Owner("Rollout", "web")),
        ("ReplicaSet", "web-5d4f8c", {}, Owner("ReplicaSet", "web-5d4f8c")),
        ("ReplicaSet", "web-5d4f8c", {"pod-template-hash": "other"}, Owner("ReplicaSet", "web-5d4f8c")),
        ("StatefulSet", "db", {}, Owner("StatefulSet", "db")),
        ("DaemonSet", "log", {}, Owner("DaemonSet", "log")),
        ("Job", f"report-{DUE}", {}, Owner("CronJob", "report")),
        ("Job", "report-1", {}, Owner("Job", "report-1")),
        ("Job", "import-20261125", {}, Owner("Job", "import-20261125")),
        ("Job", f"report-{DUE - 24 * 60 - 1}", {}, Owner("Job", f"report-{DUE - 24 * 60 - 1}")),
        ("Node", "node-a", {}, Owner("Node", "etcd")),
        ("Cluster", "pg", {}, Owner("Cluster", "pg")),
    ],
)
def test_owner(kind: str, name: str, labels: dict[str, str], expected: Owner) -> None:
    """Found in the pod alone: no other permission is needed."""
    reference = {"kind": kind, "name": name, "controller": True}
    metadata = {"name": "etcd-node-a", "labels": labels, "creationTimestamp": CREATED, "ownerReferences": [reference]}
    assert owner(metadata, "node-a") == expected


def test_a_pod_of_nobody_is_its_own_workload() -> None:
    """Also when it has an owner that does not control it."""
    assert owner({"name": "shell"}, "node-a") == Owner("Pod", "shell")
    references = [{"kind": "ConfigMap", "name": "x"}]
    assert owner({"name": "shell", "ownerReferences": references}, "node-a") == Owner("Pod", "shell")


NOW = 1_000_000.0


def aged(age: float, ready: str | None, turned: float, phase: str = "Running", **metadata: Any) -> Any:
    """A pod that started `age` seconds ago and became `ready` `turned` seconds ago."""
    conditions = [] if ready is None else [{"type": "Ready", "status": ready, "lastTransitionTime": _iso(NOW - turned)}]
    return pod(
        {
            "metadata": {"name": "web-1", "namespace": "shop", "uid": "1", **metadata},
            "spec": {"containers": [container("100m")]},
            "status": {"phase": phase, "startTime": _iso(NOW - age), "conditions": conditions},
        }
    )


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        (aged(3600, "True", 3500), Standing.READY),
        # young: unready while it is not ready, and while its usage was measured in part before it was
        (aged(100, "True", 60), Standing.READY),
        (aged(100, "True", 20), Standing.UNREADY),
        (aged(100, "False", 60), Standing.UNREADY),
        # old: one that was ready once still counts, one that never was does not
        (aged(3600, "False", 100), Standing.READY),
        (aged(3600, "False", 3590), Standing.UNREADY),
        (aged(3600, None, 0), Standing.UNREADY),
        (aged(3600, "True", 3500, phase="Pending"), Standing.UNREADY),
        (aged(3600, "True", 3500, phase="Failed"), Standing.IGNORED),
        (aged(3600, "True", 3500, deletionTimestamp="2026-11-25T00:00:00Z"), Standing.IGNORED),
    ],
)
def test_standing(found: Any, standing: Standing) -> None:
    """As groupPods of the HorizontalPodAutoscaler decides."""
    assert found.standing(NOW, measured=NOW - 5, window=30.0, known=True) is standing


def test_a_pod_that_was_not_measured_is_missing_not_unready() -> None:
    """Which an autoscaler treats otherwise."""
    assert aged(3600, "False", 3590).standing(NOW, 0.0, 0.0, known=False) is Standing.READY
