"""Clicks from Slack to Alertmanager and back into the message and its thread, over HTTP."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier

from alerting.actions import Click
from alerting.app import make_app
from alerting.config import RouterSettings
from alerting.model import Deed, Outcome, Person, Posted
from alerting.store import acts

HOOK = "/api/v1/alertmanager"
CLICKS = "/api/v1/slack/interactions"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
KEY = '{}:{alertname="KafkaConsumerLagHigh"}'


class People:
    """A router over HTTP, and people who click on its messages."""

    def __init__(self, client, workspace):
        self.client, self.workspace = client, workspace

    async def fire(self, body):
        assert (await self.client.post(HOOK, content=body)).status_code == 200

    async def click(self, deed, name="jane", action_ts="1.1", root=None, **fields):
        """Click a button of the message as Slack tells of it."""
        root = root or self.workspace.roots()[0]
        found = {
            "type": "block_actions",
            "user": {"id": f"U{name.upper()}", "name": name},
            "container": {"type": "message_attachment", "message_ts": root["ts"], "channel_id": root["channel"]},
            "actions": [{"type": "button", "action_id": deed, "action_ts": action_ts, **fields}],
        }
        body = urlencode({"payload": json.dumps(found)}).encode()
        return await self.client.post(CLICKS, content=body, headers=signed(body))

    async def shows(self, text, where=0):
        """Wait until the message holds this text somewhere."""
        await until(lambda: text in json.dumps(self.workspace.roots()[where : where + 1], ensure_ascii=False))

    async def told(self, *lines):
        """Wait until the thread's replies are these."""
        await until(lambda: self.replies() == list(lines), self.replies)

    def replies(self):
        return [reply for root in self.workspace.roots()[:1] for reply in self.workspace.replies(root)]

    def buttons(self):
        blocks = self.workspace.roots()[0]["attachments"][0]["blocks"]
        return [part["action_id"] for block in blocks if block["type"] == "actions" for part in block["elements"]]


async def until(true, shown=lambda: ""):
    try:
        async with asyncio.timeout(5):
            while not true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"not in time: {shown()}")


def signed(body, secret=SECRET):
    stamp = str(int(datetime.now(UTC).timestamp()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": signature}


@pytest.fixture
def serving(settings, workspace, alertmanager, fast):
    @asynccontextmanager
    async def serve(**fields):
        made = settings.model_dump() | {
            "slack": {"token": "xoxb-test-1", "base_url": workspace.url, "timeout": 0.5, "signing_secret": SECRET},
            "alertmanager": {"urls": [alertmanager.url], "interval": 0.05, "warm_up": 0.001},
            **fields,
        }
        app = make_app(RouterSettings.model_validate(made), lambda: datetime.now(UTC), fast)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://router") as client,
        ):
            yield People(client, workspace)

    return serve


async def test_an_acknowledgement_is_shown_and_told(serving, webhook_body, alert):
    """Who and when in the message, once in the thread however often it is clicked; the button goes."""
    async with serving() as people:
        await people.fire(webhook_body(alert("a"), group=KEY))
        await people.told("*1 fired*: `topic=a`")
        assert people.buttons() == ["acknowledge", "silence"]
        for name, at in (("jane", "1.1"), ("jane", "1.1"), ("jane", "1.2"), ("joe", "1.3")):
            assert (await people.click("acknowledge", name, at)).status_code == 200
        await people.shows("👀 Acknowledged by <@UJANE> <!date^")
        await people.told("*1 fired*: `topic=a`", "👀 *Acknowledged* by jane")
        assert people.buttons() == ["silence"]


async def test_the_page_says_who_did_what_and_how_long_it_took(serving, alertmanager, webhook_body, alert):
    """Who has acknowledged what is open, each deed with its person or its failure, and the mean time to acknowledge."""
    alertmanager.refuses = "no"
    async with serving() as people:
        await people.fire(webhook_body(alert("a"), group=KEY))
        await people.told("*1 fired*: `topic=a`")
        await people.click("acknowledge", "jane")
        await people.click("silence", "joe", selected_option={"value": "1h"})
        await until(lambda: "Alertmanager answers 400" in str(people.replies()), people.replies)
        (message,) = (await people.client.get("/api/v1/messages")).json()["messages"]
        assert message["acknowledged_by"] == "jane"
        entries = (await people.client.get("/api/v1/audit")).json()["entries"]
        assert [(one["what"], one["who"], one["channel"]) for one in entries] == [
            ("silence failed", "joe", "#kafka"),
            ("acknowledged", "jane", "#kafka"),
            ("fired", None, "#kafka"),
        ]
        (noise,) = (await people.client.get("/api/v1/noise", params={"days": 3650})).json()["alerts"]
        begun, done = (datetime.fromisoformat(entries[place]["at"]) for place in (2, 1))
        assert noise["mean_seconds_to_acknowledge"] == (done - begun).total_seconds()
        page = (await people.client.get("/")).text
        assert page.count("<td>jane") == 2


async def test_a_silence_is_made_shown_and_ended(serving, workspace, alertmanager, webhook_body, alert):
    """In Alertmanager: the labels of the alert, until the time that was chosen, by whom, and why."""
    alertmanager.list(alert("a"))
    async with serving() as people:
        await people.fire(webhook_body(alert("a"), group=KEY))
        await people.told("*1 fired*: `topic=a`")
        await people.click("silence", type="static_select", selected_option={"value": "1h"})
        await until(lambda: alertmanager.silences)
        (silence,) = alertmanager.silences.values()
        assert {one["name"]: one["value"] for one in silence["matchers"]} == alert("a")["labels"]
        assert all(one["isEqual"] and not one["isRegex"] for one in silence["matchers"])
        lasts = datetime.fromisoformat(silence["endsAt"]) - datetime.fromisoformat(silence["startsAt"])
        assert lasts.total_seconds() == 3600
        assert silence["createdBy"] == "jane"
        assert silence["comment"].startswith("Silenced in Slack, #kafka, by jane (")
        alertmanager.list(alert("a"), silencedBy=[silence["id"]])
        await people.shows("🔕 Silenced by <@UJANE>")
        await until(lambda: workspace.titles() == ["🔕 Silenced: KafkaConsumerLagHigh"])
        await until(lambda: people.buttons() == ["acknowledge", "unsilence"], people.buttons)
        await people.click("unsilence", "joe")
        await until(lambda: alertmanager.silences["silence-0"]["status"]["state"] == "expired")
        alertmanager.list(alert("a"))
        await until(lambda: workspace.titles() == ["🔥 Firing: KafkaConsumerLagHigh"])
        await until(lambda: any("🔔 *Silence ended* by joe" in reply for reply in people.replies()))


async def test_a_silence_that_alertmanager_refuses_is_told(serving, alertmanager, webhook_body, alert):
    """Whoever asked for it has to know that there is none."""
    alertmanager.refuses = "silences may last an hour at most"
    async with serving() as people:
        await people.fire(webhook_body(alert("a"), group=KEY))
        await people.told("*1 fired*: `topic=a`")
        await people.click("silence", selected_option={"value": "4h"})
        refusal = 'Alertmanager answers 400: "silences may last an hour at most"'
        await people.told("*1 fired*: `topic=a`", f"⚠️ jane asked to silence: {refusal}")


async def test_a_silence_of_a_group_has_what_its_alerts_have_in_common(serving, alertmanager, webhook_body, alert):
    """So it holds for what joins the message later."""
    async with serving() as people:
        await people.fire(webhook_body(alert("a"), alert("b"), group=KEY))
        await people.told("*2 fired*: `topic=a`, `topic=b`")
        await people.click("silence", selected_option={"value": "4h"})
        await until(lambda: alertmanager.silences)
        (silence,) = alertmanager.silences.values()
        assert {one["name"] for one in silence["matchers"]} == {"alertname", "severity", "signal"}


async def test_what_alertmanager_does_not_do_waits(start, workspace, webhook_body, alert):
    """Nobody else takes it meanwhile, and it is taken again when its patience is over; the same click is kept once."""
    async with start() as router:
        await router.accept(webhook_body(alert("a"), group=KEY))
        await router.settled()
        (root,) = workspace.roots()
        now = datetime.now(UTC)
        made = Click("key", Deed.SILENCE, Posted(root["channel"], root["ts"]), Person("U1", "jane"), now, now)
        patience = timedelta(seconds=15)
        assert await router.store.run(acts.click, made) == {"#kafka"}
        assert await router.store.run(acts.click, made) == frozenset()
        first = await router.store.run(acts.errand, now + patience, patience)
        assert await router.store.run(acts.errand, now + patience, patience) is None
        again = await router.store.run(acts.errand, now + 2 * patience, patience)
        assert first.act == again.act
        await router.store.run(acts.settle, again.act, Outcome.FAILED, now, note="no")
        assert await router.store.run(acts.errand, now + 4 * patience, patience) is None


async def test_escalate_now_takes_the_next_step(serving, workspace, webhook_body, alert):
    """In the thread, shown in the channel too, to the group of the first step; then in another channel, with a link."""
    steps = [{"after": "10m", "mention": ["S0123456"]}, {"after": "20m", "channel": "#pods", "mention": ["@here"]}]
    async with serving(escalation=steps) as people:
        await people.fire(webhook_body(alert("a"), group=KEY))
        await people.told("*1 fired*: `topic=a`")
        await people.click("escalate")
        await people.told("*1 fired*: `topic=a`", "📣 *Escalated* by jane <!subteam^S0123456>")
        assert [message["broadcast"] for message in workspace.messages if message["thread_ts"]] == [False, True]
        await people.click("escalate", action_ts="1.2")
        await until(lambda: workspace.roots("pods"))
        (notice,) = workspace.roots("pods")
        assert notice["blocks"][0]["text"]["text"] == "<!here> *📣 KafkaConsumerLagHigh*"
        assert "/archives/C0000KAFKA/p" in notice["blocks"][1]["text"]["text"]
        await until(lambda: people.replies()[-1] == "📣 *Escalated* to #pods by jane", people.replies)
        await until(lambda: "escalate" not in people.buttons())


@pytest.mark.parametrize(
    ("body", "secret", "status"),
    [
        (b"payload=%7B%7D", "forged", 401),
        (b"\xff\xfe", SECRET, 401),
        (b"payload=%7B", SECRET, 400),
        (b"nothing", SECRET, 400),
        (b"payload=" + b"x" * 2_000_000, SECRET, 413),
    ],
)
async def test_a_forged_or_malformed_click_is_refused(serving, body, secret, status):
    """And counted; never 500."""
    headers = signed(b"a" if body == b"\xff\xfe" else body, secret)
    async with serving() as people:
        assert (await people.client.post(CLICKS, content=body, headers=headers)).status_code == status
        assert 'router_clicks_total{result="accepted"} 0.0' in (await people.client.get("/metrics")).text


async def test_a_click_on_a_message_that_is_not_kept_changes_nothing(serving, webhook_body, alert):
    """Slack hears 200: nobody could do better."""
    async with serving() as people:
        gone = {"ts": "1.0", "channel": "C0000KAFKA"}
        for deed in ("acknowledge", "escalate", "unsilence"):
            assert (await people.click(deed, root=gone)).status_code == 200


async def test_without_a_secret_there_are_no_buttons_and_no_clicks(serving, workspace, webhook_body, alert):
    """Links are text then, for Slack would warn of a button that nobody answers for."""
    async with serving(slack={"token": "xoxb-test-1", "base_url": workspace.url, "timeout": 0.5}) as people:
        await people.fire(webhook_body(alert("a"), group=KEY))
        await people.told("*1 fired*: `topic=a`")
        assert people.buttons() == []
        assert (await people.click("acknowledge")).status_code == 401


async def test_a_mention_calls_by_severity_and_again_when_it_gets_worse(serving, workspace, webhook_body, alert):
    """In the message that is posted; an edit calls nobody, so the thread does."""
    mention = {"critical": ["@here"], "warning": ["U0WARNED"]}
    mild = alert("a", labels={**alert("a")["labels"], "severity": "warning"})
    async with serving(mention=mention) as people:
        await people.fire(webhook_body(mild, group=KEY))
        await people.told("*1 fired*: `topic=a`")
        assert workspace.roots()[0]["blocks"][1]["text"]["text"] == "<@U0WARNED>"
        await people.fire(webhook_body(mild, alert("b"), group=KEY))
        await people.told("*1 fired*: `topic=a`", "*1 joined*: `topic=b`\n2 firing.\n<!here>")
        ends = [mild | {"status": "resolved", "endsAt": "2026-11-23T05:00:00Z"}, alert("b", 0, 9)]
        await people.fire(webhook_body(*ends, group=KEY))
        await until(lambda: len(people.replies()) == 3)
        assert "<!here>" not in people.replies()[-1]
        assert workspace.roots()[0]["blocks"][1:] == []
