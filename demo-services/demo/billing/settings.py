"""The settings file of billing."""

from demo.pace import DelayMs
from process.settings import Address, Settings


class BillingSettings(Settings):
    """Where billing listens, what it reads as which group, and how long it works on one order at first."""

    listen: Address
    kafka: Address
    topic: str = "orders"
    group: str = "billing"
    delay_ms: DelayMs = 10
