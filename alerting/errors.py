"""What can go wrong in the router, each with what follows from it."""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a body was not taken; the `result` label of router_webhooks_total and of router_clicks_total."""

    UNAUTHORIZED = "unauthorized"
    CUT_OFF = "cut_off"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"


class Rejected(Exception):
    """The webhook body can't be used: answered with `status` and the sentence in ``str()``.

    4xx for what will never be valid, and is not sent again; 503 for what may come whole another time.
    """

    def __init__(self, refusal: Refusal, status: int, sentence: str) -> None:
        """Keep the counter's label and the HTTP status beside the sentence."""
        self.refusal = refusal
        self.status = status
        super().__init__(sentence)


class StoreError(Exception):
    """The store could not read or commit; nothing of the transaction was kept."""


class AlertmanagerError(Exception):
    """Alertmanager did not do what it was asked; ``str()`` says what it did, `retryable` that time may heal it."""

    def __init__(self, sentence: str, *, retryable: bool) -> None:
        """Keep whether to ask again."""
        self.retryable = retryable
        super().__init__(sentence)


class Reason(StrEnum):
    """Why a call to Slack did not do its work: the closed set used in errors, logs and labels."""

    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BROKEN = "connection_broken"
    SLACK_FAILED = "slack_failed"
    EDIT_REFUSED = "edit_refused"
    AUTH = "auth"
    SCOPE = "scope"
    CHANNEL = "channel"
    CONTENT = "content"
    OTHER = "other"
    BUG = "bug"


UNKNOWN_OUTCOME = frozenset({Reason.TIMEOUT, Reason.BROKEN, Reason.SLACK_FAILED})
"""Slack may have done it: look it up before anything is sent again."""

NOT_DONE = frozenset({Reason.RATE_LIMITED, Reason.UNREACHABLE})
"""Slack did not do it and will later."""

RETRYABLE = UNKNOWN_OUTCOME | NOT_DONE
"""Time alone may heal it."""


class DeliveryError(Exception):
    """A call to Slack failed.

    `code` is Slack's own error word or the exception's name; `retry_after` is Slack's Retry-After in seconds.
    """

    def __init__(self, reason: Reason, code: str, retry_after: float | None = None) -> None:
        """Keep the reason, Slack's word for it, and the wait that Slack asked for."""
        self.reason = reason
        self.code = code
        self.retry_after = retry_after
        super().__init__(f"{reason}: {code}")

    @property
    def unknown(self) -> bool:
        """Slack may have done it all the same."""
        return self.reason in UNKNOWN_OUTCOME

    @property
    def retryable(self) -> bool:
        """Time alone may heal it; anything else waits for a person (a dead letter) or for another call."""
        return self.reason in RETRYABLE
