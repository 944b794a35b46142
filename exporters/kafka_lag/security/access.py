"""What lets the exporter in at the brokers of one cluster."""

import asyncio
from typing import Any

from aiokafka.errors import SaslAuthenticationFailed

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.failures import CONNECTING, connecting_error
from exporters.kafka_lag.security import credentials
from exporters.kafka_lag.security.config import Sasl, Tls
from exporters.kafka_lag.security.connection import Bearer, Connection
from exporters.kafka_lag.security.issuers import issuer
from exporters.kafka_lag.security.tokens import Tokens

CLIENT_ID = "bongsu-kafka-lag"


class Access:
    """Opens connections; each with the certificates, the password and the token that are there at that time."""

    def __init__(self, tls: Tls | None = None, sasl: Sasl | None = None) -> None:
        """Read nothing yet."""
        self._tls = tls
        self._sasl = sasl
        self._tokens = Tokens(issuer(sasl.token)) if sasl and sasl.token else None

    async def connect(self, address: str, patience: float) -> Connection:
        """Open a connection to a broker, each step of which may take `patience` seconds. Raises SourceError."""
        token = await self._tokens.get() if self._tokens else None
        try:
            # files may lie on a network, and a certificate store takes its time
            options = await asyncio.to_thread(self._options, token)
        except ValueError as error:
            raise SourceError(Reason.REFUSED, f"{address}: not connected: {error}") from error
        host, _, port = address.rpartition(":")
        connection = Connection(
            host.strip("[]"), int(port), client_id=CLIENT_ID, request_timeout_ms=int(patience * 1000), **options
        )
        try:
            await connection.connect()
        except CONNECTING as error:
            if token is not None and self._tokens and isinstance(error, SaslAuthenticationFailed):
                self._tokens.forget(token)
            raise connecting_error(address, error, self._tls, self._sasl) from error
        return connection

    async def close(self) -> None:
        """Stop what fetches tokens."""
        if self._tokens:
            await self._tokens.close()

    def _options(self, token: str | None) -> dict[str, Any]:
        """Make what aiokafka's connection takes of security. Raises ValueError when a file is not as it should be."""
        transport = "PLAINTEXT" if self._tls is None else "SSL"
        options: dict[str, Any] = {"security_protocol": f"SASL_{transport}" if self._sasl else transport}
        if self._tls is not None:
            options["ssl_context"] = credentials.tls_context(
                self._tls.ca_file, self._tls.identity(), self._tls.check_hostname
            )
        if self._sasl is not None:
            options["sasl_mechanism"] = self._sasl.mechanism
            if self._sasl.token is not None and token is not None:
                options["sasl_oauth_token_provider"] = Bearer(token, self._sasl.token.extensions or {})
            else:
                options["sasl_plain_username"] = self._sasl.username
                options["sasl_plain_password"] = self._sasl.read_password()
        return options
