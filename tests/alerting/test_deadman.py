"""The dead-man's switch: what it finds as a table, and one message that is kept true until the Watchdog is back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from alerting.config import RouterSettings
from alerting.model import Sight, Standing
from alerting.store import upkeep
from alerting.watchdog import Finding, diagnose, silent
from tests.alerting import life

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prometheus", "alertmanager", "finding"),
    [
        (Standing.SILENT, Standing.FIRES, Finding.PROMETHEUS_DOWN),
        (Standing.SILENT, Standing.SILENT, Finding.PROMETHEUS_DOWN),
        (Standing.LACKS, Standing.LACKS, Finding.NOT_EVALUATED),
        (Standing.FIRES, Standing.SILENT, Finding.ALERTMANAGER_DOWN),
        (Standing.FIRES, Standing.LACKS, Finding.NOT_SENT),
        (Standing.FIRES, Standing.HOLDS_BACK, Finding.HELD_BACK),
        (Standing.FIRES, Standing.FIRES, Finding.NOT_RECEIVED),
        (Standing.UNASKED, Standing.SILENT, Finding.ALERTMANAGER_DOWN),
        (Standing.UNASKED, Standing.FIRES, Finding.NOT_RECEIVED),
        (Standing.FIRES, Standing.UNASKED, Finding.UNKNOWN),
        (Standing.UNASKED, Standing.UNASKED, Finding.UNKNOWN),
    ],
)
def test_the_first_part_without_a_watchdog_is_the_broken_one(prometheus, alertmanager, finding):
    """In the order of the way from Prometheus to the router."""
    assert diagnose(Sight(prometheus), Sight(alertmanager)) is finding


@pytest.mark.parametrize(("heard", "began", "dead"), [(-61, -90, True), (-59, -90, False), (-90, -59, False)])
def test_what_came_before_the_router_ran_says_nothing(heard, began, dead):
    """A router that was down has missed beats: it waits the whole delay."""
    at = NOON + timedelta(seconds=heard), NOON + timedelta(seconds=began)
    assert silent(*at, timedelta(minutes=1), NOON) is dead


@pytest.fixture
def watching(settings, prometheus, alertmanager):
    """Settings of a router that waits a minute and can ask both."""
    made = settings.model_dump(mode="json", exclude_none=True) | {
        "slack": {"token": "xoxb-test-1", "base_url": settings.slack.base_url},
        "watchdog": {"after": "1m", "channel": "#pods", "mention": ["U0ONCALL"]},
        "prometheus": {"url": prometheus.url},
        "alertmanager": {"urls": [alertmanager.url]},
    }
    return RouterSettings.model_validate(made)


@pytest.fixture
def beat(alert, webhook_body):
    """The Watchdog, as Alertmanager tells of it."""
    return webhook_body(alert("w", labels={"alertname": "Watchdog", "severity": "info"}), group="{}:{w}")


async def look(router):
    """Have the switch look."""
    await life.look(router.pipeline.switch)


async def shown(router, workspace):
    """Look, deliver, and return what the messages say."""
    await look(router)
    await router.settled()
    return [[block["text"]["text"] for block in root["blocks"]] for root in workspace.roots()]


async def test_one_message_says_where_it_is_silent_until_it_is_back(
    start, watching, workspace, prometheus, alertmanager, clock, beat, alert
):
    """Edited when the finding changes, and when the Watchdog comes; the next silence is a new message."""
    alertmanager.list(alert("w", labels={"alertname": "Watchdog"}))
    alertmanager.list(alert("other"))
    async with start(settings=watching, clock=clock) as router:
        await router.accept(beat)
        clock.forward(59)
        assert await shown(router, workspace) == []
        clock.forward(1)
        ((title, text),) = await shown(router, workspace)
        assert title == "<@U0ONCALL> *🔇 The Watchdog is silent: Alertmanager does not reach the router*"
        assert text.splitlines() == [
            "No alert can be trusted to arrive until it is back. It came last "
            "<!date^1795435200^{date_short_pretty} {time_secs}|2026-11-23 12:00:00 UTC>.",
            "• Prometheus answers, and its Watchdog fires (it sends to http://alertmanager.example:9093).",
            "• Alertmanager has the Watchdog.",
            "<http://runbooks.example/base/runbooks/Watchdog|Runbook>",
        ]
        prometheus.status = 503
        clock.forward(5)
        ((title, _),) = await shown(router, workspace)
        assert title.endswith("The Watchdog is silent: Prometheus does not answer*")
        edits = workspace.count("chat.update")
        clock.forward(5)
        await shown(router, workspace)
        assert workspace.count("chat.update") == edits == 1
        await router.accept(beat)
        ((title, text),) = await shown(router, workspace)
        assert title == "*✅ The Watchdog is back after 1m 10s*"
        assert "found first: Alertmanager does not reach the router" in text
        clock.forward(60)
        assert len(await shown(router, workspace)) == 2
    assert {root["channel"] for root in workspace.roots()} == {"C00000PODS"}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"evaluated": None}, "Prometheus does not evaluate its rule"),
        ({"evaluated": 151.0}, "Prometheus does not evaluate its rule"),
        ({"evaluated": "long ago"}, "Prometheus does not answer"),
        ({"receivers": []}, "Prometheus does not send to Alertmanager"),
        ({"status": 401}, "Prometheus does not answer"),
    ],
)
async def test_what_prometheus_says_is_told(start, watching, workspace, prometheus, clock, state, said):
    """Its rule, where it sends to, and that it does not answer as it should."""
    vars(prometheus).update(state)
    async with start(settings=watching, clock=clock) as router:
        await look(router)
        clock.forward(60)
        ((title, text),) = await shown(router, workspace)
    assert said in title
    assert "It has never come, and was awaited since" in text
    assert ("(it knows no Alertmanager)" in text) is (state == {"receivers": []})
    assert ("(HTTP 401)" in text) is (state == {"status": 401})


async def test_what_alertmanager_says_is_told(start, watching, workspace, alertmanager, clock, alert):
    """Gone, without the alert, and silenced."""
    async with start(settings=watching, clock=clock) as router:
        await look(router)
        clock.forward(60)
        alertmanager.down = True
        titles = [(await shown(router, workspace))[0][0]]
        alertmanager.down = False
        titles.append((await shown(router, workspace))[0][0])
        alertmanager.list(alert("w", labels={"alertname": "Watchdog"}), silencedBy=["s"])
        titles.append((await shown(router, workspace))[0][0])
    assert [title.rpartition(": ")[2] for title in titles] == [
        "Alertmanager does not answer*",
        "Prometheus does not send to Alertmanager*",
        "Alertmanager holds it back*",
    ]


async def test_the_message_outlives_a_restart(start, watching, workspace, clock, beat):
    """Of the router that is down while nothing comes; the wait of a Watchdog that never came goes on too."""
    async with start(settings=watching, clock=clock) as router:
        await look(router)
        clock.forward(60)
        await shown(router, workspace)
        assert (await router.store.run(upkeep.census)).silence == "not_sent"
    async with start(settings=watching, clock=clock) as router:
        clock.forward(1)
        assert len(await shown(router, workspace)) == 1
        await router.accept(beat)
        ((title, _),) = await shown(router, workspace)
        assert (await router.store.run(upkeep.census)).silence is None
    assert title == "*✅ The Watchdog is back after 1m 1s*"


async def test_of_two_routers_one_watches(start, watching, workspace, clock, postgresql, prometheus):
    """The other takes over when the first is gone, and keeps the message of the first."""
    shared = watching.model_copy(update={"store": postgresql.new()})
    async with start(settings=shared, clock=clock) as one:
        await look(one)
        async with start(settings=shared, clock=clock) as other:
            clock.forward(60)
            await asyncio.gather(look(one), look(other))
            await one.settled()
            assert len(workspace.roots()) == 1
        prometheus.status = 503
    async with start(settings=shared, clock=clock) as other:
        clock.forward(31)
        ((title, _),) = await shown(other, workspace)
    assert "Prometheus does not answer" in title


async def test_settings_without_a_delay_watch_for_nothing(start, watching, workspace, clock):
    """A message of earlier settings is closed."""
    async with start(settings=watching, clock=clock) as router:
        await look(router)
        clock.forward(60)
        await shown(router, workspace)
    off = watching.model_copy(update={"watchdog": watching.watchdog.model_copy(update={"after": None})})
    async with start(settings=off, clock=clock) as router:
        clock.forward(3600)
        ((title, _),) = await shown(router, workspace)
        clock.forward(3600)
        assert len(await shown(router, workspace)) == 1
    assert title == "*The Watchdog is no longer watched*"
