"""The one way in which a method says no."""

from collections.abc import Sequence
from typing import Any


class SlackError(Exception):
    """The call fails with ``{"ok": false, "error": code, ...}``, HTTP 200, as Slack's methods fail.

    `messages` go to ``response_metadata.messages`` (each as ``[ERROR] …``), `extra` beside ``error``.
    """

    def __init__(self, code: str, messages: Sequence[str] = (), **extra: Any) -> None:
        """Keep the error code of Slack's documentation and what goes with it."""
        super().__init__(code)
        self.code = code
        self.messages = tuple(messages)
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON object."""
        answer: dict[str, Any] = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            answer["errors"] = list(self.messages)
            answer["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return answer


class RateLimited(Exception):
    """The call came too early: HTTP 429 with ``Retry-After`` in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        """Keep the seconds to wait."""
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after
