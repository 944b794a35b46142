"""The chart of a message: which series, in which form, and whether a picture of it has still to be uploaded.

The form begins as the settings say. When Slack refuses it, the episode keeps the next one: its own chart, a picture in
the thread that the message then shows, a line of text.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from alerting.charts import evidence, picture, spoken, window
from alerting.model import ChartForm, Episode, Evidence, Illustration, Message
from alerting.plan import Picture, Reason
from alerting.prometheus import Prometheus
from alerting.view import worst

FORMS = tuple(ChartForm)


@dataclass(frozen=True)
class Illustrator:
    """Asks Prometheus; `form` is the best that may be tried."""

    prometheus: Prometheus
    form: ChartForm
    clock: Callable[[], datetime]

    async def illustrate(self, episode: Episode) -> Illustration | None:
        """Return the chart of an episode's message; None without a series to show."""
        form = self._form(episode)
        found = await self._evidence(episode) if form is not ChartForm.NONE else None
        return Illustration(found, form, episode.picture) if found else None

    def owes(self, episode: Episode) -> bool:
        """Say whether the message is there and its picture is not."""
        return self._form(episode) is ChartForm.PICTURE and episode.root is not None and episode.picture is None

    async def draw(self, episode: Episode) -> tuple[Picture, Message]:
        """Return the step that uploads the picture; without a file when there is nothing to draw."""
        found = await self._evidence(episode)
        title = worst(episode).labels.get("alertname", "")
        if found is None:
            return Picture(Reason.PICTURE), Message(title)
        drawn = await asyncio.to_thread(picture, title, found)
        return Picture(Reason.PICTURE), Message(spoken(title, found), file=drawn)

    def _form(self, episode: Episode) -> ChartForm:
        if self.prometheus.client is None or not episode.alerts or episode.groups is not None:
            return ChartForm.NONE
        return max(self.form, episode.chart or self.form, key=FORMS.index)

    async def _evidence(self, episode: Episode) -> Evidence | None:
        notes = worst(episode).annotations
        start, end, step = window(episode.since, self.clock())
        points = await self.prometheus.series(notes.get("query", ""), start, end, step)
        return evidence(points, end, step, notes.get("threshold"), notes.get("unit", ""))


def worse(form: ChartForm) -> ChartForm:
    """Return the form to try when Slack refuses this one: a picture for its own chart, else text."""
    return ChartForm.PICTURE if form is ChartForm.NATIVE else ChartForm.TEXT
