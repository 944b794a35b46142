"""Failures ordered from outside: the next calls of a method go wrong in a chosen way."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from demo.slack.workspace import Channel

ORDERS_KEPT = 100

Named = Literal["ratelimited", "http_500", "hang", "accept_then_drop", "accept_then_hang", "message_limit_exceeded"]

Coded = Annotated[str, StringConstraints(pattern=r"^error:[a-z_]{1,64}$")]


class FaultOrder(BaseModel):
    """What POST /faults takes.

    Kinds: ``ratelimited`` (429 with retry_after), ``http_500``, ``hang`` (no answer for `seconds`, then the connection
    closes; nothing is done), ``accept_then_drop`` (done, then the connection closes without an answer),
    ``accept_then_hang`` (done at once, answered after `seconds`), ``message_limit_exceeded`` and ``error:<code>``
    (HTTP 200, ``ok: false``; nothing is done).
    """

    model_config = ConfigDict(extra="forbid")

    method: str = Field(default="*", max_length=80, description="a method's name, or * for each")
    kind: Named | Coded
    times: int = Field(default=1, ge=1, le=1_000_000)
    channel: str | None = Field(default=None, max_length=80, description="only calls for this channel, by name or id")
    retry_after: int = Field(default=1, ge=0, le=3_600)
    seconds: float = Field(default=30, gt=0, le=600)

    @property
    def after(self) -> bool:
        """Tell whether the failure comes after the call was carried out, not in its place."""
        return self.kind in ("accept_then_drop", "accept_then_hang")

    def concerns(self, method: str, channel: Channel | None) -> bool:
        """Tell whether a call of `method` for `channel` is meant."""
        if self.method not in ("*", method):
            return False
        return self.channel is None or (
            channel is not None and self.channel.removeprefix("#") in (channel.id, channel.name)
        )


@dataclass
class Fault:
    """One order and how many calls it still meets."""

    order: FaultOrder
    left: int

    def shown(self) -> dict[str, Any]:
        """Return what GET /faults lists."""
        return {**self.order.model_dump(), "left": self.left}


class Faults:
    """The orders, in the order in which they came; the first that concerns a call meets it."""

    def __init__(self) -> None:
        """Start with none."""
        self._faults: list[Fault] = []

    def add(self, order: FaultOrder) -> bool:
        """Keep an order; False when there are too many already."""
        if len(self._faults) >= ORDERS_KEPT:
            return False
        self._faults.append(Fault(order, order.times))
        return True

    def take(self, method: str, channel: Channel | None, *, after: bool) -> FaultOrder | None:
        """Return the order that this call meets, in its place or `after` it was carried out, and count it."""
        for fault in self._faults:
            if fault.order.after == after and fault.order.concerns(method, channel):
                fault.left -= 1
                if not fault.left:
                    self._faults.remove(fault)
                return fault.order
        return None

    def all(self) -> list[Fault]:
        """Return the orders that are not used up."""
        return list(self._faults)

    def clear(self) -> int:
        """Forget all orders; returns how many there were."""
        count = len(self._faults)
        self._faults.clear()
        return count
