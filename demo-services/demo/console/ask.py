"""A panel's questions, its variables filled in, put to Prometheus."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demo.console import variables
from demo.console.charts import Answer
from demo.console.events import Events, events
from demo.console.interpolate import Choice, interpolate, intervals
from demo.console.panels import Dashboard, Panel, Target, Variable
from demo.console.prometheus import Prometheus
from demo.console.timerange import Window


@dataclass(frozen=True)
class Chosen:
    """A variable, the values it could have, and the choice made."""

    variable: Variable
    options: tuple[str, ...]
    choice: Choice


async def choices(
    prometheus: Prometheus, dashboard: Dashboard, parameters: Mapping[str, Sequence[str]], window: Window
) -> tuple[Chosen, ...]:
    """Find the values of each variable, in order: a later one may be asked with an earlier one's choice.

    Raises PrometheusError, VariableError.
    """
    made: dict[str, Chosen] = {}
    for variable in dashboard.variables:
        found: tuple[str, ...] = ()
        if variable.kind == "query":
            asked = variables.question(variable)
            earlier = {name: chosen.choice for name, chosen in made.items()}
            selector = interpolate(asked.selector, earlier, {}) if asked.selector else None
            found = await prometheus.label_values(asked.label, selector, window)
        known = variables.options(variable, found)
        choice = variables.choose(variable, known, variables.chosen_values(variable, parameters))
        made[variable.name] = Chosen(variable, known, choice)
    return tuple(made.values())


async def answers(
    prometheus: Prometheus, panel: Panel, chosen: Mapping[str, Choice], window: Window, scrape: float
) -> tuple[Answer, ...]:
    """Ask every target of `panel`, all at once. Raises PrometheusError: the first, when several fail."""
    builtins = intervals(window.step, scrape, window.end - window.start)

    async def one(target: Target) -> Answer:
        query = interpolate(target.query, chosen, builtins)
        if _needs_history(panel, target):
            return Answer(target, await prometheus.range(query, window))
        return Answer(target, await prometheus.instant(query, window.at))

    return tuple(await asyncio.gather(*(one(target) for target in panel.targets if not target.hide)))


async def what_happened(
    prometheus: Prometheus, dashboard: Dashboard, chosen: Mapping[str, Choice], window: Window, scrape: float
) -> Events:
    """Ask every annotation that is on. Raises PrometheusError."""
    builtins = intervals(window.step, scrape, window.end - window.start)
    asked = [one for one in dashboard.annotations if one.enable and one.query]
    queries = (interpolate(one.query, chosen, builtins) for one in asked)
    found = await asyncio.gather(*(prometheus.range(query, window) for query in queries))
    return events(tuple(zip(asked, found, strict=True)), window)


def _needs_history(panel: Panel, target: Target) -> bool:
    """A number of now is asked for as such: it is cheaper, and newer than the last point of a range."""
    if target.instant or panel.kind == "table":
        return False
    return panel.kind == "timeseries" or panel.graph == "area" or panel.calculation not in ("last", "lastNotNull")
