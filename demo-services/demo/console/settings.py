"""Settings of the console, one YAML file (compose/demo/console.yaml is its template)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from process.settings import Address, BaseUrl, Seconds, Settings


class Pages(Settings):
    """Where a person's browser finds the pages of the other parts."""

    prometheus: BaseUrl
    alertmanager: BaseUrl
    router: BaseUrl
    slack: BaseUrl


class ConsoleSettings(Settings):
    """What the console reads and where it listens."""

    listen: Address
    prometheus: BaseUrl
    scrape_interval: Seconds
    """Prometheus' own, from its configuration: the least step of a chart, and a quarter of ``$__rate_interval``."""
    load: BaseUrl
    slack: BaseUrl | None = None
    """Where this process finds the page of the demo's workspace; a browser may know it by another name, `pages.slack`.
    None when alerts go to a real Slack, which can't be shown inside another page."""
    pages: Pages
    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    """Slack channels on the overview."""
    dashboards: Path
    """Folder of ``<uid>.json`` files."""
    runbooks: Path
    """Folder of ``<Alert>.md`` files."""
    home: Path | None = None
    """Folder of the native stack, whose records ``bongsu status`` reads too. None in containers, where no process sees
    those of the others."""
