"""The ratios of CPU use."""

from collections.abc import Sequence

import pytest

from exporters.pod_cpu.snapshot import Pod, bound, most, total


@pytest.mark.parametrize(
    ("pod", "of_request", "of_limit"),
    [
        (Pod("n", "p", "w", usage=0.2, request=0.25, limit=0.5), 0.8, 0.4),
        (Pod("n", "p", "w", usage=0.0, request=0.25, limit=0.5), 0.0, 0.0),
        (Pod("n", "p", "w", usage=None, request=0.25, limit=0.5), None, None),
        (Pod("n", "p", "w", usage=0.2, request=None, limit=0.5), None, 0.4),
        (Pod("n", "p", "w", usage=0.2, request=0.25, limit=None), 0.8, None),
        # an autoscaler refuses to scale a pod of which one container has no request
        (Pod("n", "p", "w", usage=0.2, request=0.25, limit=0.5, requested_in_full=False), None, 0.4),
        (Pod("n", "p", "w", usage=0.2, request=0.0, limit=0.5), None, 0.4),
    ],
)
def test_ratios(pod: Pod, of_request: float | None, of_limit: float | None) -> None:
    """A ratio needs both its parts."""
    assert (pod.request_ratio, pod.limit_ratio) == (of_request, of_limit)


@pytest.mark.parametrize(
    ("parts", "added", "limit", "largest"),
    [
        ([0.1, 0.2], pytest.approx(0.3), pytest.approx(0.3), 0.2),
        # one container that is not known costs no other; one without a limit leaves the pod without
        ([0.1, None], 0.1, None, 0.1),
        ([0.0], 0.0, 0.0, 0.0),
        ([None], None, None, None),
        ([], None, None, None),
    ],
)
def test_parts_of_a_pod(parts: Sequence[float | None], added: float, limit: float, largest: float) -> None:
    """Usage adds up, a limit holds when each part has one, throttling is that of the worst."""
    assert (total(parts), bound(parts), most(parts)) == (added, limit, largest)
