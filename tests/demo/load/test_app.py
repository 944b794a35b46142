"""The process of the stack: its HTTP control, its metrics, and what it does when what it needs is down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from compose.addresses import AddressBook, containers, native
from compose.render import render
from demo.load.app import LoadSettings, application
from demo.load.scenario import names
from demo.telemetry import tracing
from process.settings import ConfigError, load
from tests.demo.load.stub import Stub, Until, bound, serving

BAD = Path(__file__).parent / "bad_configs" / "app"

MENDED = ["burn ends", "speed again", "burn ends"]
"""What a new process orders first: orders burns no more, billing has its speed and burns no more."""

MISTAKES = {
    "base": "base: no scenario 'calm'; there are burst, cpu-burn, slow-consumer, stalled-consumer, steady, throttled",
    "gateway": "gateway: '127.0.0.1:18080' is not an http:// or https:// URL",
    "service_missing": "services: billing missing; scenarios break it, so its URL is needed",
    "unknown_key": "rate: unknown key",
}


@asynccontextmanager
async def process(gateway: str, services: str) -> AsyncIterator[httpx.AsyncClient]:
    """Run the application from start to stop; yields a client of its control."""
    settings = LoadSettings(
        listen="127.0.0.1:1", gateway=gateway, services={"orders": services, "billing": services}, base="steady"
    )
    app = application(settings, tracing("load", {}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://load") as client,
    ):
        yield client


@pytest.fixture
async def control(stub: Stub) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the control, with gateway and services up."""
    async with process(stub.url, stub.url) as client:
        yield client


async def metric(control: httpx.AsyncClient, name: str, **labels: str) -> float:
    """Sum of the samples with a name and labels."""
    families = text_string_to_metric_families((await control.get("/metrics")).text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


async def reached(control: httpx.AsyncClient, least: float, name: str, **labels: str) -> float:
    """Wait until a metric is at least so much, and return it."""
    async with asyncio.timeout(10):
        while (value := await metric(control, name, **labels)) < least:
            await asyncio.sleep(0.02)
    return value


async def test_the_base_scenario_plays_for_ever(control: httpx.AsyncClient) -> None:
    """After the start steady plays, without an end, and the choice is listed with words for people."""
    state = (await control.get("/scenario")).json()
    assert (state["current"], state["remaining_seconds"], state["fault_errors"]) == ("steady", None, [])
    assert [one["name"] for one in state["scenarios"]] == names()
    assert all(one["title"] and one["description"] for one in state["scenarios"])


async def test_a_scenario_is_played_and_left(control: httpx.AsyncClient, stub: Stub) -> None:
    """PUT answers when the faults are set, DELETE when they are undone."""
    state = (await control.put("/scenario", json={"name": "slow-consumer"})).json()
    assert state["current"] == "slow-consumer"
    assert 299 < state["remaining_seconds"] <= 300
    assert stub.delay_ms == 1000
    assert await metric(control, "loadgen_scenario", scenario="slow-consumer") == 1
    state = (await control.delete("/scenario")).json()
    assert (state["current"], state["remaining_seconds"]) == ("steady", None)
    assert stub.delay_ms == 10
    assert await metric(control, "loadgen_scenario", scenario="slow-consumer") == 0


async def test_a_new_process_mends_what_a_killed_one_left(stub: Stub, until: Until) -> None:
    """After SIGKILL nobody undid the scenario: the next process does, before anybody asks it for anything."""
    stub.delay_ms, stub.burning = 1000, True
    async with process(stub.url, stub.url) as control:
        await until(lambda: stub.orders == MENDED)
        assert (stub.delay_ms, stub.burning) == (10, False)
        assert (await control.get("/scenario")).json()["fault_errors"] == []
    assert stub.orders == MENDED


async def test_a_switch_undoes_before_it_breaks(control: httpx.AsyncClient, stub: Stub, until: Until) -> None:
    """From one scenario to the next the old faults are gone before the new ones come."""
    await until(lambda: stub.orders == MENDED)
    for name in ("slow-consumer", "cpu-burn", "burst"):
        assert (await control.put("/scenario", json={"name": name})).status_code == 200
    assert stub.orders == [*MENDED, "speed 1000", "speed again", "burn 0.24", "burn ends"]


async def test_a_scenario_changes_the_load(control: httpx.AsyncClient, stub: Stub, until: Until) -> None:
    """Burst brings mallory's orders on top of the others'."""
    await control.put("/scenario", json={"name": "burst"})
    await until(lambda: stub.count("orders") > 50)
    assert "mallory" in stub.clients


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"name": "calm"}, 404, MISTAKES["base"].removeprefix("base: ")),
        ({"name": "../../etc/passwd"}, 404, "no scenario '../../etc/passwd'; there are"),
        ({}, 422, "Field required"),
        ({"name": "burst", "rate": 9}, 422, "Extra inputs are not permitted"),
        ([], 422, "valid dictionary"),
    ],
)
async def test_what_is_no_scenario_is_refused(
    control: httpx.AsyncClient, body: object, status: int, message: str
) -> None:
    """An unknown name is answered with the names, a malformed body with what is wrong; the load goes on as it was."""
    answer = await control.put("/scenario", json=body)
    assert answer.status_code == status
    assert message in answer.text
    assert (await control.get("/scenario")).json()["current"] == "steady"


async def test_the_end_of_the_process_undoes_faults(stub: Stub) -> None:
    """A process that is stopped in the middle of a scenario leaves nothing broken."""
    async with process(stub.url, stub.url) as control:
        await control.put("/scenario", json={"name": "cpu-burn"})
        assert stub.burning
    assert not stub.burning


async def test_a_fault_that_the_end_leaves_is_logged(stub: Stub) -> None:
    """A service that refuses to be mended when the process stops is named in the log."""
    with capture_logs() as lines:
        async with process(stub.url, stub.url) as control:
            await control.put("/scenario", json={"name": "cpu-burn"})
            stub.answers["burn"] = 500
    assert lines[-1] == {
        "event": "fault not undone",
        "log_level": "warning",
        "fault": "burn 0.24 cores in orders",
        "problem": f"DELETE {stub.url}/burn answered 500",
    }


async def test_metrics_count_what_the_server_saw(control: httpx.AsyncClient, stub: Stub) -> None:
    """Requests by kind and status, and their latencies, agree with the server's own count."""
    stub.answers["users"] = 429
    orders = await reached(control, 3, "loadgen_requests_total", kind="order", status="202")
    assert orders <= stub.count("orders")
    assert await metric(control, "loadgen_request_duration_seconds_count", kind="order") >= orders
    rejected = await reached(control, 1, "loadgen_requests_total", kind="me", status="429")
    assert rejected <= stub.count("users")
    assert await metric(control, "loadgen_request_duration_seconds_count", kind="me") == 0


async def test_nothing_is_there_yet(nobody: str) -> None:
    """With gateway and services down the process runs, says it is not ready, and which fault is not set or undone."""
    with capture_logs() as lines:
        async with process(nobody, nobody) as control:
            await reached(control, 5, "loadgen_requests_total", status="no_token")
            ready = await control.get("/-/ready")
            assert (ready.status_code, ready.text) == (503, f"no answer from {nobody}: Connection refused\n")
            assert (await control.get("/-/healthy")).status_code == 200
            state = (await control.put("/scenario", json={"name": "slow-consumer"})).json()
            assert set(state["fault_errors"]) == {
                f"billing takes 1 s per record: PUT {nobody}/speed: Connection refused",
                f"burn 0.05 cores in billing: DELETE {nobody}/burn: Connection refused",
                f"burn 0.24 cores in orders: DELETE {nobody}/burn: Connection refused",
            }
    assert [line["event"] for line in lines] == ["scenario begins"] * 2 + ["fault not undone"] * 3


async def test_it_is_ready_once_the_gateway_answers(until: Until) -> None:
    """A gateway that comes up later is found by the load itself; ready says so."""
    address = bound()
    url = f"http://127.0.0.1:{address.getsockname()[1]}"
    async with serving(address) as stub, process(url, url) as control:
        await until(lambda: stub.count("orders") > 0)
        assert (await control.get("/-/ready")).status_code == 200


@pytest.mark.parametrize("book", [native(Path("/home/me/.bongsu")), containers(Path("/etc/bongsu"))])
def test_the_shipped_template_fits(book: AddressBook, tmp_path: Path) -> None:
    """The template gives usable settings for both ways to run, with the gateway's address of each."""
    path = tmp_path / "load.yaml"
    path.write_text(render("demo/load.yaml", book))
    assert load(path, LoadSettings).gateway == f"http://{book['edge']}"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_said_with_its_place(mistake: str) -> None:
    """Settings that can't be used give one line with the dotted place."""
    path = BAD / f"{mistake}.yaml"
    with pytest.raises(ConfigError) as caught:
        load(path, LoadSettings)
    assert str(caught.value) == f"{path}: {MISTAKES[mistake]}"
