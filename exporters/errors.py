"""The one error of a source, and the closed set of reasons that the log, the page and the metrics share."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a source, or a part of it, could not be read."""

    UNREACHABLE = "unreachable"
    """Nothing answers there, or what answers says that it is not able to now."""

    TIMEOUT = "timeout"
    """No whole answer before the deadline."""

    REFUSED = "refused"
    """It answers, and does not let us in or can't be trusted; or we have no credentials to show."""

    INVALID_ANSWER = "invalid_answer"
    """The answer is not what this kind of source says: cut, too large, another protocol."""

    INTERNAL = "internal"
    """A mistake of ours; the log has the traceback."""


class SourceError(Exception):
    """A source, or a part of it, could not be read this time; the next collection tries again.

    ``message`` is a sentence for the log and the page; it names what was asked and never holds a secret.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep why and what."""
        self.reason = reason
        self.message = message
        super().__init__(message)
