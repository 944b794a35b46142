"""The whole workspace as one ASGI application."""

import time

from fastapi import FastAPI
from starlette.types import ASGIApp

from demo.slack import api, clicks, control, page, sockets
from demo.slack.audit import Audit
from demo.slack.drop import TransportInScope
from demo.slack.faults import Faults
from demo.slack.rates import Rates
from demo.slack.settings import SlackSettings
from demo.slack.sockets import Sockets
from demo.slack.workspace import Clock, Workspace


def build(settings: SlackSettings, clock: Clock = time.time) -> ASGIApp:
    """Make an empty workspace of `settings`; `clock` gives seconds since the epoch."""
    slack = api.Slack(
        workspace=Workspace(settings, clock),
        rates=Rates(settings.rates, clock),
        faults=Faults(),
        audit=Audit(settings.calls_kept, clock),
        sockets=Sockets(clock),
    )
    application = FastAPI(
        title="Slack-compatible workspace for demos, not Slack", docs_url=None, redoc_url=None, openapi_url=None
    )
    application.include_router(api.router(slack))
    application.include_router(control.router(slack))
    application.include_router(sockets.router(slack.sockets))
    application.include_router(page.router(slack.workspace))
    application.include_router(clicks.router(slack.workspace, slack.sockets))
    application.mount("/static", page.static())
    return TransportInScope(application)
