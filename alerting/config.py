"""The settings of the router."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PositiveInt, SecretStr, field_validator, model_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from alerting.auth import AuthSettings
from alerting.model import ChartForm
from alerting.people import Channel, EscalationSettings, Mention, QuietHoursSettings, WatchdogSettings, Zone
from process.serve import TlsSettings
from process.settings import Address, BaseUrl, Seconds, Settings, pattern, secret

WEEK = 7 * 24 * 3600.0


def _matcher(value: str) -> str:
    if value.startswith("~"):
        pattern(value[1:])
    return value


def _store(value: str) -> str:
    if "://" not in value:
        return value
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError("is not a PostgreSQL address such as postgresql://user@host:5432/database") from None
    if url.password is not None or "password" in url.query:
        raise ValueError("holds a password: put it into the environment variable PGPASSWORD or store_password_file")
    if url.drivername != "postgresql" or not url.database:
        raise ValueError("is neither a path nor a PostgreSQL address such as postgresql://user@host:5432/database")
    return value


def _without_password(value: str) -> str:
    if "@" in urlsplit(value).netloc:
        raise ValueError("holds a name or a password, which logs would show: only auth may have one")
    return value


Site = Annotated[BaseUrl, AfterValidator(_without_password)]
"""An http(s) URL that nobody needs to hide."""


Matcher = Annotated[str, AfterValidator(_matcher)]
"""A label's value, or ``~`` and a regular expression that must match the whole value."""


StoreAddress = Annotated[str, AfterValidator(_store)]
"""The path of an SQLite file, or ``postgresql://user@host:port/database``."""


class RouteSettings(Settings):
    """Alerts whose labels all match; a label that an alert lacks counts as empty.

    What is not said here is as the route around it says, and around the outermost as the settings say. Of `routes`
    within, the first that matches says more.
    """

    match: dict[str, Matcher] = Field(min_length=1)
    channel: Channel | None = None
    mention: dict[str, tuple[Mention, ...]] | None = None
    escalation: tuple[EscalationSettings, ...] | None = None
    quiet_hours: QuietHoursSettings | None = None
    routes: tuple["RouteSettings", ...] = ()

    @field_validator("channel", mode="before")
    @classmethod
    def _is_said(cls, value: object) -> object:
        """Refuse a channel that is there and says nothing: in YAML, ``#name`` without quotes is a comment."""
        if value is None:
            raise ValueError("input should be a valid string")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> "RouteSettings":
        said = (self.channel, self.mention, self.escalation, self.quiet_hours)
        if all(value is None for value in said) and not self.routes:
            raise ValueError("says nothing: it needs a channel, or another thing to be different in")
        return self


class SlackSettings(Settings):
    """How Slack is reached, and how it reaches us: clicks come signed over HTTP, or through a socket that we open.

    A secret of the environment wins over that of a file, and that over one that is written here.
    """

    token: SecretStr | None = None
    token_file: Path | None = None
    signing_secret: SecretStr | None = None
    signing_secret_file: Path | None = None
    app_token: SecretStr | None = None
    app_token_file: Path | None = None
    base_url: Site = "https://slack.com/api"
    timeout: Seconds = 30.0

    @model_validator(mode="after")
    def _has_token(self) -> "SlackSettings":
        self.bot_token()
        self.signing()
        self.socket_token()
        return self

    @property
    def hears(self) -> bool:
        """Whether clicks can reach us."""
        return self.signing() is not None or self.socket_token() is not None

    def signing(self) -> SecretStr | None:
        """Find the secret that Slack signs its requests with; None when it sends none."""
        return _visible("signing secret", secret(self.signing_secret, self.signing_secret_file, "SLACK_SIGNING_SECRET"))

    def socket_token(self) -> SecretStr | None:
        """Find the app-level token that opens sockets (Socket Mode); None when none is to be opened."""
        found = _visible("app-level token", secret(self.app_token, self.app_token_file, "SLACK_APP_TOKEN"))
        if found is not None and not found.get_secret_value().startswith("xapp-"):
            raise ValueError(
                "an app-level token begins with xapp-: Slack shows it at Basic Information, App-Level Tokens"
            )
        return found

    def bot_token(self) -> SecretStr:
        """Find the token where it is kept. Raises ValueError that says where it can come from."""
        found = secret(self.token, self.token_file, "SLACK_BOT_TOKEN")
        if found is None or not found.get_secret_value():
            raise ValueError(
                "no bot token: set the environment variable SLACK_BOT_TOKEN, or name a file in slack.token_file, "
                "or write slack.token"
            )
        if not re.fullmatch(r"[!-~]+", found.get_secret_value()):
            raise ValueError("the bot token holds spaces or letters that no token has; copy it again from Slack")
        return found


class GrafanaSettings(Settings):
    """How Grafana signs what it sends; the names of its headers are chosen in its contact point."""

    secret: SecretStr | None = None
    secret_file: Path | None = None
    signature_header: str = "X-Grafana-Alerting-Signature"
    timestamp_header: str | None = None

    @model_validator(mode="after")
    def _has_secret(self) -> "GrafanaSettings":
        found = self.signing_secret()
        if found is not None and not found.get_secret_value():
            raise ValueError("the secret is empty")
        return self

    def signing_secret(self) -> SecretStr | None:
        """Find the secret; None when nothing is signed."""
        return secret(self.secret, self.secret_file)


class WebhookSettings(Settings):
    """Who may bring alerts: whoever shows `auth`, or Grafana by its signature; everybody without either."""

    auth: AuthSettings = AuthSettings()
    grafana: GrafanaSettings = GrafanaSettings()


class AlertmanagerSettings(Settings):
    """Where Alertmanager lists its alerts: the replicas of one cluster, or all that send here.

    It keeps alerts in memory only, and Prometheus sends each firing one again after its resend delay (1 m by default)
    and an evaluation: an Alertmanager that has run for `warm_up` has them all.
    """

    urls: tuple[Site, ...] = ()
    auth: AuthSettings = AuthSettings()
    interval: Seconds = 15.0
    warm_up: Seconds = 180.0
    timeout: Seconds = 5.0


class PrometheusSettings(Settings):
    """Where the series of an alert is read, from its annotation `query`; nowhere without a URL."""

    url: Site | None = None
    auth: AuthSettings = AuthSettings()
    timeout: Seconds = 2.0


class FallbackSettings(Settings):
    """The webhook that is told of an open alert which Slack has not shown for `after`; None without an address.

    The address is often a secret by itself, and is kept like one.
    """

    url: SecretStr | None = None
    url_file: Path | None = None
    after: Seconds = 300.0
    auth: AuthSettings = AuthSettings()
    secret: SecretStr | None = None
    secret_file: Path | None = None
    timeout: Annotated[Seconds, Field(le=30)] = 10.0

    @model_validator(mode="after")
    def _can_be_called(self) -> "FallbackSettings":
        address, signing = self.address(), self.signing()
        if address is not None and not re.fullmatch(r"https?://[^/\s]+(/[!-~]*)?", address.get_secret_value()):
            raise ValueError("the address is not an http:// or https:// URL")
        if signing is not None and not signing.get_secret_value():
            raise ValueError("the secret is empty")
        if address is None and (signing or self.auth.header()):
            raise ValueError("has a secret and no address: it needs a url or a url_file")
        return self

    def address(self) -> SecretStr | None:
        """Find the address; None when nobody else is told."""
        return secret(self.url, self.url_file)

    def signing(self) -> SecretStr | None:
        """Find the secret that each call is signed with; None when none is."""
        return secret(self.secret, self.secret_file)


def _visible(what: str, found: SecretStr | None) -> SecretStr | None:
    if found is not None and not re.fullmatch(r"[!-~]+", found.get_secret_value()):
        raise ValueError(f"the {what} is empty or holds spaces; copy it again from Slack")
    return found


class LinkSettings(Settings):
    """What goes before a `dashboard_url` or `runbook_url` that begins with a slash."""

    dashboards: Site | None = None
    runbooks: Site | None = None


class MessageSettings(Settings):
    """How a message looks."""

    max_alerts: Annotated[PositiveInt, Field(le=50)] = 10
    chart: ChartForm = ChartForm.NATIVE


class RouterSettings(Settings):
    """All of the router's settings. What is over is forgotten after `keep`."""

    listen: Address
    store: StoreAddress
    store_password_file: Path | None = None
    slack: SlackSettings
    tls: TlsSettings | None = None
    webhook: WebhookSettings = WebhookSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    prometheus: PrometheusSettings = PrometheusSettings()
    routes: tuple[RouteSettings, ...] = ()
    default_channel: Channel
    mention: dict[str, tuple[Mention, ...]] = Field({})
    escalation: tuple[EscalationSettings, ...] = ()
    quiet_hours: QuietHoursSettings | None = None
    timezone: Zone = "UTC"
    watchdog: WatchdogSettings = WatchdogSettings()
    fallback: FallbackSettings = FallbackSettings()
    links: LinkSettings = LinkSettings()
    message: MessageSettings = MessageSettings()
    keep: Seconds = WEEK

    @model_validator(mode="after")
    def _has_password(self) -> "RouterSettings":
        self.store_password()
        return self

    def store_password(self) -> SecretStr | None:
        """Find PostgreSQL's password: PGPASSWORD wins over the file; None where the server asks for none."""
        return secret(None, self.store_password_file, "PGPASSWORD")
