"""The chart of a message in each of its forms, and which one is taken when Slack refuses a better."""

import asyncio
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alerting.charts import POINTS, block, evidence, line, picture, spoken, window
from alerting.config import PrometheusSettings
from alerting.model import ChartForm, Point
from demo.slack import blocks as block_kit

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
NOTES = {"value": "97", "threshold": "50", "unit": "short", "query": 'lag{topic="a"}', "summary": "Behind"}


def laid(*values, start=NOW - timedelta(minutes=19), threshold="50", unit="short", end=NOW):
    step = timedelta(minutes=1)
    points = [Point(start + step * index, value) for index, value in enumerate(values) if value is not None]
    return evidence(points, end, step, threshold, unit)


@pytest.mark.parametrize(
    ("since", "minutes"),
    [(timedelta(0), 15), (timedelta(minutes=30), 40), (timedelta(days=3), 23 * 60)],
)
def test_the_window_is_from_before_the_alert_until_now(since, minutes):
    """A quarter of an hour at least, less than a day at most, in whole seconds a step."""
    start, end, step = window(NOW - since, NOW)
    assert end == NOW
    assert (end - start) == step * (POINTS - 1)
    assert timedelta(minutes=minutes) <= end - start < timedelta(minutes=minutes, seconds=POINTS)


@pytest.mark.parametrize(
    ("values", "shown", "now"),
    [
        ([1, 2, 3] + [4] * 17, [1, 2, 3] + [4] * 17, 4),
        ([None] * 10 + [1.0] * 10, [1] * 10, 1),
        ([1, None, None, 2] + [3] * 16, [1, 1, 1, 2] + [3] * 16, 3),
        ([1, 2, *[None] * 18], [1, 2, *[2] * 18], None),
        ([None] * 19 + [1], None, None),
        ([], None, None),
    ],
)
def test_a_gap_keeps_the_value_before_it(values, shown, now):
    """Slack's chart takes no gaps. A series that has ended has no value now."""
    made = laid(*values)
    assert (made and [point.value for point in made.points]) == shown
    assert (made and made.now) == now


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(
    st.lists(numbers | st.none(), max_size=20),
    st.text(min_size=1, max_size=200),
    numbers | st.none(),
    st.sampled_from(["percentunit", "s", "bytes", "<b>", "x" * 90, ""]),
    st.sampled_from([1, 47, 60, 4000]),
)
def test_slack_takes_every_chart(values, title, threshold, unit, seconds):
    """Strictly as documented: points, labels, names, unique categories; and each has its words."""
    step = timedelta(seconds=seconds)
    start = NOW - step * 19
    points = [Point(start + step * index, value) for index, value in enumerate(values) if value is not None]
    made = evidence(points, NOW, step, None if threshold is None else str(threshold), unit)
    if made is None:
        return
    assert block_kit.problems([block(f"T{title}", made)], "/blocks") == []
    assert len(line(made)) < 300
    assert len(spoken(title, made)) < 1000


def test_what_an_alert_says_of_its_unit_and_name_makes_no_harm():
    """A unit of any length stays short; a name of nothing that can be seen gets a word that can."""
    made = laid(*range(20), unit="<!channel>" * 1000)
    assert len(spoken("Lag", made)) < 1000
    assert block_kit.problems([block("\u202e", made)], "/blocks") == []


def test_the_picture_is_a_png_with_the_line_and_its_threshold():
    """The colours of both are in it, at the height where they belong."""
    image = Image.open(io.BytesIO(picture("Lag", laid(*range(0, 200, 10))))).convert("RGB")
    assert image.size == (800, 300)

    def coloured(x, y, strong, weak):
        pixel = image.getpixel((x, y))
        return pixel[strong] > 180 > 120 > pixel[weak]

    red = {y for y in range(300) if coloured(400, y, 0, 1)}
    assert red
    assert red <= set(range(198, 207))
    assert any(coloured(x, 250, 2, 0) for x in range(70, 120))


@pytest.fixture
def charting(settings, prometheus):
    """Settings of a router that asks the Prometheus."""
    return settings.model_copy(update={"prometheus": PrometheusSettings(url=prometheus.url)})


async def both(router, webhook_body, alert):
    """An alert that fires and resolves."""
    await router.accept(webhook_body(alert("a", annotations=NOTES)))
    await router.settled()
    await router.accept(webhook_body(alert("a", 0, 60, annotations=NOTES)))
    await router.settled()


def kinds(message):
    return [part["type"] for part in message["blocks"]]


def words(message):
    return str(message["attachments"])


async def test_a_message_has_slacks_own_chart_and_the_value_is_asked_again(
    start, charting, workspace, prometheus, webhook_body, alert
):
    """At resolve Alertmanager only knows the last value that fired."""
    async with start(settings=charting) as router:
        await router.accept(webhook_body(alert("a", annotations=NOTES)))
        await router.settled()
        (message,) = workspace.roots()
        assert kinds(message) == ["header", "data_visualization"]
        names = [series["name"] for series in message["blocks"][1]["chart"]["series"]]
        assert names == ["value", "threshold"]
        prometheus.values = [97.0, 40.0, 12.0]
        await router.accept(webhook_body(alert("a", 0, 60, annotations=NOTES)))
        await router.settled()
    (message,) = workspace.roots()
    assert kinds(message) == ["header", "data_visualization"]
    assert "*Value now*\\n12" in words(message)
    assert "*Last value*\\n97 (threshold 50)" in words(message)
    assert {asked["query"] for asked in prometheus.asked} == {'lag{topic="a"}'}


async def test_a_chart_that_slack_refuses_becomes_a_picture(start, charting, workspace, webhook_body, alert):
    """Uploaded into the thread once, and shown in the message from then on; its text speaks meanwhile."""
    workspace.charts = False
    async with start(settings=charting) as router:
        await both(router, webhook_body, alert)
        assert router.metrics.delivered.labels("picture")._value.get() == 1
    (message,) = workspace.roots()
    assert kinds(message) == ["header", "image"]
    assert workspace.titles()[0].startswith("✅ Resolved")
    (file,) = workspace.files.values()
    assert Image.open(io.BytesIO(file["data"])).format == "PNG"
    assert file["alt"].startswith("KafkaConsumerLagHigh: 10 to 97, last 97, threshold 50")
    assert len(workspace.replies(message)) == 2


@pytest.mark.parametrize(
    ("method", "code"),
    [("files.getUploadURLExternal", "missing_scope"), ("files.completeUploadExternal", "not_allowed")],
)
async def test_a_picture_that_slack_refuses_becomes_text(start, charting, workspace, webhook_body, alert, method, code):
    """A bot without files:write still shows where the series went."""
    workspace.charts = False
    workspace.refusals[method] = code
    async with start(settings=charting) as router:
        await both(router, webhook_body, alert)
    (message,) = workspace.roots()
    assert kinds(message) == ["header", "context"]
    assert "10 to 97 in " in message["blocks"][1]["elements"][0]["text"]
    assert workspace.titles()[0].startswith("✅ Resolved")


async def test_a_picture_that_is_not_there_becomes_text(start, charting, workspace, fault, webhook_body, alert):
    """Its share broke off, so nobody knows; the edit that would show it is refused."""
    workspace.charts = False
    workspace.fail("files.completeUploadExternal", fault(drops=True))
    async with start(settings=charting) as router:
        await both(router, webhook_body, alert)
    (message,) = workspace.roots()
    assert kinds(message) == ["header", "context"]
    assert workspace.count("files.completeUploadExternal") == 1


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (ChartForm.NATIVE, ["header", "data_visualization"]),
        (ChartForm.PICTURE, ["header", "image"]),
        (ChartForm.TEXT, ["header", "context"]),
        (ChartForm.NONE, ["header"]),
    ],
)
async def test_the_settings_choose_where_to_begin(start, charting, workspace, webhook_body, alert, form, shown):
    """A workspace without the block need not be asked each time."""
    look = charting.message.model_copy(update={"chart": form})
    async with start(settings=charting.model_copy(update={"message": look})) as router:
        await both(router, webhook_body, alert)
    assert kinds(workspace.roots()[0]) == shown


@pytest.mark.parametrize("trouble", ["down", "bad query", "no data", "no query"])
async def test_a_message_does_not_wait_for_its_chart(
    start, charting, workspace, prometheus, webhook_body, alert, trouble
):
    """Without a series it goes out without one."""
    prometheus.status = {"down": 503, "bad query": 400}.get(trouble, 200)
    prometheus.values = [] if trouble == "no data" else prometheus.values
    notes = {name: text for name, text in NOTES.items() if trouble != "no query" or name != "query"}
    async with start(settings=charting) as router:
        await router.accept(webhook_body(alert("a", annotations=notes)))
        await router.settled()
        await router.accept(webhook_body(alert("a", annotations=notes), alert("b", annotations=notes)))
        await router.settled()
    assert kinds(workspace.roots()[0]) == ["header"]
    assert (len(prometheus.asked) > 1) is (trouble not in ("down", "no query"))
    assert (len(prometheus.asked) == 1) is (trouble == "down")


async def test_a_prometheus_that_hangs_is_asked_once(start, charting, workspace, webhook_body, alert):
    """Then it is left in peace for a while, and messages are on time."""
    held = asyncio.Event()

    async def hang(reader, writer):
        await held.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    slow = replace_prometheus(charting, url)
    async with start(settings=slow) as router:
        await both(router, webhook_body, alert)
    held.set()
    server.close()
    assert kinds(workspace.roots()[0]) == ["header"]


def replace_prometheus(settings, url):
    return settings.model_copy(update={"prometheus": PrometheusSettings(url=url, timeout=0.05)})


def test_evidence_of_the_same_is_the_same():
    """A message that is made again after a crash is the one that was sent."""
    assert laid(*range(20)) == replace(laid(*range(20)))
