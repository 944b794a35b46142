"""Who somebody is over HTTP: a bearer token or a name and password, shown to others or asked of them.

``Authorization: Bearer TOKEN`` (RFC 6750) or ``Authorization: Basic BASE64`` (RFC 7617): what Prometheus, Alertmanager
and Grafana can send and ask for.
"""

import base64
import hmac
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr, model_validator

from process.settings import Settings, secret


class AuthSettings(Settings):
    """Nothing, a token, or a name with a password; a file wins over what is written."""

    token: SecretStr | None = None
    token_file: Path | None = None
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "AuthSettings":
        bearer, password = secret(self.token, self.token_file), secret(self.password, self.password_file)
        if (self.username is None) != (password is None):
            raise ValueError("a username needs a password, and a password a username")
        if bearer and password:
            raise ValueError("has a token and a password: one of them is enough")
        if any(found is not None and not found.get_secret_value() for found in (bearer, password)):
            raise ValueError("the secret is empty")
        return self

    def header(self) -> SecretStr | None:
        """Return the value of ``Authorization``; None when nobody is to be asked."""
        if bearer := secret(self.token, self.token_file):
            return SecretStr(f"Bearer {bearer.get_secret_value()}")
        if password := secret(self.password, self.password_file):
            pair = f"{self.username}:{password.get_secret_value()}".encode()
            return SecretStr(f"Basic {base64.b64encode(pair).decode()}")
        return None

    def headers(self) -> dict[str, str]:
        """Return what to send along."""
        found = self.header()
        return {"Authorization": found.get_secret_value()} if found else {}


def foreign(headers: Mapping[str, str]) -> bool:
    """Say whether a browser sends this for a page of another site, whoever has logged in here.

    Only browsers send ``Sec-Fetch-Site`` (w3.org/TR/fetch-metadata), and no script can change it.
    """
    return headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")


def same(given: str, expected: str) -> bool:
    """Compare in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
