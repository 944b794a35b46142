"""Login and key set. Every user is made up: any fitting name is let in with the password ``demo``."""

import hmac
import time
from collections.abc import Callable
from typing import Annotated

import jwt
from fastapi import FastAPI, Header, HTTPException
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from demo.service import service
from demo.users.keys import SigningKey
from demo.users.settings import UsersSettings

PASSWORD = "demo"
ISSUER = "https://users.bongsu.demo"
AUDIENCE = "bongsu-demo"


class Login(BaseModel):
    """The body of POST /login."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    user: Annotated[str, Field(pattern=r"\A[a-z][a-z0-9-]{0,31}\z")]
    password: Annotated[str, Field(max_length=256)]


class Token(BaseModel):
    """An access token, as RFC 6749 section 5.1 answers; `expires_in` is in seconds."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int


class User(BaseModel):
    """Who asks."""

    user: str


def application(
    settings: UsersSettings,
    key: SigningKey,
    tracing: TracerProvider,
    now: Callable[[], float] = time.time,
) -> FastAPI:
    """Make the application; `now` gives Unix seconds."""
    app = service("users", CollectorRegistry(), tracing)

    @app.post("/login")
    async def login(body: Login) -> Token:
        """Trade a user and password for a token that the gateway lets through (ES256)."""
        if not hmac.compare_digest(body.password.encode(), PASSWORD.encode()):
            raise HTTPException(401, "wrong user or password", {"WWW-Authenticate": "Bearer"})
        issued, lifetime = int(now()), int(settings.token_lifetime)
        claims = {"sub": body.user, "iss": ISSUER, "aud": AUDIENCE, "iat": issued, "exp": issued + lifetime}
        token = jwt.encode(claims, key.private, algorithm="ES256", headers={"kid": key.id})
        return Token(access_token=token, expires_in=lifetime)

    @app.get("/users/me")
    async def me(x_client_id: Annotated[str | None, Header()] = None) -> User:
        """Who the gateway says is asking: it has checked the token and set x-client-id from it."""
        if not x_client_id:
            raise HTTPException(
                401, "no x-client-id: ask through the gateway, with a token", {"WWW-Authenticate": "Bearer"}
            )
        return User(user=x_client_id)

    @app.get("/.well-known/jwks.json")
    async def key_set() -> dict[str, list[dict[str, str]]]:
        """The public key that checks the tokens."""
        return {"keys": [key.public_jwk]}

    return app
