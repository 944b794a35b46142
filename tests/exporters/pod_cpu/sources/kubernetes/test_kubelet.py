"""A kubelet's text: as it is written today, and as it might be tomorrow."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporters.errors import SourceError
from exporters.pod_cpu.history import Stalls, Usage
from exporters.pod_cpu.sources.kubernetes.kubelet import CgroupId, ContainerId, throttling, usages
from exporters.pod_cpu.sources.kubernetes.objects import PodId

FIXTURES = Path(__file__).parent / "fixtures"
NOW = 1_795_000_000.0

RESOURCE = (FIXTURES / "resource.prom").read_bytes()
CADVISOR = (FIXTURES / "cadvisor.prom").read_bytes()


BETWEEN = b"""\
container_cpu_usage_seconds_total{container="a",namespace="shop",pod="web"} 1 1794999990000
container_memory_working_set_bytes{container="a",namespace="shop",pod="web"} 5e+09 1794999990000
container_cpu_usage_seconds_total{container="b",namespace="shop",pod="web"} 2 1794999990000
node_cpu_usage_seconds_total 3 1794999990000
"""
"""Lines of a family do not stand together, as they have to: memory is no CPU."""


def test_resource() -> None:
    """Times are milliseconds of the node's clock; a start has none."""
    found = usages([RESOURCE], NOW, "where")
    assert found.containers == {
        ContainerId("coredns", "kube-system", "coredns-7c65d6cfc9-8zq2k"): Usage(
            1794999990.631, 184.599228293, 1794912345.678
        ),
        ContainerId("app", "shop", "web-5d4f8c-x2x9z"): Usage(1794999987.087, 753.978995701, 1794990000.0),
        ContainerId("proxy", "shop", "web-5d4f8c-x2x9z"): Usage(1794999988.998, 14.972143397, 1794990001.5),
    }
    assert {pod.name: usage.used for pod, usage in found.pods.items()} == {
        "coredns-7c65d6cfc9-8zq2k": 184.6,
        "web-5d4f8c-x2x9z": 769.0,
    }
    assert not found.failed


@given(st.lists(st.integers(0, len(CADVISOR)), max_size=6))
def test_the_pieces_in_which_it_comes_make_no_difference(cuts: list[int]) -> None:
    """Wherever they end."""
    ends = [0, *sorted(cuts), len(CADVISOR)]
    pieces = [CADVISOR[start:end] for start, end in pairwise(ends)]
    assert throttling(pieces, NOW, "where") == throttling([CADVISOR], NOW, "where")


def test_cadvisor() -> None:
    """Containers by their cgroup, pods by their slice; sandboxes and the machine's own groups are none."""
    found = throttling([CADVISOR], NOW, "where")
    pod = PodId("shop", "web-5d4f8c-x2x9z")
    assert found.containers == {
        CgroupId(*pod, "app", "a1"): Stalls(1794999990.0, 3120.0, 780.0, 12.5),
    }
    assert found.pods == {pod: Stalls(1794999990.5, 3125.0, 0.0, 12.75)}
    assert found.unlabelled == {
        ("6d3a1f0e-8b1c-4a57-9a4e-0c1d2e3f4a5b", "cri-containerd-d4.scope"): Stalls(NOW, 9.0, 1.0)
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # another order of the labels, one more of them, a space, no time: read slowly, and read all the same
        (b'{container="app",namespace="shop"', b'{namespace="shop",container="app"'),
        (b'{container="app",', b'{container="app",host="a \\"b\\" } c",'),
        (b" 1794999987087\n", b"\n"),
    ],
)
def test_other_ways_to_write_it(before: bytes, after: bytes) -> None:
    """What the format allows."""
    assert before in RESOURCE
    found = usages([RESOURCE.replace(before, after)], NOW, "where").containers
    app = found[ContainerId("app", "shop", "web-5d4f8c-x2x9z")]
    assert app.used == 753.978995701
    assert app.at == (NOW if after == b"\n" else 1794999987.087)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "it has no node_cpu_usage_seconds_total"),
        (b"<html><body>Please log in</body></html>\n", "it has no node_cpu_usage_seconds_total"),
        (RESOURCE[:-5], "answer is cut"),
        (RESOURCE + bytes(2 * 1024 * 1024), "a line is longer than 1048576 bytes"),
        (RESOURCE.replace(b" 753.978995701 ", b" many "), "could not convert string to float: 'many'"),
        (RESOURCE.replace(b'pod="web-5d4f8c-x2x9z"} 753', b'pod="web-5d4f8c-x2x9z} 753'), "not a sample"),
        (
            BETWEEN,
            'not a sample of container_cpu_usage_seconds_total: \'container_memory_working_set_bytes{container="a"',
        ),
    ],
)
def test_what_is_no_such_text(text: bytes, message: str) -> None:
    """Nothing is invented from it."""
    with pytest.raises(SourceError) as caught:
        usages([text], NOW, "https://node:10250/metrics/resource")
    assert caught.value.message.startswith("https://node:10250/metrics/resource: ")
    assert message in caught.value.message


def test_a_scrape_error_is_noticed() -> None:
    """The kubelet has left something out."""
    assert usages([RESOURCE.replace(b"resource_scrape_error 0", b"resource_scrape_error 1")], NOW, "where").failed


names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
values = st.floats(0, 1e12)
rows = st.dictionaries(st.tuples(names, names, names), st.tuples(values, st.integers(0, 2**42)), max_size=20)


@given(rows)
def test_it_reads_what_a_whole_parser_reads(rows: dict[tuple[str, str, str], tuple[float, int]]) -> None:
    """prometheus_client's, of any container with a name that Kubernetes allows."""
    family = "container_cpu_usage_seconds_total"
    lines = "".join(
        f'{family}{{container="{container}",namespace="{namespace}",pod="{pod}"}} {value!r} {at}\n'
        for (container, namespace, pod), (value, at) in rows.items()
    )
    text = (
        f"# TYPE {family} counter\n{lines}# TYPE node_cpu_usage_seconds_total counter\nnode_cpu_usage_seconds_total 1\n"
    )
    expected = {
        (sample.labels["container"], sample.labels["namespace"], sample.labels["pod"]): sample.value
        for parsed in text_string_to_metric_families(text)
        for sample in parsed.samples
        if sample.name == family
    }
    found = usages([text.encode()], NOW, "where").containers
    assert {tuple(key): usage.used for key, usage in found.items()} == expected
