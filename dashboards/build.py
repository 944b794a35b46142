"""Every dashboard of the project, built from the rules, and their JSON files held current.

Read in this order: ``rules`` (thresholds), ``panels`` (four kinds), ``page`` (the frame), then one page.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from dashboards import gateway_limits, itself, kafka_lag, overview, pods, router, services
from dashboards.rules import AlertRule
from dashboards.sdk import JSONEncoder, dashboard, dashboard_models

FOLDER = Path(__file__).resolve().parent / "json"

PAGES: Mapping[str, Callable[[Mapping[str, AlertRule]], dashboard.Dashboard]] = {
    "bongsu-overview": overview.build,
    "bongsu-kafka-lag": kafka_lag.build,
    "bongsu-gateway-limits": gateway_limits.build,
    "bongsu-pods": pods.build,
    "bongsu-services": services.build,
    "bongsu-router": router.build,
    "bongsu-itself": itself.build,
}
"""What builds each dashboard, by its uid, which is also the name of its file."""


def documents(rules: Mapping[str, AlertRule]) -> dict[str, str]:
    """The JSON text of every dashboard by its file's name; the same rules give the same bytes."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {f"{uid}.json": encoder.encode(_numbered(build(rules))) + "\n" for uid, build in PAGES.items()}


def _numbered(board: dashboard.Dashboard) -> dashboard_models.Dashboard:
    """Give each panel its place as id, so that a link to one panel lasts; the SDK leaves ids to Grafana."""
    built = board.build()
    for number, panel in enumerate(built.panels or [], start=1):
        panel.id_val = number
    return built


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write every file and remove each ``*.json`` that no page makes any more."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def stale(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Names of the files that are missing, differ, or that no page makes any more."""
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in {*there, *texts} if there.get(name) != texts.get(name))
