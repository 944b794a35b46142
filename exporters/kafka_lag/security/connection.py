"""One connection to a broker: aiokafka's, with what it leaves out of SASL."""

import time
from collections.abc import Mapping
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed, UnsupportedSaslMechanismError, for_code
from aiokafka.protocol.admin import ApiVersionRequest, SaslAuthenticateRequest, SaslHandShakeRequest

from exporters.errors import Reason, SourceError

SESSION_SHARE = 0.85
"""Share of its session for which a connection is used; Kafka's own clients authenticate again from there on."""


class Connection(AIOKafkaConnection):  # type: ignore[misc]  # aiokafka ships no types
    """A connection that takes from the broker's answers what aiokafka leaves: when the session ends (KIP-368), that a
    token was refused (RFC 7628, 3.2.2), which mechanisms there are, and that SASL is wanted.
    """

    _uses = 0
    """Answers to other requests than those of connecting."""
    _until = float("inf")

    def ends_within(self, seconds: float) -> bool:
        """Tell whether the session may end by then; it can't be renewed, so another connection is opened in time."""
        return time.monotonic() + seconds > self._until

    async def send(self, request: Any, expect_response: bool = True) -> Any:
        """Send `request` and give its answer."""
        try:
            answer = await super().send(request, expect_response)
        except KafkaConnectionError as error:
            self._closed(error, request)
            raise
        match request:
            case SaslHandShakeRequest():
                self._offered(answer)
            case SaslAuthenticateRequest() if not answer.error_code:
                self._authenticated(answer)
            case _ if not isinstance(request, ApiVersionRequest):
                self._uses += 1
        return answer

    def _closed(self, error: Exception, request: Any) -> None:
        connecting = isinstance(request, ApiVersionRequest | SaslHandShakeRequest | SaslAuthenticateRequest)
        if connecting or self._uses or self._sasl_mechanism or not isinstance(error.__cause__, EOFError):
            return
        what = "it closed the connection at the first request, as brokers do that want SASL: set sasl"
        raise SourceError(Reason.REFUSED, f"{self.host}:{self.port}: {what}") from error

    def _offered(self, answer: Any) -> None:
        if for_code(answer.error_code) is UnsupportedSaslMechanismError:
            raise UnsupportedSaslMechanismError(", ".join(answer.enabled_mechanisms))

    def _authenticated(self, answer: Any) -> None:
        if self._sasl_mechanism == "OAUTHBEARER" and answer.sasl_auth_bytes:
            raise SaslAuthenticationFailed(answer.sasl_auth_bytes.decode(errors="replace"))
        # from version 1 of the answer on; 0 means without end
        if lifetime := getattr(answer, "session_lifetime_ms", 0):
            self._until = time.monotonic() + SESSION_SHARE * lifetime / 1000


class Bearer(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Hands aiokafka the token that was fetched before, and the extensions that go with it (KIP-342)."""

    def __init__(self, token: str, extensions: Mapping[str, str]) -> None:
        """Keep both."""
        self._token = token
        self._extensions = dict(extensions)

    async def token(self) -> str:
        """Give the token."""
        return self._token

    def extensions(self) -> dict[str, str]:
        """Give the extensions."""
        return self._extensions
