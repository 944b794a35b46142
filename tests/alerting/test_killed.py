"""The router as a process, killed with SIGKILL while the demo's strict workspace misbehaves: lost 0, doubled 0."""

import asyncio
import random
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import yaml

PROJECT = Path(__file__).parents[2]
CHANNELS = ("kafka", "gateway", "pods", "pipeline")
SIGNALS = ("kafka_lag", "gateway_limits", "pod_cpu", "pipeline")
SEED = 20261123


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(module: str, config: Path):
    """Run ``python -m module --config FILE`` and end it with SIGKILL."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "--config", str(config)),
        cwd=PROJECT,
        env={"PYTHONPATH": f"{PROJECT}:{PROJECT / 'demo-services'}", "PATH": "/usr/bin:/bin"},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.send_signal(signal.SIGKILL)
        await running.wait()


async def answers(client: httpx.AsyncClient, url: str) -> None:
    """Wait until a process is ready."""
    async with asyncio.timeout(20):
        while True:
            try:
                if (await client.get(f"{url}/-/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


@pytest.fixture
def configs(tmp_path):
    slack, router = free_port(), free_port()
    files = {
        "demo.slack": {
            "listen": f"127.0.0.1:{slack}",
            "channels": [{"name": name} for name in CHANNELS],
            "tokens": [{"token": "xoxb-test", "name": "Bongsu"}],
        },
        "alerting": {
            "listen": f"127.0.0.1:{router}",
            "store": str(tmp_path / "router.db"),
            "slack": {"token": "xoxb-test", "base_url": f"http://127.0.0.1:{slack}/api", "timeout": 1},
            "default_channel": "#kafka",
            "routes": [
                {"match": {"signal": signal_}, "channel": f"#{channel}"}
                for signal_, channel in zip(SIGNALS, CHANNELS, strict=True)
            ],
        },
    }
    for name, content in files.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return {name: (tmp_path / f"{name}.yaml", f"http://{content['listen']}") for name, content in files.items()}


async def tell(client: httpx.AsyncClient, url: str, body: bytes) -> None:
    """Send as Alertmanager does: again after a 5xx or a broken connection, until there is a 2xx."""
    while True:
        try:
            if (await client.post(f"{url}/api/v1/alertmanager", content=body)).is_success:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)


async def test_sigkill_in_a_bad_hour_of_slack(configs, webhook_body, alert):
    """Four groups fire and resolve; five kills; 429, 500, hangs and answers that are lost after the post was taken."""
    chance = random.Random(SEED)
    slack_file, slack = configs["demo.slack"]
    router_file, router = configs["alerting"]

    def body(signal_: str, ends: float | None) -> bytes:
        one = alert("x", 0, ends)
        one["labels"] = {**one["labels"], "signal": signal_}
        return webhook_body(one, group=signal_)

    async with httpx.AsyncClient(timeout=5) as client, process("demo.slack", slack_file):
        await answers(client, slack)
        kinds = ("accept_then_drop", "http_500", "accept_then_hang", "ratelimited", "accept_then_drop")
        for kind in kinds:
            order = {"method": "chat.postMessage", "kind": kind, "seconds": 2}
            assert (await client.post(f"{slack}/faults", json=order)).status_code == 201
        telling = asyncio.gather(*(tell(client, router, body(signal_, None)) for signal_ in SIGNALS))
        for life in range(5):
            async with process("alerting", router_file):
                await answers(client, router)
                await asyncio.sleep(chance.uniform(0.05, 1.5))
                if life == 2:
                    await telling
                    telling = asyncio.gather(*(tell(client, router, body(signal_, 90)) for signal_ in SIGNALS))
        async with process("alerting", router_file):
            await answers(client, router)
            await telling
            async with asyncio.timeout(90):
                while "Slack shows all of it." not in (await client.get(router)).text:
                    await asyncio.sleep(0.2)
        for channel in CHANNELS:
            (message,) = (await client.get(f"{slack}/messages", params={"channel": channel})).json()["messages"]
            title = message["blocks"][0]["text"]["text"]
            assert title == "✅ Resolved: KafkaConsumerLagHigh after 1m 30s"
            replies = [reply["text"] for reply in message["thread"]]
            assert len(replies) == len(set(replies))
            assert replies[-1].endswith("*Resolved* after 1m 30s.")
