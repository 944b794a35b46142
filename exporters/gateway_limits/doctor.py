"""``python -m exporters gateway_limits doctor --config FILE``: read each gateway once, and say what is missing there.

The exporter shows the same as ``gateway_ratelimit_check_ok``; here are the sentences.
"""

import asyncio
import sys
from collections.abc import Iterable

from exporters.errors import Reason, SourceError
from exporters.exporter import Source
from exporters.gateway_limits.config import GatewayLimitsSettings
from exporters.gateway_limits.snapshot import Snapshot
from exporters.gateway_limits.sources import sources

EXIT_FINDINGS = 1


def doctor(settings: GatewayLimitsSettings) -> int:
    """Print what was found, a line each; returns 0 when all is well."""
    kinds = {gateway.name: gateway.kind for gateway in settings.gateways}
    found = asyncio.run(_look_at_all(settings))
    well = True
    for name, snapshot in sorted(found.items()):
        findings = list(_findings(snapshot))
        well = well and not findings
        for line in findings or [_nothing(snapshot)]:
            sys.stdout.write(f"{name} ({kinds[name]}): {line}\n")
    return 0 if well else EXIT_FINDINGS


async def _look_at_all(settings: GatewayLimitsSettings) -> dict[str, Snapshot | SourceError]:
    watched = sources(settings)
    looks = (_look(source, settings.timeout) for source in watched.values())
    return dict(zip(watched, await asyncio.gather(*looks), strict=True))


async def _look(source: Source[Snapshot], seconds: float) -> Snapshot | SourceError:
    try:
        async with asyncio.timeout(seconds):
            return await source.read()
    except SourceError as error:
        return error
    except TimeoutError:
        return SourceError(Reason.TIMEOUT, f"not read within {seconds:g} s")
    finally:
        await source.close()


def _findings(snapshot: Snapshot | SourceError) -> Iterable[str]:
    if isinstance(snapshot, SourceError):
        yield f"{snapshot.reason}: {snapshot.message}"
        return
    for problem in snapshot.problems:
        yield f"{problem.reason}: {problem.message}"
    for check, sentence in sorted(snapshot.checks.items()):
        if sentence:
            yield f"{check}: {sentence}"


def _nothing(snapshot: Snapshot | SourceError) -> str:
    passed = ", ".join(sorted(snapshot.checks)) if isinstance(snapshot, Snapshot) else ""
    return f"ok ({passed})" if passed else "nothing to check yet"
