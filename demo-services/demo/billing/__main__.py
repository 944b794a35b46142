"""``python -m demo.billing --config FILE``."""

from demo import service
from demo.billing.app import application
from demo.billing.settings import BillingSettings
from process.command import run


def start(settings: BillingSettings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    service.start("billing", settings.listen, lambda tracing: application(settings, tracing))


if __name__ == "__main__":
    raise SystemExit(run("demo.billing", BillingSettings, start))
