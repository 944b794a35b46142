"""An exporter over HTTP, with sources that work, fail and hang."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from exporters.app import create
from exporters.errors import Reason, SourceError
from exporters.exporter import Exporter, ExporterSettings
from exporters.family import Family, gauge


@dataclass(frozen=True)
class Value:
    name: str
    value: float
    problems: tuple[SourceError, ...] = ()


@dataclass
class Switched:
    """A source in one of four moods, changed by the test."""

    name: str
    mood: str = "works"
    reads: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> Value:
        self.reads += 1
        self.changed.set()
        if self.mood == "hangs":
            await asyncio.Event().wait()
        if self.mood == "is cancelled":
            raise asyncio.CancelledError
        if self.mood == "fails":
            raise SourceError(Reason.REFUSED, f"{self.name} <refuses> us")
        return Value(self.name, 42)

    async def close(self) -> None:
        self.mood = "closed"


def families(snapshots: Sequence[Value], _settings: ExporterSettings) -> Iterable[Family]:
    thing = gauge("thing", "A thing.", "name")
    for snapshot in snapshots:
        thing.add([snapshot.name], snapshot.value)
    return [thing]


def application(*sources: Switched, interval: float = 0.02) -> FastAPI:
    def made(_settings: ExporterSettings) -> Mapping[str, Switched]:
        return {source.name: source for source in sources}

    exporter = Exporter(name="demo", settings=ExporterSettings, sources=made, families=families)
    return create(exporter, ExporterSettings(listen="127.0.0.1:1", interval=interval, timeout=interval))


@asynccontextmanager
async def running(*sources: Switched, interval: float = 0.02) -> AsyncIterator[httpx.AsyncClient]:
    app = application(*sources, interval=interval)
    transport = httpx.ASGITransport(app)
    with capture_logs():
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://exporter") as client,
        ):
            yield client


async def samples(client: httpx.AsyncClient) -> dict[str, float]:
    """Series of /metrics by name and label values."""
    text = (await client.get("/metrics")).text
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def until(client: httpx.AsyncClient, wanted: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    async with asyncio.timeout(5):
        while not wanted(found := await samples(client)):
            await asyncio.sleep(0.01)
    return found


async def test_series_of_a_source_leave_when_it_fails_and_come_back_with_it() -> None:
    """Down means up 0, a counted reason and no values; the other source is not touched."""
    first, second = Switched("a"), Switched("b")
    async with running(first, second) as client:
        await until(client, lambda found: found.get("thing['a']") == 42 and found.get("thing['b']") == 42)
        first.mood = "fails"
        found = await until(client, lambda found: found["demo_up['a']"] == 0)
        assert "thing['a']" not in found
        assert found["thing['b']"] == 42
        assert found["demo_up['b']"] == 1
        assert found["demo_failures_total['a', 'refused']"] >= 1
        assert found["demo_failures_total['b', 'refused']"] == 0
        first.mood = "works"
        found = await until(client, lambda found: found["demo_up['a']"] == 1)
        assert found["thing['a']"] == 42


async def test_a_source_that_hangs_costs_only_itself() -> None:
    """While one hangs, a scrape answers at once and the other source goes on being read."""
    hanging, fine = Switched("a", mood="hangs"), Switched("b")
    async with running(hanging, fine) as client:
        found = await until(client, lambda found: found.get("demo_failures_total['a', 'timeout']", 0) >= 2)
        assert found["demo_up['a']"] == 0
        assert found["thing['b']"] == 42
        assert fine.reads >= 2


async def test_a_scrape_never_touches_the_source() -> None:
    """Any number of scrapes costs no read."""
    source = Switched("a")
    async with running(source, interval=60) as client:
        async with asyncio.timeout(5):
            await source.changed.wait()
        for _ in range(5):
            await samples(client)
        assert source.reads == 1


async def test_nothing_is_said_of_a_source_before_its_first_attempt_ends() -> None:
    """Not yet known is neither up nor down; only the failure counts exist, at 0, so that a first failure shows."""
    source = Switched("a", mood="hangs")
    async with running(source, interval=60) as client:
        found = await samples(client)
        assert not any(name.startswith(("demo_up", "demo_last", "demo_collection")) for name in found)
        assert {name: value for name, value in found.items() if name.startswith("demo_failures")} == {
            f"demo_failures_total{sorted(['a', str(reason)])}": 0 for reason in Reason
        }


@pytest.mark.parametrize(
    ("moods", "status", "text"),
    [
        (("works",), 200, "ready\n"),
        (("works", "fails"), 200, "ready\n"),
        (("fails",), 503, "s0: s0 <refuses> us\n"),
        (("fails", "hangs"), 503, "s0: s0 <refuses> us; s1: not read within 0.02 s\n"),
    ],
)
async def test_ready_once_each_source_was_tried_and_one_was_read(
    moods: tuple[str, ...], status: int, text: str
) -> None:
    """A start that reads nothing at all is not ready and says why."""
    sources = [Switched(f"s{number}", mood) for number, mood in enumerate(moods)]
    async with running(*sources) as client:
        await until(client, lambda found: sum(name.startswith("demo_up") for name in found) == len(sources))
        response = await client.get("/-/ready")
        assert (response.status_code, response.text) == (status, text)


async def test_not_ready_before_the_first_attempt_and_ready_for_good_after_a_success() -> None:
    """Before, the answer names who was not tried; later, telling that a source is down is the exporter's job."""
    source = Switched("a", mood="hangs")
    async with running(source, interval=0.2) as client:
        response = await client.get("/-/ready")
        assert (response.status_code, response.text) == (503, "not tried yet: a\n")
        source.mood = "works"
        await until(client, lambda found: found.get("demo_up['a']") == 1)
        source.mood = "fails"
        await until(client, lambda found: found["demo_up['a']"] == 0)
        assert (await client.get("/-/ready")).status_code == 200


async def test_healthy_whatever_the_sources_do() -> None:
    """Liveness is about the process, not about what it watches."""
    async with running(Switched("a", mood="fails")) as client:
        assert (await client.get("/-/healthy")).text == "healthy\n"


async def test_not_healthy_once_a_collection_has_ended() -> None:
    """A cancelled request that leaks out of a source ends its loop for ever: a restart is what helps."""
    leaking, fine = Switched("a"), Switched("b")
    async with running(leaking, fine) as client:
        await until(client, lambda found: found.get("demo_up['a']") == 1)
        assert (await client.get("/-/healthy")).status_code == 200
        leaking.mood = "is cancelled"
        async with asyncio.timeout(5):
            while (response := await client.get("/-/healthy")).status_code == 200:
                await asyncio.sleep(0.01)
        assert (response.status_code, response.text) == (503, "ended by a mistake: collection of a\n")


async def test_metrics_are_text_0_0_4_with_the_process_itself() -> None:
    """The content type names the format; CPU and memory of the exporter are among the metrics."""
    async with running(Switched("a")) as client:
        response = await client.get("/metrics")
        assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "process_resident_memory_bytes" in response.text


async def test_metrics_are_compressed_when_asked_for() -> None:
    """Gzip for who accepts it, plain text for who does not, and the same text for all, however often."""

    def told(text: bytes) -> list[bytes]:
        return [line for line in text.splitlines() if not line.startswith(b"process_")]

    async with running(Switched("a"), interval=60) as client:
        await until(client, lambda found: found.get("demo_up['a']") == 1)
        for refusing in ("", "identity", "gzip;q=0", "deflate, gzip ; q=0.0, br"):
            plain = await client.get("/metrics", headers={"accept-encoding": refusing})
            assert "content-encoding" not in plain.headers
        assert b"process_cpu_seconds_total" in plain.content
        for taking in ("gzip", "deflate;q=0, gzip;q=0.5"):
            async with client.stream("GET", "/metrics", headers={"accept-encoding": taking}) as response:
                assert response.headers["content-encoding"] == "gzip"
                body = gzip.decompress(b"".join([part async for part in response.aiter_raw()]))
            assert told(body) == told(plain.content)
            assert b"process_cpu_seconds_total" in body


async def test_the_page_shows_each_source_and_escapes_what_it_was_told() -> None:
    """State, error and links of each source; text from outside is never markup."""
    async with running(Switched("a", mood="fails"), Switched("b")) as client:
        await until(client, lambda found: found.get("demo_up['a']") == 0 and found.get("demo_up['b']") == 1)
        text = (await client.get("/")).text
        assert "refused: a &lt;refuses&gt; us" in text
        assert '<td class="state down">down</td>' in text
        assert '<td class="state up">up</td>' in text
        assert 'href="/metrics"' in text
        assert "//" not in text.replace("<!doctype html>", ""), "the page must not name another host"


async def test_the_end_closes_every_source() -> None:
    """Leaving the lifespan cancels the loops and closes the sources."""
    source = Switched("a")
    async with running(source) as client:
        await until(client, lambda found: "demo_up['a']" in found)
    assert source.mood == "closed"
