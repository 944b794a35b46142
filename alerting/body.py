"""The body of a request, read up to a size and within a time."""

import asyncio
from collections.abc import Callable

from fastapi import Request
from starlette.requests import ClientDisconnect

from alerting.errors import Refusal, Rejected

BODY_SECONDS = 30.0
"""How long a body may take to arrive; who sends to us sends it at once."""


async def read_body(request: Request, most: int, too_large: Callable[[], Rejected]) -> bytes:
    """Read the body; raise Rejected when it is larger than `most` bytes, breaks off or takes too long."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large()
    except ClientDisconnect as error:
        raise Rejected(Refusal.CUT_OFF, 400, "the body broke off") from error
    except TimeoutError as error:
        raise Rejected(Refusal.CUT_OFF, 503, f"the body took longer than {BODY_SECONDS:.0f} s") from error
    return bytes(body)
