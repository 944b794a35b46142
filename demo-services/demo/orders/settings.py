"""The settings file of orders."""

from process.settings import Address, Settings


class OrdersSettings(Settings):
    """Where orders listens, and the topic that it writes to."""

    listen: Address
    kafka: Address
    topic: str = "orders"
