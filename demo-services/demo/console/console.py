"""What every page is given."""

from dataclasses import dataclass

from demo.console import panels
from demo.console.load import Load
from demo.console.processes import Processes
from demo.console.prometheus import Prometheus
from demo.console.settings import ConsoleSettings
from demo.console.slack import Slack


@dataclass(frozen=True)
class Console:
    """The settings and the clients, one of each in the process."""

    settings: ConsoleSettings
    prometheus: Prometheus
    load: Load
    slack: Slack | None
    """None when alerts go to a real Slack."""
    processes: Processes | None
    """None in containers."""

    def dashboards(self) -> tuple[tuple[panels.Dashboard, ...], tuple[panels.Broken, ...]]:
        """Read the dashboard files, anew for each page: they are few, and an edit shows at once."""
        return panels.load(self.settings.dashboards)
