"""``python -m demo.orders --config FILE``."""

from demo import service
from demo.orders.app import application
from demo.orders.settings import OrdersSettings
from process.command import run


def start(settings: OrdersSettings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    service.start("orders", settings.listen, lambda tracing: application(settings, tracing))


if __name__ == "__main__":
    raise SystemExit(run("demo.orders", OrdersSettings, start))
