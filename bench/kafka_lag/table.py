"""The results as a table for people and a line for machines."""

from collections.abc import Sequence
from statistics import median

from bench.kafka_lag.contenders import OURS
from bench.kafka_lag.rounds import Result

HEAD = (
    "exporter",
    "version",
    "lag series",
    "all series",
    "scrape s",
    "collection s",
    "CPU s",
    "brokers' CPU s",
    "peak RSS MB",
    "requests",
)


def table(results: Sequence[Result]) -> str:
    """A line a contender, in Markdown; below it what each has asked for."""
    rows = [HEAD, ("---",) * len(HEAD), *(_row(result) for result in results)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    kinds = [f"{result.contender.name} asked for: {_kinds(result)}" for result in results if result.kinds]
    return "\n".join([*lines, "", *kinds, ""])


def _row(result: Result) -> tuple[str, ...]:
    name, version = result.contender.name, result.contender.version
    if result.problem or not result.walls:
        return (name, version, result.problem or "nothing was measured", *("" for _ in HEAD[3:]))
    collection = "in the scrape" if result.collection is None else f"{result.collection:.3f}"
    return (
        name,
        version,
        f"{result.lag_series:,}",
        f"{result.series:,}",
        f"{result.wall:.3f}",
        collection,
        f"{median(result.cpu):.2f}",
        f"{median(result.brokers_cpu):.2f}",
        f"{result.rss / 1e6:.0f}",
        f"{median(result.requests):.0f}",
    )


def _kinds(result: Result) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(result.kinds.items()))


def line(results: Sequence[Result], exposition: float) -> str:
    """Ratios of wall time are ours by theirs, the last is theirs by ours; ``none`` where nothing was measured."""
    by_name = {result.contender.name: result for result in results}
    ours = by_name[OURS]

    def against(peer: str) -> str:
        theirs = by_name.get(peer)
        if theirs is None or theirs.problem or ours.problem:
            return "none"
        return f"{ours.wall / theirs.wall:.3f}"

    if ours.problem:
        return f"kafka_lag failed: {ours.problem}\n"
    return (
        f"kafka_lag series={ours.lag_series} scrape_s={ours.wall:.3f} cpu_s={median(ours.cpu):.2f} "
        f"rss_mb={ours.rss / 1e6:.0f} requests={ours.counted:.0f} vs_kafka_exporter={against('kafka_exporter')} "
        f"vs_kminion={against('kminion')} exposition_vs_client={exposition:.1f}\n"
    )
