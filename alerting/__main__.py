"""``python -m alerting --config FILE``: run the alert router."""

import asyncio
import os
import sys
from datetime import UTC, datetime

from alerting.app import make_app
from alerting.config import RouterSettings
from alerting.errors import StoreError
from alerting.store import open_store
from process.command import run
from process.log import configure
from process.serve import serve
from process.trace import ids, tracing


def start(settings: RouterSettings) -> None:
    """Serve until SIGTERM."""
    configure("router", extra=[ids])
    provider = tracing("router", os.environ)
    asyncio.run(check(settings))
    app = make_app(settings, lambda: datetime.now(UTC), tracer=provider.get_tracer("alerting"))
    try:
        serve(app, settings.listen, settings.tls)
    finally:
        provider.shutdown()


async def check(settings: RouterSettings) -> None:
    """Open the store once, so that a store that can't be used ends the process with one sentence."""
    try:
        store = await open_store(settings.store, settings.store_password())
    except StoreError as error:
        raise SystemExit(f"{settings.store}: {error}") from None
    await store.close()


if __name__ == "__main__":
    sys.exit(run("python -m alerting", RouterSettings, start))
