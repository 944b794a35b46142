"""What lets the exporter in at the brokers of one cluster."""

import asyncio
import ssl
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

HELD_BACK = 0.5
"""Seconds more for the answers of SASL: brokers hold a refusal back (connection.failed.authentication.delay.ms)."""


class Access:
    """Opens connections; each with the certificates, the password and the token that are there at that time."""

    def __init__(self, tls: Tls | None = None, sasl: Sasl | None = None) -> None:
        """Read nothing yet."""
        self._tls = tls
        self._sasl = sasl
        self._tokens = Tokens(issuer(sasl.token)) if sasl and sasl.token else None
        self._reading = asyncio.Lock()
        self._context: tuple[object, ssl.SSLContext] | None = None

    async def connect(self, address: str, patience: float) -> Connection:
        """Open a connection to a broker, each step of which may take `patience` seconds. Raises SourceError."""
        token = await self._token(patience)
        try:
            # in a thread: files may lie on a network; one after the other: thirty brokers need one TLS context
            async with self._reading:
                options = await asyncio.to_thread(self._options, token)
        except ValueError as error:
            raise SourceError(Reason.REFUSED, f"{address}: not connected: {error}") from error
        host, _, port = address.rpartition(":")
        milliseconds = int(1000 * (patience + HELD_BACK if self._sasl else patience))
        connection = Connection(
            host.strip("[]"), int(port), client_id=CLIENT_ID, request_timeout_ms=milliseconds, **options
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

    async def _token(self, patience: float) -> str | None:
        if self._tokens is None:
            return None
        try:
            async with asyncio.timeout(patience):
                return await self._tokens.get()
        except TimeoutError as error:
            what = "no token yet from the token command or endpoint, which goes on; the next collection asks again"
            raise SourceError(Reason.TIMEOUT, what) from error

    def _options(self, token: str | None) -> dict[str, Any]:
        """Make what aiokafka's connection takes of security. Raises ValueError when a file is not as it should be."""
        transport = "PLAINTEXT" if self._tls is None else "SSL"
        options: dict[str, Any] = {"security_protocol": f"SASL_{transport}" if self._sasl else transport}
        if self._tls is not None:
            options["ssl_context"] = self._tls_context(self._tls)
        if self._sasl is not None:
            options["sasl_mechanism"] = self._sasl.mechanism
            if self._sasl.token is not None and token is not None:
                options["sasl_oauth_token_provider"] = Bearer(token, self._sasl.token.extensions or {})
            else:
                options["sasl_plain_username"] = self._sasl.username
                options["sasl_plain_password"] = self._sasl.read_password()
        return options

    def _tls_context(self, tls: Tls) -> ssl.SSLContext:
        """Give the TLS context from before while its files are the same: the machine's authorities take 50 ms."""
        identity = tls.identity()
        made_of = (identity, *map(credentials.version, (tls.ca_file, tls.cert_file, tls.key_file)))
        if self._context is None or self._context[0] != made_of:
            self._context = (made_of, credentials.tls_context(tls.ca_file, identity, tls.check_hostname))
        return self._context[1]
