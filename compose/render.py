"""Configuration templates become the files that the parts read; one set of templates, one address book a way to run."""

from pathlib import Path
from string import Template

from compose.addresses import PROJECT, AddressBook

TEMPLATES = PROJECT / "compose"

FILES = (
    "kafka/server.properties",
    "kafka/log4j2.yaml",
    "envoy/envoy.yaml",
    "prometheus/prometheus.yml",
    "alertmanager/alertmanager.yml",
    "exporters/kafka_lag.yaml",
    "exporters/gateway_limits.yaml",
    "exporters/pod_cpu.yaml",
    "alerting/router.yaml",
    "demo/users.yaml",
    "demo/orders.yaml",
    "demo/billing.yaml",
    "demo/questions.yaml",
    "demo/answers.yaml",
    "demo/load.yaml",
    "demo/slack.yaml",
    "demo/console.yaml",
)
"""Every template, by its path below compose/; the rendered file has the same path below the book's folder."""


def render(name: str, book: AddressBook) -> str:
    """Fill one template.

    Raises KeyError for a name that the book lacks and ValueError for a lone ``$``.
    """
    return Template((TEMPLATES / name).read_text(encoding="utf-8")).substitute(book.values)


def write(book: AddressBook, files: tuple[str, ...] = FILES) -> list[Path]:
    """Render `files` below the book's folder and return their paths."""
    written = []
    for name in files:
        path = book.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(name, book), encoding="utf-8")
        written.append(path)
    return written
