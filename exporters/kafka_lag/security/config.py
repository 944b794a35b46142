"""Settings of TLS and SASL; what they name is read once at load, so that a mistake is told before anything starts."""

import shutil
from pathlib import Path
from typing import Annotated, Literal, Self

import httpx
from pydantic import Field, SecretStr, model_validator

from exporters.kafka_lag.security import credentials
from process.settings import AtLeastOne, Seconds, Settings, Url, required_secret

Text = Annotated[str, Field(min_length=1)]


class Tls(Settings):
    """Section ``tls``: an empty one means TLS with the authorities that the machine trusts."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: SecretStr | None = None
    key_password_file: Path | None = None
    key_password_env: Text | None = None
    check_hostname: bool = True

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: the exporter's certificate and its private key")
        if self.key_file is None and self._has_key_password:
            raise ValueError("key_password needs a key_file that it opens")
        self.identity()
        credentials.tls_context(self.ca_file, self.identity(), self.check_hostname)
        return self

    @property
    def _has_key_password(self) -> bool:
        return any((self.key_password, self.key_password_file, self.key_password_env))

    def identity(self) -> credentials.Identity | None:
        """Find the exporter's own certificate. Raises ValueError when the key's password is not where it should be."""
        if self.cert_file is None or self.key_file is None:
            return None
        password = None
        if self._has_key_password:
            password = required_secret(
                "key_password", self.key_password, self.key_password_file, self.key_password_env
            ).get_secret_value()
        return credentials.Identity(self.cert_file, self.key_file, password)


class TokenSettings(Settings):
    """Section ``sasl.token``: what hands out the tokens of OAUTHBEARER, a command or an OAuth 2 token endpoint."""

    command: AtLeastOne[Text] | None = None
    endpoint_url: Url | None = None
    client_id: Text | None = None
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    client_secret_env: Text | None = None
    scope: Text | None = None
    ca_file: Path | None = None
    extensions: dict[str, str] | None = None
    timeout: Seconds = 10.0

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.command is None) == (self.endpoint_url is None):
            raise ValueError("needs either a command or an endpoint_url")
        if self.command is not None:
            given = [name for name in _OF_THE_ENDPOINT if getattr(self, name) is not None]
            if given:
                raise ValueError(f"{given[0]} belongs to endpoint_url, not to command")
            if shutil.which(self.command[0]) is None:
                raise ValueError(f"command {self.command[0]!r} is not there, or can't be run")
        else:
            self._endpoint_can_be_asked()
        return self

    def _endpoint_can_be_asked(self) -> None:
        try:
            user = httpx.URL(self.endpoint_url or "").userinfo
        except httpx.InvalidURL as error:
            raise ValueError("endpoint_url is no URL: see to its host and port") from error
        if user:
            raise ValueError("endpoint_url holds a user or a password: they belong in client_id and client_secret")
        if self.client_id is None:
            raise ValueError("endpoint_url needs a client_id")
        self.read_client_secret()
        credentials.tls_context(self.ca_file)

    def read_client_secret(self) -> str:
        """Find it where it is kept. Raises ValueError that says where it can come from."""
        found = required_secret("client_secret", self.client_secret, self.client_secret_file, self.client_secret_env)
        return found.get_secret_value()


_OF_THE_ENDPOINT = (
    "client_id",
    "client_secret",
    "client_secret_file",
    "client_secret_env",
    "scope",
    "ca_file",
)


class Sasl(Settings):
    """Section ``sasl``, in the words of Kafka's ``sasl.mechanism``."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
    username: Text | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    password_env: Text | None = None
    token: TokenSettings | None = None

    @model_validator(mode="after")
    def _fits_the_mechanism(self) -> Self:
        login = (self.username, self.password, self.password_file, self.password_env)
        if self.mechanism == "OAUTHBEARER":
            if self.token is None:
                raise ValueError("OAUTHBEARER needs a token section")
            if any(part is not None for part in login):
                raise ValueError("OAUTHBEARER takes a token section, no username and no password")
            return self
        if self.token is not None:
            raise ValueError(f"{self.mechanism} takes username and password; a token section is for OAUTHBEARER")
        if self.username is None:
            raise ValueError(f"{self.mechanism} needs a username")
        self.read_password()
        return self

    def read_password(self) -> str:
        """Find it where it is kept. Raises ValueError that says where it can come from."""
        return required_secret("password", self.password, self.password_file, self.password_env).get_secret_value()
