"""The HorizontalPodAutoscaler's arithmetic."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.pod_cpu.autoscaler import desired, workloads
from exporters.pod_cpu.snapshot import Pod, Standing


def pods(usages: Sequence[int | None], request: int | Sequence[int] = 1000, unready: Sequence[int] = ()) -> list[Pod]:
    """Pods by their usage in thousandths of a core; those at the places `unready` are not ready."""
    requests = [request] * len(usages) if isinstance(request, int) else request
    return [
        Pod(
            "shop",
            f"web-{place}",
            "web",
            usage=None if usage is None else usage / 1000,
            request=requests[place] / 1000,
            kind="Deployment",
            standing=Standing.UNREADY if place in unready else Standing.READY,
        )
        for place, usage in enumerate(usages)
    ]


CASES: Mapping[str, tuple[Sequence[Pod], int, int]] = {
    "ScaleUp": (pods([300, 500, 700]), 30, 5),
    "ScaleUpUnreadyLessScale": (pods([300, 500, 700], unready=[0]), 30, 4),
    "ScaleUpUnreadyNoScale": (pods([400, 500, 700], unready=[1, 2]), 30, 3),
    "ScaleDown": (pods([100, 300, 500, 250, 250]), 50, 3),
    "ScaleDownExcludeUnreadyPods": (pods([100, 300, 500, 250, 250], unready=[3, 4]), 50, 2),
    "ScaleDownExcludeUnscheduledPods": (pods([100, None, None, None, None], unready=[1, 2, 3, 4]), 50, 1),
    "Tolerance": (pods([1010, 1030, 1020], [900, 1000, 1100]), 100, 3),
    "SuperfluousMetrics": (pods([4000, 9500, 3000, 7000]), 100, 24),
    "MissingMetrics": (pods([400, 95, None, None]), 100, 3),
}
"""Pods, target in percent and replicas of Kubernetes' own TestReplicaCalc…, by the rest of the test's name:
https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/controller/podautoscaler/replica_calculator_test.go"""


@pytest.mark.parametrize("name", CASES)
def test_it_decides_as_kubernetes_own_tests_say(name: str) -> None:
    """The same pods, the same replicas."""
    found, target, replicas = CASES[name]
    assert desired(found, target) == replicas


@pytest.mark.parametrize(
    ("found", "target", "replicas"),
    [
        (pods([400, None, None, None]), 50, 4),  # were the missing ones busy, it would have to grow: nothing is done
        (pods([900, None]), 30, 3),  # on the way up, a missing one is idle: 45 % of 30 %, of two
        (pods([900, None]), 85, 2),  # were it idle, it would have to shrink
        (pods([100, None], request=1000), 150, 2),  # a target above 100 %: a missing one is at the target
        (pods([995, 995]), 90, 2),  # 99.5 % is cut to 99 %, which is within the tolerance
        (pods([996, 996], request=900), 100, 2),  # 110.7 % likewise
    ],
)
def test_desired_replicas(found: Sequence[Pod], target: int, replicas: int) -> None:
    """What it would scale to."""
    assert desired(found, target) == replicas


def test_a_workload_is_told_with_its_ratio_of_sums() -> None:
    """Not the mean of ratios: the large pod counts for what it is."""
    small, large = pods([90], request=100), pods([0, 100], request=1000)[1:]
    (found,) = workloads(small + large, 0.5)
    assert found.request_ratio == pytest.approx(190 / 1100)
    assert (found.replicas, found.desired) == (2, 1)


def test_without_a_target_there_is_no_verdict() -> None:
    """The ratio is there all the same."""
    (found,) = workloads(pods([500]), None)
    assert (found.request_ratio, found.desired) == (0.5, None)


def test_one_pod_that_does_not_request_in_full_takes_the_verdict() -> None:
    """As an autoscaler says "missing request for cpu" and does nothing."""
    whole = pods([500, 500])
    part = [Pod("shop", "web-9", "web", usage=0.5, request=1.0, kind="Deployment", requested_in_full=False)]
    (found,) = workloads(whole + part, 0.5)
    assert (found.request_ratio, found.replicas, found.desired) == (None, 3, None)


def test_pods_that_end_do_not_count() -> None:
    """A pod that is being deleted is none of the replicas."""
    leaving = Pod("shop", "web-9", "web", usage=5.0, request=1.0, kind="Deployment", standing=Standing.IGNORED)
    (found,) = workloads([*pods([500]), leaving], 0.5)
    assert (found.request_ratio, found.replicas, found.desired) == (0.5, 1, 1)


def test_what_cant_be_scaled_has_no_verdict() -> None:
    """A DaemonSet has as many pods as there are nodes."""
    (found,) = workloads([Pod("shop", "log-1", "log", usage=0.9, request=0.1, kind="DaemonSet")], 0.5)
    assert (found.request_ratio, found.desired) == (pytest.approx(9.0), None)


def test_workloads_of_one_name_and_two_kinds_are_two() -> None:
    """A Deployment and a StatefulSet may be called alike."""
    two = [Pod("shop", "a", "web", kind="Deployment"), Pod("shop", "b", "web", kind="StatefulSet")]
    assert [(found.kind, found.replicas) for found in workloads(two, None)] == [("Deployment", 1), ("StatefulSet", 1)]


usage = st.none() | st.integers(0, 4000)


@given(st.lists(usage, min_size=1, max_size=8), st.integers(0, 4000), st.integers(1, 200))
def test_more_usage_never_means_fewer_replicas(usages: list[int | None], more: int, target: int) -> None:
    """In any mix of pods that are measured and pods that are not."""
    before = pods([500, *usages])
    after = pods([500 + more, *usages])
    assert desired(after, target) >= desired(before, target)
