"""A cluster as a whole: pods from the API server, CPU from the kubelets, and what happens when one of them fails."""

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.snapshot import Container, Pod, Snapshot, Standing
from exporters.pod_cpu.sources.kubernetes.node import LATE
from tests.exporters.pod_cpu.sources.kubernetes.texts import (
    START,
    Row,
    cadvisor,
    cgroup,
    ms,
    pod,
    resource,
    say,
)


def usages(snapshot: Snapshot) -> dict[str, float | None]:
    return {pod.name: pod.usage for pod in snapshot.pods}


def messages(snapshot: Snapshot) -> list[str]:
    return [problem.message for problem in snapshot.problems]


async def test_a_pod_has_all_its_shares(cluster: Any, source: Any) -> None:
    """Of request, of limit, of periods, of time; and its workload, found without another permission."""
    await cluster.apply(pod("web-1"))
    say(cluster.nodes["node-a"], Row("web-1", 10.0, periods=100, throttled=5, waited=1.0))
    watched = source()
    assert (await watched.read()).pods[0].usage is None
    say(cluster.nodes["node-a"], Row("web-1", 12.0, START + 10, periods=200, throttled=30, waited=2.0))
    (found,) = (await watched.read()).pods
    expected = Pod("shop", "web-1", "web", 0.2, 0.25, 0.5, throttled=0.25, pressure=0.1, kind="Deployment")
    assert found == expected
    assert (found.request_ratio, found.limit_ratio) == (0.8, 0.4)


async def test_what_processes_really_burn(cluster: Any, source: Any, burner: Any) -> None:
    """A kubelet that measures a process of the test, with its own clock: within 5 %."""
    times = []

    def measured() -> str:
        times.append(time.time())
        used = int(Path(f"/proc/{burner.pid}/schedstat").read_text().split()[0]) / 1e9
        return resource(Row("web-1", used, times[-1]))

    await cluster.apply(pod("web-1"))
    cluster.nodes["node-a"].resource = measured
    cluster.nodes["node-a"].cadvisor = cadvisor
    watched = source()
    before = burner.burn(0)
    await watched.read()
    used = burner.burn(0.5) - before
    (found,) = (await watched.read()).pods
    assert found.usage == pytest.approx(used / (times[1] - times[0]), rel=0.05)


async def test_containers_are_added_up_once(cluster: Any, source: Any) -> None:
    """Rows of the pod as a whole, of its sandbox and of the machine's own groups are not counted beside them."""
    sidecar = {"name": "proxy", "resources": {"requests": {"cpu": "50m"}, "limits": {"cpu": "100m"}}}
    app = {"name": "app", "resources": {"requests": {"cpu": "250m"}, "limits": {"cpu": "500m"}}}
    await cluster.apply(pod("web-1", containers=[app, sidecar]))
    watched = source(detailed=True)
    for turn in (0, 1):
        say(
            cluster.nodes["node-a"],
            Row("web-1", 10.0 + 2 * turn, START + 10 * turn, periods=100 * turn, throttled=0),
            Row("web-1", 1.0 + turn, START + 10 * turn, container="proxy", periods=100 * turn, throttled=60 * turn),
        )
        (found,) = (await watched.read()).pods
    assert (found.usage, found.request, found.limit) == (pytest.approx(0.3), pytest.approx(0.3), pytest.approx(0.6))
    # the worst container's, for its throttling holds up the pod
    assert found.throttled == 0.6
    assert found.containers == (
        Container("app", pytest.approx(0.2), 0.25, 0.5, 0.0),
        Container("proxy", pytest.approx(0.1), 0.05, 0.1, 0.6),
    )


async def test_a_restarted_container_costs_its_pod_nothing(cluster: Any, source: Any) -> None:
    """Its counter begins anew; the other container's usage is told meanwhile."""
    await cluster.apply(pod("web-1"))
    watched = source()
    say(cluster.nodes["node-a"], Row("web-1", 100.0), Row("web-1", 1.0, container="proxy"))
    await watched.read()
    again = Row("web-1", 2.0, START + 15, started=START + 13)
    say(cluster.nodes["node-a"], again, Row("web-1", 2.5, START + 15, container="proxy"))
    assert usages(await watched.read()) == {"web-1": pytest.approx(0.1)}
    later = Row("web-1", 5.0, START + 30, started=START + 13)
    say(cluster.nodes["node-a"], later, Row("web-1", 4.0, START + 30, container="proxy"))
    assert usages(await watched.read()) == {"web-1": pytest.approx(0.3)}


async def test_a_new_pod_is_seen_at_its_first_reading(cluster: Any, source: Any) -> None:
    """Its start is the reading before; metrics-server's users wait for a second one."""
    await cluster.apply(pod("web-1"))
    say(cluster.nodes["node-a"], Row("web-1", 1.0))
    watched = source()
    await watched.read()
    await cluster.apply(pod("web-2"))
    say(cluster.nodes["node-a"], Row("web-1", 2.0, START + 20), Row("web-2", 6.0, START + 20, started=START + 5))
    await until(watched, {"web-1": 0.05, "web-2": 0.4})


async def until(watched: Any, expected: dict[str, float | None]) -> Snapshot:
    """Read until the pods are these: a change comes by the watch, some milliseconds after it was made."""
    async with asyncio.timeout(10):
        while usages(found := await watched.read()) != expected:
            await asyncio.sleep(0.01)
    return found


async def test_a_dead_pod_leaves_at_once(cluster: Any, source: Any) -> None:
    """As its kubelet stops to tell of it, whatever the API server still has."""
    await cluster.apply(pod("web-1"), pod("web-2"))
    say(cluster.nodes["node-a"], Row("web-1", 1.0), Row("web-2", 1.0))
    watched = source(now=lambda: START)
    assert set(usages(await watched.read())) == {"web-1", "web-2"}
    say(cluster.nodes["node-a"], Row("web-2", 2.0, START + 10))
    found = await watched.read()
    assert usages(found) == {"web-2": pytest.approx(0.1)}
    assert [each.name for each in found.unseen] == ["web-1"]
    await cluster.delete("shop", "web-1")
    async with asyncio.timeout(10):
        while (await watched.read()).unseen:
            await asyncio.sleep(0.01)


async def test_a_kubelet_that_measures_more_seldom_than_it_is_asked(cluster: Any, source: Any) -> None:
    """The same answer again is the same usage."""
    await cluster.apply(pod("web-1"))
    watched = source()
    for turn in (0, 1, 1):
        say(cluster.nodes["node-a"], Row("web-1", 1.0 + turn, START + 10 * turn))
        found = await watched.read()
    assert usages(found) == {"web-1": pytest.approx(0.1)}


async def test_a_kubelet_that_has_stopped_to_measure_is_not_believed(cluster: Any, source: Any, clock: Any) -> None:
    """A flat line would look like a pod that works evenly."""
    await cluster.apply(pod("web-1"))
    watched = source(clock=clock)
    say(cluster.nodes["node-a"], Row("web-1", 1.0))
    await watched.read()
    clock.now = 100.0
    assert len((await watched.read()).pods) == 1
    clock.now = 200.0
    with pytest.raises(SourceError, match="node node-a: its kubelet has measured nothing for 200 s"):
        await watched.read()


@pytest.mark.parametrize(
    ("broken", "reason", "message"),
    [
        (
            {"status": 403},
            Reason.REFUSED,
            "answered 403: Forbidden (user=exporter, resource=nodes, path=/metrics/resource)",
        ),
        ({"status": 500}, Reason.UNREACHABLE, "answered 500"),
        ({"hangs": True}, Reason.TIMEOUT, "/metrics/resource: not read in time"),
        ({"resource": lambda: "<html>login</html>\n"}, Reason.INVALID_ANSWER, "not what a kubelet says"),
        ({"resource": lambda: resource(Row("web-1", 1.0)).replace(" 1.0 ", " one ")}, Reason.INVALID_ANSWER, "'one'"),
        ({"resource": lambda: resource(Row("web-1", 1.0))[:-30]}, Reason.INVALID_ANSWER, "answer is cut"),
        ({"body": lambda packed: packed[:-20]}, Reason.INVALID_ANSWER, "answer is cut"),
        ({"body": lambda packed: b"no gzip"}, Reason.INVALID_ANSWER, "not gzip"),
    ],
    ids=["403", "500", "hangs", "html", "no number", "cut", "cut gzip", "no gzip"],
)
async def test_a_broken_node_costs_its_own_pods_only(
    cluster: Any, source: Any, broken: dict[str, Any], reason: Reason, message: str
) -> None:
    """And the message names it."""
    await cluster.apply(pod("web-1"), pod("web-2", "node-b", "127.0.1.2"))
    for kubelet, name in zip(cluster.nodes.values(), ("web-1", "web-2"), strict=True):
        say(kubelet, Row(name, 1.0))
    for name, value in broken.items():
        setattr(cluster.nodes["node-a"], name, value)
    found = await source(timeout=1.0 if "hangs" in broken else 10.0).read()
    assert usages(found) == {"web-2": None}
    assert [each.name for each in found.unseen] == ["web-1"]
    (problem,) = found.problems
    assert problem.reason is reason
    assert problem.message.startswith("node node-a: ")
    assert message in problem.message


async def test_without_cadvisor_throttling_is_missing_and_the_rest_is_there(cluster: Any, source: Any) -> None:
    """It is said, and it is no throttling of 0."""
    await cluster.apply(pod("web-1"))
    watched = source()
    for turn in (0, 1):
        say(cluster.nodes["node-a"], Row("web-1", 1.0 + turn, START + 10 * turn, periods=100 * turn))
        cluster.nodes["node-a"].cadvisor = lambda: "404 page not found\n"
        found = await watched.read()
    (one,) = found.pods
    assert (one.usage, one.throttled) == (pytest.approx(0.1), None)
    assert messages(found) == ["node node-a: /metrics/cadvisor: not what a kubelet says: it has no machine_cpu_cores"]


def measured(name: str, *cpu: str) -> Any:
    containers = [{"name": f"c{place}", "usage": {"cpu": each, "memory": "8Mi"}} for place, each in enumerate(cpu)]
    metadata = {"name": name, "namespace": "shop"}
    return {"metadata": metadata, "timestamp": "2026-11-25T00:00:00Z", "window": "15.2s", "containers": containers}


async def test_metrics_server_is_asked_for_what_no_kubelet_tells(cluster: Any, source: Any) -> None:
    """Usage and its ratios; the kubelet's refusal is still a problem."""
    await cluster.apply(pod("web-1"), pod("web-2", "node-b", "127.0.1.2"))
    cluster.nodes["node-a"].status = 403
    say(cluster.nodes["node-b"], Row("web-2", 1.0))
    cluster.metrics = [measured("web-1", "117527n", "25u", "50m", "0.1"), measured("web-2", "9"), measured("gone", "9")]
    found = await source().read()
    assert usages(found) == {"web-2": None, "web-1": pytest.approx(0.150142527)}
    assert [problem.reason for problem in found.problems] == [Reason.REFUSED]
    assert found.unseen == ()


async def test_a_metrics_server_that_hangs_costs_nothing_that_was_read(cluster: Any, source: Any) -> None:
    """Of what it was asked instead of, there is nothing; the rest is there in time."""
    await cluster.apply(pod("web-1"), pod("web-2", "node-b", "127.0.1.2"))
    cluster.nodes["node-a"].status = 403
    cluster.metrics_hang = True
    say(cluster.nodes["node-b"], Row("web-2", 1.0))
    async with asyncio.timeout(1.0):
        found = await source(timeout=1.0).read()
    assert usages(found) == {"web-2": None}
    assert [problem.reason for problem in found.problems] == [Reason.REFUSED, Reason.TIMEOUT]


async def test_metrics_server_may_be_all_there_is(cluster: Any, source: Any) -> None:
    """Chosen so, no kubelet is asked."""
    await cluster.apply(pod("web-1"))
    cluster.metrics = [measured("web-1", "50m")]
    found = await source(usage="metrics.k8s.io").read()
    assert usages(found) == {"web-1": 0.05}
    assert found.problems == ()
    assert cluster.nodes["node-a"].asked == 0


async def test_when_nothing_can_be_read_the_source_is_down(cluster: Any, source: Any) -> None:
    """And says what stood in the way."""
    await cluster.apply(pod("web-1"))
    cluster.nodes["node-a"].status = 403
    with pytest.raises(SourceError, match=r"node node-a: .*answered 403"):
        await source().read()


async def test_an_empty_cluster_is_up(cluster: Any, source: Any) -> None:
    """No pods are no failure."""
    found = await source().read()
    assert (found.pods, found.problems) == ((), ())


async def test_lost_labels_are_said_and_the_pod_is_told_as_a_whole(cluster: Any, source: Any) -> None:
    """https://github.com/rancher/rke2/issues/11274: only the pods' own groups have labels."""
    await cluster.apply(pod("web-1"))
    watched = source()
    for turn in (0, 1):
        say(cluster.nodes["node-a"], Row("web-1", 1.0 + turn, START + 10 * turn, container=""))
        found = await watched.read()
    assert usages(found) == {"web-1": pytest.approx(0.1)}
    assert messages(found) == [
        "node node-a: containers have lost their labels in shop/web-1: CPU of the whole pod is told",
    ]


async def test_one_container_without_its_labels_is_missed(cluster: Any, source: Any) -> None:
    """What the others use is not the pod's usage; one that has just started is only not measured yet."""
    status = {"name": "proxy", "state": {"running": {"startedAt": "2026-11-18T00:00:01Z"}}}
    started = datetime.fromisoformat("2026-11-18T00:00:01Z").timestamp()
    containers = [{"name": name, "resources": {"requests": {"cpu": "1"}}} for name in ("app", "proxy")]
    statuses = [{**status, "name": "app"}, status]
    await cluster.apply(pod("web-1", containers=containers, containerStatuses=statuses))
    young, old = (source(now=lambda after=after: started + after) for after in (LATE, LATE + 1))
    told = []
    for turn in range(2):
        rows = [
            Row("web-1", 1.0 + turn, START + 10 * turn),
            Row("web-1", 6.0 + 3 * turn, START + 10 * turn, container=""),
        ]
        say(cluster.nodes["node-a"], *rows)
        told = [await watched.read() for watched in (young, old)]
    assert [usages(found) for found in told] == [{"web-1": pytest.approx(0.1)}, {"web-1": pytest.approx(0.3)}]
    assert [messages(found) for found in told] == [
        [],
        ["node node-a: containers have lost their labels in shop/web-1: CPU of the whole pod is told"],
    ]


async def test_the_control_group_before_a_restart_does_not_hide_the_one_after(cluster: Any, source: Any) -> None:
    """Both are told for some time; the one that has ended is not throttled."""
    await cluster.apply(pod("web-1"))
    watched = source()
    for order in (1, -1):
        for turn in (0, 1):
            now = Row("web-1", 1.0 + turn, START + 10 * turn, periods=100 * turn, throttled=40 * turn)
            ended = Row("web-1", 9.0, START + 10 * turn, started=START - 9999, periods=500, throttled=7)
            cluster.nodes["node-a"].resource = lambda now=now: resource(now)
            cluster.nodes["node-a"].cadvisor = lambda rows=(now, ended)[::order]: cadvisor(*rows)
            found = await watched.read()
        assert found.pods[0].throttled == 0.4


async def test_containers_without_labels_are_found_by_their_pods_uid(cluster: Any, source: Any) -> None:
    """In /metrics/cadvisor the path has it."""
    uid = "0b2a7b1c-5d0e-4f3a-9c8d-112233445566"
    made = pod("web-1")
    made["metadata"]["uid"] = uid
    await cluster.apply(made)
    watched = source()
    for turn in (0, 1):
        row = Row("web-1", 1.0 + turn, START + 10 * turn)
        path = f"/kubepods.slice/kubepods-pod{uid.replace('-', '_')}.slice/cri-containerd-abc.scope"
        lost = "".join(
            f"# TYPE {family} counter\n{family}{cgroup(path)} {value} {ms(row.at)}\n"
            for family, value in (
                ("container_cpu_cfs_periods_total", 100 * turn),
                ("container_cpu_cfs_throttled_periods_total", 40 * turn),
            )
        )
        cluster.nodes["node-a"].resource = lambda row=row: resource(row)
        cluster.nodes["node-a"].cadvisor = lambda lost=lost: (
            f"# TYPE machine_cpu_cores gauge\nmachine_cpu_cores 2\n{lost}"
        )
        found = await watched.read()
    assert found.pods[0].throttled == 0.4
    assert messages(found) == ["node node-a: labels of 1 containers are lost in /metrics/cadvisor; found by pod uid"]


async def test_a_running_pod_that_its_kubelet_does_not_know_is_said(cluster: Any, source: Any) -> None:
    """Not drawn as zero; one that waits after a crash is none."""
    waiting = [{"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    await cluster.apply(pod("web-1"), pod("web-2"), pod("web-3", containerStatuses=waiting))
    say(cluster.nodes["node-a"], Row("web-2", 1.0))
    found = await source().read()
    assert usages(found) == {"web-2": None}
    assert messages(found) == ["node node-a: its kubelet does not tell of shop/web-1, though it runs there"]


async def test_a_kubelet_that_could_not_measure_says_so(cluster: Any, source: Any) -> None:
    """resource_scrape_error is 1."""
    await cluster.apply(pod("web-1"))
    say(cluster.nodes["node-a"], Row("web-1", 1.0))
    cluster.nodes["node-a"].resource = lambda: resource(Row("web-1", 1.0), failed=1)
    assert messages(await source().read()) == ["node node-a: its kubelet could not measure every container"]


async def test_pods_that_do_not_run_have_no_series_and_count_for_an_autoscaler(cluster: Any, source: Any) -> None:
    """Pending ones are replicas, those that have succeeded are not."""
    await cluster.apply(
        pod("web-1"), pod("web-2", node="", phase="Pending", containerStatuses=[]), pod("web-3", phase="Succeeded")
    )
    say(cluster.nodes["node-a"], Row("web-1", 1.0))
    found = await source().read()
    assert set(usages(found)) == {"web-1"}
    assert [(each.name, each.standing) for each in found.unseen] == [("web-2", Standing.UNREADY)]


async def test_shards_divide_the_nodes(cluster: Any, source: Any) -> None:
    """Each pod is told by one of them."""
    await cluster.apply(pod("web-1"), pod("web-2", "node-b", "127.0.1.2"))
    say(cluster.nodes["node-a"], Row("web-1", 1.0))
    say(cluster.nodes["node-b"], Row("web-2", 1.0))
    found = [set(usages(await source(shard=shard).read())) for shard in ("0/2", "1/2")]
    assert sorted(name for names in found for name in names) == ["web-1", "web-2"]


async def test_the_old_answer_of_a_node_is_not_kept_when_it_is_gone(cluster: Any, source: Any) -> None:
    """A node that comes back begins anew."""
    await cluster.apply(pod("web-1"), pod("web-2", "node-b", "127.0.1.2"))
    say(cluster.nodes["node-a"], Row("web-1", 1.0))
    say(cluster.nodes["node-b"], Row("web-2", 1.0))
    watched = source()
    await watched.read()
    cluster.nodes["node-b"].status = 503
    assert set(usages(await watched.read())) == {"web-1"}
