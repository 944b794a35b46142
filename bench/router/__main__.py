"""``python -m bench.router``: the whole benchmark; its last line is the result."""

import asyncio
import signal
import sys
import time

from bench.router import intake, overhead, storm, table
from bench.router.stage import running
from compose.native.stack import StackError
from compose.native.tools import CACHE, ToolMissing

HOME = CACHE / "bench-router"


async def measure() -> str:
    """Run its three parts, each on processes of its own."""
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {text}\n")

    say("starting a workspace, Alertmanager and the router")
    async with running(HOME / "overhead") as stage:
        one_by_one = await overhead.measure(stage, say)
    async with running(HOME / "storm") as stage:
        many = await storm.measure(stage, say)
    async with running(HOME / "intake") as stage:
        webhooks = await intake.measure(stage, say)
    return table.table(one_by_one, many, webhooks) + table.line(one_by_one, many, webhooks)


def main() -> int:
    """Run it; returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it, the processes that it started end too
    try:
        sys.stdout.write(asyncio.run(measure()))
    except KeyboardInterrupt:
        return 130
    except (StackError, ToolMissing) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
