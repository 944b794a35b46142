"""List and watch: pages, bookmarks, versions that are too old, an API server that goes away."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.config import Kubernetes
from exporters.pod_cpu.sources.kubernetes.api import Api
from exporters.pod_cpu.sources.kubernetes.pods import PAGE, Pods


def pod(name: str, uid: str = "1") -> Any:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": uid},
        "spec": {"nodeName": "node-a", "containers": [{"name": "app"}]},
        "status": {"phase": "Running"},
    }


@pytest.fixture
async def pods(cluster: Any, tmp_path: Path) -> AsyncIterator[Pods]:
    """Those of the cluster, looked at without long pauses."""
    api = Api(Kubernetes(kind="kubernetes", kubeconfig=cluster.kubeconfig(tmp_path)))
    made = Pods(api, pause=0.01, silence=30)
    yield made
    await made.close()
    await api.close()


async def names(pods: Pods) -> set[str]:
    return {found.name for found in await pods.known()}


async def until(pods: Pods, expected: Iterable[str]) -> None:
    """Wait until the pods are these."""
    await eventually(pods, lambda found: found == set(expected))


async def eventually(pods: Pods, holds: Callable[[set[str]], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds(await names(pods)):
            await asyncio.sleep(0.005)


async def first_listed(pods: Pods) -> set[str]:
    """Wait until a whole list was read, and give the names in it."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await names(pods)
            except SourceError:
                await asyncio.sleep(0.005)


async def test_a_long_list_comes_in_pages(cluster: Any, pods: Pods) -> None:
    """Each page is asked for once, all of them at one version."""
    expected = {f"web-{number}" for number in range(2 * PAGE + 1)}
    await cluster.apply(*map(pod, expected))
    assert await names(pods) == expected
    lists = [asked for asked in cluster.asked if "watch" not in asked]
    assert [("continue" in asked, asked["limit"]) for asked in lists] == [
        (False, str(PAGE)),
        (True, str(PAGE)),
        (True, str(PAGE)),
    ]


async def test_changes_come_by_the_watch(cluster: Any, pods: Pods) -> None:
    """Without another list."""
    await cluster.apply(pod("web-1"), pod("web-2"))
    await until(pods, {"web-1", "web-2"})
    await cluster.apply(pod("web-3"))
    await cluster.delete("shop", "web-1")
    await until(pods, {"web-2", "web-3"})
    assert sum("watch" not in asked for asked in cluster.asked) == 1


async def test_a_pod_of_the_same_name_replaces_the_one_before(cluster: Any, pods: Pods) -> None:
    """As those of a StatefulSet do."""
    await cluster.apply(pod("db-0", uid="old"))
    await until(pods, {"db-0"})
    await cluster.delete("shop", "db-0")
    await cluster.apply(pod("db-0", uid="new"))
    async with asyncio.timeout(10):
        while [found.uid for found in (await pods.known()).values()] != ["new"]:
            await asyncio.sleep(0.005)


async def test_a_watch_that_ends_goes_on_where_it_was(cluster: Any, pods: Pods) -> None:
    """A bookmark moves it on too, and nothing that changed meanwhile is lost."""
    await cluster.apply(pod("web-1"))
    await until(pods, {"web-1"})
    await cluster.watched()
    await cluster.apply(pod("web-2"))
    await cluster.bookmark()
    bookmarked = cluster.version
    async with asyncio.timeout(10):
        while cluster.told != bookmarked:
            await asyncio.sleep(0.005)
    await cluster.end_watches()
    await cluster.apply(pod("web-3"))
    await until(pods, {"web-1", "web-2", "web-3"})
    again = [asked for asked in cluster.asked if "watch" in asked][1]
    assert again["resourceVersion"] == str(bookmarked)
    assert again["allowWatchBookmarks"] == "true"
    assert sum("watch" not in asked for asked in cluster.asked) == 1


async def test_a_version_that_is_too_old_means_another_list(cluster: Any, pods: Pods) -> None:
    """410, as etcd forgets: what has gone meanwhile goes, and it is no problem."""
    await cluster.apply(pod("web-1"), pod("web-2"))
    await until(pods, {"web-1", "web-2"})
    await cluster.watched()
    cluster._pods.pop(("shop", "web-1"))  # an event that nobody can tell any more
    await cluster.forget()
    await until(pods, {"web-2"})
    assert sum("watch" not in asked for asked in cluster.asked) == 2
    await cluster.apply(pod("web-3"))
    await until(pods, {"web-2", "web-3"})
    assert pods.problems == ()


async def test_a_page_that_is_too_old_means_another_list(cluster: Any, pods: Pods) -> None:
    """410 to a continue: the whole is asked for again, and no part of it is believed meanwhile."""
    expected = {f"web-{number}" for number in range(PAGE + 1)}
    await cluster.apply(*map(pod, expected))
    listed = cluster._list

    def forgetful(query: dict[str, str]) -> Any:
        if "continue" in query and sum("continue" in asked for asked in cluster.asked) == 1:
            cluster._pages.clear()
        return listed(query)

    cluster._list = forgetful
    with pytest.raises(SourceError, match="answered 410"):
        await pods.known()
    assert await first_listed(pods) == expected


async def test_an_api_server_that_goes_away_costs_no_pod(cluster: Any, pods: Pods) -> None:
    """What is known holds, with a problem that says so, until it is back."""
    await cluster.apply(pod("web-1"))
    await until(pods, {"web-1"})
    await cluster.watched()
    cluster.down = 503
    await cluster.end_watches()
    await eventually(pods, lambda found: bool(pods.problems))
    assert await names(pods) == {"web-1"}
    assert pods.problems[0].reason is Reason.UNREACHABLE
    cluster.down = None
    await cluster.apply(pod("web-2"))
    await until(pods, {"web-1", "web-2"})
    assert pods.problems == ()


@pytest.mark.parametrize(
    ("status", "reason"), [(401, Reason.REFUSED), (403, Reason.REFUSED), (503, Reason.UNREACHABLE)]
)
async def test_pods_that_were_never_listed_are_not_known(cluster: Any, pods: Pods, status: int, reason: Reason) -> None:
    """No pods, and not an empty list of them."""
    cluster.down = status
    with pytest.raises(SourceError, match=f"answered {status}") as caught:
        await pods.known()
    assert caught.value.reason is reason
    cluster.down = None
    await cluster.apply(pod("web-1"))
    assert await first_listed(pods) == {"web-1"}


async def test_an_object_that_is_no_pod_costs_no_other(cluster: Any, pods: Pods) -> None:
    """And is said."""
    odd = pod("odd")
    odd["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "much"}}
    await cluster.apply(odd, pod("web-1"))
    assert await names(pods) == {"web-1"}
    (problem,) = pods.problems
    assert problem.message == "pod shop/odd: not a Pod object: ValueError(\"'much' is no quantity\")"
    await cluster.apply(pod("odd"))
    await until(pods, {"web-1", "odd"})
    assert pods.problems == ()
    await cluster.apply(odd)
    await eventually(pods, lambda found: bool(pods.problems))
    await cluster.delete("shop", "odd")
    await until(pods, {"web-1"})
    assert pods.problems == ()


@pytest.mark.parametrize("event", [{"type": "MODIFIED"}, {"type": "MODIFIED", "object": "web-1"}, ["ADDED"], 7])
async def test_an_event_that_is_none_means_another_list(cluster: Any, pods: Pods, event: Any) -> None:
    """Going on behind it would meet it again, or miss what it said."""
    await cluster.apply(pod("web-1"))
    await until(pods, {"web-1"})
    await cluster.watched()
    cluster.version += 1
    cluster._events.append((cluster.version, event))
    await cluster._tell()
    await cluster.apply(pod("web-2"))
    await until(pods, {"web-1", "web-2"})
    assert sum("watch" not in asked for asked in cluster.asked) == 2
    assert pods.problems == ()


@pytest.mark.parametrize("items", [None, [7], "pods"])
async def test_a_list_of_other_things(cluster: Any, pods: Pods, items: Any) -> None:
    """Nothing at all is written as null by some; what is no list of objects is said, and asked for again."""
    listed = cluster._list
    cluster._list = lambda query: web.json_response({"metadata": {"resourceVersion": "1000"}, "items": items})
    if items is None:
        assert await names(pods) == set()
        return
    with pytest.raises(SourceError, match="not a list of pods") as caught:
        await pods.known()
    assert caught.value.reason is Reason.INVALID_ANSWER
    cluster._list = listed
    await cluster.apply(pod("web-1"))
    assert await first_listed(pods) == {"web-1"}


async def test_a_watch_that_is_silent_is_begun_anew(cluster: Any, tmp_path: Path) -> None:
    """A connection that is only half there says nothing at all."""
    api = Api(Kubernetes(kind="kubernetes", kubeconfig=cluster.kubeconfig(tmp_path)))
    pods = Pods(api, pause=0.01, silence=0.05)
    await cluster.apply(pod("web-1"))
    await until(pods, {"web-1"})
    await cluster.watched(2)
    await pods.close()
    await api.close()
