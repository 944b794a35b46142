"""The frame of every dashboard: data source, variables, links to the others, and what happened, as annotations."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.panels import DATASOURCE
from dashboards.sdk import dashboard, dashboard_models

TAG = "bongsu"

NEW_PODS = (
    "max by (namespace, workload, pod) (pod_cpu_usage_cores) "
    "unless max by (namespace, workload, pod) (pod_cpu_usage_cores offset 1m) "
    "and on (namespace) max by (namespace) (pod_cpu_usage_cores offset 1m)"
)
"""Pods that were not there a minute ago: a deployment, or an autoscaler; not those of an exporter that has begun."""

TIME_AND_SOURCE = "${datasource:queryparam}&${__url_time_range}"
"""Ends the URL of each link from panel to panel, so that a click keeps what one looks at."""


@dataclass(frozen=True)
class Variable:
    """A label to choose from: its values are those that `metric` has, several at once, all at first."""

    label: str
    metric: str


def page(
    uid: str, title: str, description: str, *, variables: Sequence[Variable] = (), signals: Sequence[str] = ()
) -> dashboard.Dashboard:
    """A dashboard without panels yet; `signals` are those whose alerts it marks on the time axis (none: all)."""
    board = dashboard.Dashboard(title).uid(uid).description(description).tags([TAG]).readonly()
    board.refresh("10s").time("now-30m", "now").timezone("browser").tooltip(
        dashboard_models.DashboardCursorSync.CROSSHAIR
    )
    board.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for variable in variables:
        board.with_variable(_variable(variable))
    board.link(
        dashboard.DashboardLink("Bongsu")
        .type(dashboard_models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .keep_time(True)
        .include_vars(True)
    )
    board.annotation(_alerts(signals))
    restarts = _annotation("Restarts", "blue", "changes(process_start_time_seconds[$__rate_interval]) > 0")
    board.annotation(restarts.title_format("{{part}} was restarted").text_format("{{instance}}").tag_keys("job,part"))
    pods = _annotation("New pods", "purple", NEW_PODS)
    return board.annotation(
        pods.title_format("{{workload}} has a new pod").text_format("{{pod}}").tag_keys("namespace,workload")
    )


def _variable(variable: Variable) -> dashboard.QueryVariable:
    query = dashboard.QueryVariable(variable.label).label(variable.label).datasource(DATASOURCE)
    query.query(f"label_values({variable.metric}, {variable.label})")
    query.refresh(dashboard_models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(
        dashboard_models.VariableSort.ALPHABETICAL_ASC
    )
    query.current(dashboard_models.VariableOption(selected=True, text="All", value="$__all"))
    return query.multi(True).include_all(True).all_value(".*")


def _alerts(signals: Sequence[str]) -> dashboard.AnnotationQuery:
    which = f', signal=~"{"|".join(signals)}"' if signals else ""
    annotation = _annotation("Alerts", "red", f'ALERTS{{alertstate="firing", alertname!="Watchdog"{which}}}')
    return annotation.title_format("{{alertname}}").text_format("{{severity}}").tag_keys("alertname,signal")


def _annotation(name: str, colour: str, expr: str) -> dashboard.AnnotationQuery:
    return dashboard.AnnotationQuery().name(name).datasource(DATASOURCE).enable(True).icon_color(colour).expr(expr)
