"""The four kinds of panel, each with all that our panels must have: title, description, unit, thresholds, no-data text.

A panel is given its queries and, where an alert watches the same thing, the alert's rule: the threshold line and the
colours come from there and from nowhere else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TypeVar

from dashboards.rules import AlertRule
from dashboards.sdk import (
    bargauge,
    common,
    common_models,
    dashboard,
    dashboard_models,
    prometheus,
    prometheus_models,
    stat,
    table,
    timeseries,
)

DATASOURCE = common_models.DataSourceRef(type_val="prometheus", uid="${datasource}")

PanelT = TypeVar("PanelT", timeseries.Panel, stat.Panel, bargauge.Panel, table.Panel)

GOOD = "green"
NEUTRAL = "text"
BAD = {"info": "blue", "warning": "orange", "critical": "red"}
"""Colour of a breach, by the severity of its rule."""


@dataclass(frozen=True)
class Query:
    """One PromQL expression and the legend of its series (``{{label}}`` stands for a label's value)."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Words:
    """What a person reads of a panel: `description` says what to do, `empty` what it means that there is no data."""

    title: str
    description: str
    empty: str


@dataclass(frozen=True)
class Link:
    """Where a click on a value leads."""

    title: str
    url: str


def lines(
    words: Words, unit: str, queries: Sequence[Query], *, rule: AlertRule | None = None, link: Link | None = None
) -> timeseries.Panel:
    """Values over time, the rule's threshold as a dashed line."""
    panel = _dressed(timeseries.Panel(), words, unit, rule, link).min(0).fill_opacity(8).line_width(2)
    bottom = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.LIST).show_legend(True)
    panel.legend(bottom.placement(common_models.LegendPlacement.BOTTOM))
    panel.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    if rule:
        dashed = common_models.GraphThresholdsStyleMode.DASHED
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))
    if rule and rule.threshold:
        # how far it is from its threshold is the news, so the axis always reaches past it
        panel.axis_soft_max(rule.threshold * 1.25)
    for target in _targets(queries):
        panel.with_target(target.range())
    return panel


def number(words: Words, unit: str, query: Query, *, rule: AlertRule | None = None) -> stat.Panel:
    """The value now, one for each series."""
    panel = _dressed(stat.Panel(), words, unit, rule).reduce_options(_last())
    panel.color_mode(common_models.BigValueColorMode.VALUE).graph_mode(common_models.BigValueGraphMode.NONE)
    for target in _targets([query]):
        panel.with_target(target.instant())
    return panel


def bars(words: Words, unit: str, queries: Sequence[Query], *, rule: AlertRule | None = None) -> bargauge.Panel:
    """Values now, side by side, one bar for each series."""
    panel = _dressed(bargauge.Panel(), words, unit, rule).min(0).reduce_options(_last())
    panel.orientation(common_models.VizOrientation.HORIZONTAL).display_mode(common_models.BarGaugeDisplayMode.BASIC)
    for target in _targets(queries):
        panel.with_target(target.instant())
    return panel


def rows(
    words: Words, unit: str, expr: str, *, columns: Sequence[str], value: str, rule: AlertRule | None = None
) -> table.Panel:
    """A table now, largest first: a row for each series, its labels in `columns`, its value in the column `value`."""
    panel = _dressed(table.Panel(), words, unit, rule)
    order = {name: index for index, name in enumerate([*columns, "Value"])}
    arranged = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": {"Value": value}}
    panel.with_transformation(dashboard_models.DataTransformerConfig(id_val="organize", options=arranged))
    if rule:
        coloured = dashboard_models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})
        panel.override_by_name(value, [coloured])
    panel.sort_by([common.TableSortByFieldState().display_name(value).desc(True)])
    for target in _targets([Query(expr, "")]):
        panel.with_target(target.instant().format(prometheus_models.PromQueryFormat.TABLE))
    return panel


def thresholds(rule: AlertRule | None) -> dashboard.ThresholdsConfig:
    """Colour steps of a rule: good on one side of its threshold, its severity's colour on the other."""
    config = dashboard.ThresholdsConfig().mode(dashboard_models.ThresholdsMode.ABSOLUTE)
    if rule is None:
        return config.steps([dashboard_models.Threshold(value=None, color=NEUTRAL)])
    low, high = (BAD[rule.severity], GOOD) if rule.below else (GOOD, BAD[rule.severity])
    return config.steps(
        [
            dashboard_models.Threshold(value=None, color=low),
            dashboard_models.Threshold(value=rule.threshold, color=high),
        ]
    )


def _dressed(panel: PanelT, words: Words, unit: str, rule: AlertRule | None, link: Link | None = None) -> PanelT:
    """What a panel of any kind has."""
    panel.title(words.title).description(words.description).no_value(words.empty)
    panel.datasource(DATASOURCE).unit(unit).thresholds(thresholds(rule))
    if link:
        panel.data_links(
            [dashboard.DashboardLink(link.title).type(dashboard_models.DashboardLinkType.LINK).url(link.url)]
        )
    return panel


def _targets(queries: Sequence[Query]) -> Iterator[prometheus.Dataquery]:
    """The queries of a panel, lettered A, B, C … as Grafana does."""
    for letter, query in zip(ascii_uppercase, queries, strict=False):
        target = prometheus.Dataquery().datasource(DATASOURCE).ref_id(letter)
        yield target.expr(query.expr).legend_format(query.legend)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])
