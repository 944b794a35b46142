"""Whether the configuration of every part is good, and whether this machine can run them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import BaseModel

from alerting.config import RouterSettings
from compose import render
from compose.addresses import PROJECT, AddressBook, containers, native
from compose.native import tools
from compose.native.stack import Stack, StackError
from compose.native.tools import Tool
from demo.answers.settings import AnswersSettings
from demo.billing.settings import BillingSettings
from demo.console.settings import ConsoleSettings
from demo.load.app import LoadSettings
from demo.orders.settings import OrdersSettings
from demo.questions.settings import QuestionsSettings
from demo.slack.settings import SlackSettings
from demo.users.settings import UsersSettings
from exporters.gateway_limits.config import GatewayLimitsSettings
from exporters.kafka_lag.config import KafkaLagSettings
from exporters.pod_cpu.config import PodCpuSettings
from process.settings import ConfigError, load

MEMORY_NEEDED = 2_000_000_000
DISK_NEEDED = 2_000_000_000


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    ok: bool
    text: str


MODELS: Mapping[str, type[BaseModel]] = {
    "exporters/kafka_lag.yaml": KafkaLagSettings,
    "exporters/gateway_limits.yaml": GatewayLimitsSettings,
    "exporters/pod_cpu.yaml": PodCpuSettings,
    "alerting/router.yaml": RouterSettings,
    "demo/users.yaml": UsersSettings,
    "demo/orders.yaml": OrdersSettings,
    "demo/billing.yaml": BillingSettings,
    "demo/questions.yaml": QuestionsSettings,
    "demo/answers.yaml": AnswersSettings,
    "demo/load.yaml": LoadSettings,
    "demo/slack.yaml": SlackSettings,
    "demo/console.yaml": ConsoleSettings,
}
"""Settings model of each of our own files."""


def configurations() -> list[str]:
    """Render every file both ways and let its own program check it; returns what is wrong, empty when all is well."""
    with tempfile.TemporaryDirectory() as folder:
        problems = []
        for book in (native(Path(folder) / "native"), containers(Path(folder) / "containers")):
            problems += _check(book)
        return problems + _rules()


def _rules() -> list[str]:
    files = [str(path) for path in sorted((PROJECT / "alerting" / "rules").glob("*.yml"))]
    return _complaint(tools.program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *files)


def _check(book: AddressBook) -> list[str]:
    render.write(book)
    Path(book["edge_access_log"]).parent.mkdir(exist_ok=True)  # Envoy opens it even to validate
    # the container's rules are mounted where this machine has none: the check wants them where they are
    prometheus = book.config / "prometheus/prometheus.yml"
    rules = str(PROJECT / "alerting" / "rules")
    prometheus.write_text(prometheus.read_text(encoding="utf-8").replace(book["rules"], rules), encoding="utf-8")
    problems = []
    for name, model in MODELS.items():
        try:
            load(book.config / name, model)
        except ConfigError as error:
            problems.append(str(error))
    problems += _complaint(tools.program("promtool"), "check", "config", str(prometheus))
    problems += _complaint(tools.program("amtool"), "check-config", f"{book.config}/alertmanager/alertmanager.yml")
    envoy = f"{book.config}/envoy/envoy.yaml"
    problems += _complaint(tools.program("envoy"), "--mode", "validate", "-c", envoy, "-l", "error")
    return problems


def _complaint(*command: str) -> list[str]:
    """What a program says of its configuration when it refuses it."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return [f"{Path(command[0]).name}: {(result.stdout + result.stderr).strip()}"] if result.returncode else []


def machine(stack: Stack, needed: Sequence[Tool] = tools.RUN) -> Iterator[Line]:
    """Look at what the native stack needs of a machine."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Line(sys.version_info >= (3, 11), f"Python {python} (3.11 or newer is needed)")
    for tool in needed:
        present = tool.present()
        advice = "" if present else f": `make setup` brings it ({tool.origin})"
        yield Line(present, f"{tool.name}{advice}")
    free = psutil.virtual_memory().available
    yield Line(free > MEMORY_NEEDED, f"{free / 1e9:.1f} GB of memory free (the stack uses up to 2)")
    disk = shutil.disk_usage(PROJECT).free
    yield Line(disk > DISK_NEEDED, f"{disk / 1e9:.0f} GB of disk free (2 are needed)")
    yield Line(True, f"{os.cpu_count()} processors")
    if stack.running():
        yield Line(True, f"the stack runs: {stack.book['console_url']}")
        return
    try:
        stack.check_ports()
    except StackError as error:
        yield Line(False, str(error))
    else:
        yield Line(True, f"ports are free from {stack.book['console']} on")
