"""``python -m bench.kafka_lag``: the whole benchmark; its last line is the result."""

import asyncio
import signal
import sys
import time

from bench.kafka_lag import brokers, contenders, exposition, rounds, seed, table
from bench.kafka_lag.contenders import Contender, Missing
from compose.native.stack import StackError
from compose.native.tools import CACHE, ToolMissing

HOME = CACHE / "bench-kafka-lag"


def main() -> int:
    """Run it; returns the exit code."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it, the processes that it started end too

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {text}\n")

    size = seed.Size()
    kept = seed.prepare(HOME, size)
    say("starting three brokers" + (", on the data of an earlier run" if kept else ""))
    try:
        with brokers.running(HOME) as cluster:
            if not kept:
                asyncio.run(seed.write(HOME, size, cluster.bootstrap, say))
            results = rounds.run(_contenders(cluster.bootstrap), cluster, HOME, say)
            say("writing the text of 100,000 series, with and without prometheus_client")
            ratio = asyncio.run(exposition.ratio(cluster.bootstrap))
    except KeyboardInterrupt:
        return 130
    except (StackError, ToolMissing) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(table.table(results) + table.line(results, ratio))
    return 0


def _contenders(bootstrap: tuple[str, ...]) -> list[Contender]:
    found = []
    for name, make in contenders.ALL.items():
        try:
            found.append(make(HOME, bootstrap))
        except Missing as why:
            sys.stdout.write(f"{name} is not compared: {why}\n")
    return found


if __name__ == "__main__":
    sys.exit(main())
