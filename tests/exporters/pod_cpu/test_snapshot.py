"""The arithmetic of CPU use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.pod_cpu.snapshot import Pod, ProcessId, Sample, usage

A, B = ProcessId(10, 1.0), ProcessId(11, 1.0)
A_AGAIN = ProcessId(10, 99.0)


@pytest.mark.parametrize(
    ("before", "now", "cores"),
    [
        (None, Sample(5, {A: 3.0}), None),
        (Sample(0, {A: 3.0}), Sample(5, {A: 4.0}), 0.2),
        (Sample(0, {A: 3.0}), Sample(5, {A: 3.0}), 0.0),
        (Sample(0, {A: 3.0, B: 1.0}), Sample(5, {A: 4.0, B: 5.0}), 1.0),
        # a child ended: what it used is not taken back
        (Sample(0, {A: 3.0, B: 100.0}), Sample(5, {A: 4.0}), 0.2),
        # a child is new: it counts from its second sample
        (Sample(0, {A: 3.0}), Sample(5, {A: 4.0, B: 100.0}), 0.2),
        # restarted with the same pid
        (Sample(0, {A: 3.0}), Sample(5, {A_AGAIN: 0.5}), None),
        (Sample(0, {}), Sample(5, {A: 3.0}), None),
        (Sample(0, {A: 3.0}), Sample(5, {}), None),
        # two samples at once
        (Sample(5, {A: 3.0}), Sample(5, {A: 4.0}), None),
    ],
)
def test_usage(before: Sample | None, now: Sample, cores: float | None) -> None:
    """CPU seconds per second of the processes that are in both samples."""
    assert usage(before, now) == cores


used = st.dictionaries(st.sampled_from([A, B, A_AGAIN]), st.floats(0, 1e9))


@given(used, used)
def test_usage_is_never_negative(before: dict[ProcessId, float], now: dict[ProcessId, float]) -> None:
    """Processes may come, go and be replaced between two samples."""
    cores = usage(Sample(0, before), Sample(5, now))
    assert cores is None or cores >= 0


@pytest.mark.parametrize(
    ("pod", "of_request", "of_limit"),
    [
        (Pod("n", "p", "w", usage=0.2, request=0.25, limit=0.5), 0.8, 0.4),
        (Pod("n", "p", "w", usage=0.0, request=0.25, limit=0.5), 0.0, 0.0),
        (Pod("n", "p", "w", usage=None, request=0.25, limit=0.5), None, None),
        (Pod("n", "p", "w", usage=0.2, request=None, limit=0.5), None, 0.4),
        (Pod("n", "p", "w", usage=0.2, request=0.25, limit=None), 0.8, None),
    ],
)
def test_ratios(pod: Pod, of_request: float | None, of_limit: float | None) -> None:
    """A ratio needs both its parts."""
    assert (pod.request_ratio, pod.limit_ratio) == (of_request, of_limit)
