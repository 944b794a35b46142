"""Killed anywhere, started again on the same database: nothing is lost, nothing is doubled."""

import asyncio
import sqlite3

import pytest

from alerting.errors import StoreError
from alerting.store.schema import VERSION

BOUNDARIES = 90
"""More than the scenario has; the test below says so."""


def scenario(webhook_body, alert):
    """Bodies of one group from its first alert to its end."""
    return [
        webhook_body(alert("a")),
        webhook_body(alert("a"), alert("b", 10)),
        webhook_body(alert("a", 0, 60), alert("b", 10, 70)),
    ]


async def live(start, bodies, fuse, killed):
    """Send the bodies until one life of the router ends; return those that were not answered with 2xx."""
    left = list(bodies)
    async with start(fuse=fuse) as router:
        try:
            while left:
                await router.accept(left[0])
                left.pop(0)
                await router.settled()
        except (killed, BaseExceptionGroup):
            return left
    return left


@pytest.mark.parametrize("boundary", range(BOUNDARIES))
async def test_a_kill_at_any_boundary_loses_and_doubles_nothing(
    start, workspace, webhook_body, alert, fuse, killed, boundary
):
    """Before and after each call to the store and to Slack; Alertmanager sends again what got no 2xx."""
    left = await live(start, scenario(webhook_body, alert), fuse(left=boundary), killed)
    left = await live(start, left, fuse(), killed)
    assert left == []
    async with start() as router:
        await router.settled()
    assert workspace.titles() == ["✅ Resolved: KafkaConsumerLagHigh after 1m 10s"]
    replies = workspace.replies(workspace.roots()[0])
    assert len(replies) == len(set(replies))
    assert replies[-1].endswith("*Resolved* after 1m 10s.")


async def test_the_boundaries_reach_past_the_scenario(start, workspace, webhook_body, alert, fuse, killed):
    """Else the table above would leave some out."""
    counting = fuse()
    await live(start, scenario(webhook_body, alert), counting, killed)
    assert 30 < counting.passed <= BOUNDARIES


async def test_a_store_of_a_newer_router_is_not_touched(settings, start):
    """A schema from the future ends the start with a sentence."""
    async with start():
        pass
    with sqlite3.connect(settings.store) as connection:
        connection.execute("update schema_version set version = 99")
    connection.close()
    with pytest.raises(StoreError, match=f"the store has schema 99, this router knows {VERSION}: run the newer router"):
        async with start():
            pass


async def test_deliveries_wait_for_a_store_that_fails(settings, start, workspace, webhook_body, alert):
    """Another process holds the write lock: nothing is sent that could not be remembered."""
    async with start() as router:
        holder = sqlite3.connect(settings.store, isolation_level=None)
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        holder.execute("begin immediate")
        taking = asyncio.create_task(router.accept(webhook_body(alert("a", 0, 60))))
        await asyncio.sleep(0.1)
        assert not taking.done()
        holder.execute("rollback")
        holder.close()
        await taking
        await router.settled()
    assert workspace.titles() == ["✅ Resolved: KafkaConsumerLagHigh after 1m"]
