"""Every dashboard of the project, built from the rules, as JSON and as Kubernetes objects, and the files held current.

Read in this order: ``rules`` (thresholds), ``panels`` (four kinds), ``page`` (the frame), then one page.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from dashboards import gateway_limits, itself, kafka_lag, kubernetes, overview, pods, router, services
from dashboards.rules import AlertRule, load
from dashboards.sdk import JSONEncoder, dashboard, dashboard_models

FOLDER = Path(__file__).resolve().parent
"""Its ``json`` is what Grafana and the console read, its ``manifests`` what Kubernetes is given."""

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


def files(folder: Path) -> dict[str, str]:
    """Every file that is committed, by its path below FOLDER, from the rules in `folder`."""
    pages = documents(load(folder))
    manifests = kubernetes.manifests(pages, folder)
    return {f"json/{name}": text for name, text in pages.items()} | {
        f"manifests/{name}": text for name, text in manifests.items()
    }


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write every file, and remove each that nothing makes any more."""
    for name in sorted(_there(folder) - texts.keys()):
        (folder / name).unlink()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stale(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Paths of the files that are missing, differ, or that nothing makes any more."""
    there = {name: (folder / name).read_text(encoding="utf-8") for name in _there(folder)}
    return sorted(name for name in {*there, *texts} if there.get(name) != texts.get(name))


def _there(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for kind in ("json", "manifests") for path in folder.glob(f"{kind}/*.*")}
