"""The parts of the native stack: what each is, how it starts, how one knows that it is ready. A literal list."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from compose.addresses import SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, SLACK_TOKEN, AddressBook
from compose.native import kafka, tools


def _nothing(_book: AddressBook) -> None:
    return None


@dataclass(frozen=True)
class Part:
    """One process of the stack.

    `listens` names its addresses in the book, the first is the one to look at; `ready` is a path that answers 200 on
    that address once the part works, None for "the port is open"; `prepare` runs before the start; `secrets` names the
    variables of the environment that only this part may see.
    """

    name: str
    what: str
    listens: tuple[str, ...]
    command: Callable[[AddressBook], Sequence[str]]
    ready: str | None = "/-/ready"
    prepare: Callable[[AddressBook], None] = field(default=_nothing)
    secrets: tuple[str, ...] = ()

    def address(self, book: AddressBook) -> str:
        """``host:port`` to look at."""
        return book[self.listens[0]]


def _envoy(book: AddressBook) -> list[str]:
    return [
        tools.program("envoy"),
        "-c",
        f"{book.config}/envoy/envoy.yaml",
        "--use-dynamic-base-id",  # or a second Envoy on this machine can't start
        "--concurrency",
        "1",
        "--file-flush-interval-msec",
        "500",
        "-l",
        "warning",
    ]


def _prometheus(book: AddressBook) -> list[str]:
    return [
        tools.prometheus(),
        f"--config.file={book.config}/prometheus/prometheus.yml",
        f"--storage.tsdb.path={book['state']}/prometheus",
        f"--web.listen-address={book['prometheus']}",
        f"--web.external-url={book['prometheus_url']}",
        "--storage.tsdb.retention.time=24h",
        # Alertmanager drops what was not sent again for four times as long: a Prometheus that stops is soon missed
        "--rules.alert.resend-delay=10s",
        "--web.enable-lifecycle",
        "--log.level=warn",
    ]


def _alertmanager(book: AddressBook) -> list[str]:
    return [
        tools.alertmanager(),
        f"--config.file={book.config}/alertmanager/alertmanager.yml",
        f"--storage.path={book['state']}/alertmanager",
        f"--web.listen-address={book['alertmanager']}",
        f"--web.external-url={book['alertmanager_url']}",
        "--cluster.listen-address=",  # alone: no gossip port
        "--log.level=warn",
    ]


def _python(module: str, *arguments: str, config: str) -> Callable[[AddressBook], list[str]]:
    return lambda book: [sys.executable, "-m", module, *arguments, "--config", f"{book.config}/{config}"]


def _demo(name: str, what: str) -> Part:
    return Part(name, what, (name,), _python(f"demo.{name}", config=f"demo/{name}.yaml"))


def _exporter(name: str, what: str) -> Part:
    return Part(name, what, (name,), _python("exporters", name, config=f"exporters/{name}.yaml"))


PARTS = (
    Part(
        "kafka",
        "Apache Kafka, one broker (KRaft)",
        ("kafka", "kafka_controller"),
        kafka.broker,
        None,
        kafka.format_storage,
    ),
    Part("prometheus", "metrics, rules, alerts", ("prometheus",), _prometheus),
    Part("alertmanager", "groups and silences alerts", ("alertmanager",), _alertmanager),
    _demo("slack", "Slack-compatible workspace"),
    Part(
        "router",
        "alerts into Slack messages",
        ("router",),
        _python("alerting", config="alerting/router.yaml"),
        secrets=(SLACK_TOKEN, SLACK_SIGNING_SECRET, SLACK_APP_TOKEN),
    ),
    _demo("users", "logs people in, issues tokens"),
    _demo("orders", "takes orders, writes to Kafka"),
    _demo("billing", "consumer group billing"),
    _demo("questions", "takes questions, writes to Kafka"),
    _demo("answers", "consumer group answers"),
    Part("envoy", "API gateway: tokens, routes, rate limits", ("edge_admin", "edge"), _envoy, "/ready"),
    _exporter("kafka_lag", "consumer lag"),
    _exporter("gateway_limits", "rate-limit decisions"),
    _exporter("pod_cpu", "CPU of the services"),
    _demo("console", "this stack on one page"),
    _demo("load", "makes the traffic"),
)
"""In the order that they are shown; they start together, each waits for what it needs by itself."""
