"""The results as tables for people and a line for machines."""

from bench.router.alerts import SEVERITIES
from bench.router.intake import Intake
from bench.router.overhead import ALERTS, Overhead
from bench.router.storm import GROUPS, Path, Storm


def share(values: list[float], part: float) -> float:
    """Return the value below which that part of them is; NaN of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(part * len(ranked)))] if ranked else float("nan")


def table(overhead: Overhead, storm: Storm, intake: Intake) -> str:
    """All that was measured, in Markdown."""
    rows = [
        ("breach → message, one at a time", "Alertmanager's slack_configs", "through the router"),
        ("---", "---", "---"),
        (f"told, of {ALERTS}", str(len(overhead.direct)), str(len(overhead.ours))),
        ("median", _ms(overhead.direct, 0.5), _ms(overhead.ours, 0.5)),
        ("p95", _ms(overhead.direct, 0.95), _ms(overhead.ours, 0.95)),
        (),
        (f"storm of {GROUPS:,} groups in a minute", "Alertmanager's slack_configs", "through the router"),
        ("---", "---", "---"),
        *(
            (f"{severity}: breach → first message, p50 / p95", *(_both(path.first[severity]) for path in _paths(storm)))
            for severity in SEVERITIES
        ),
        *(
            (f"{severity}: later change → shown, p50 / p95", *(_both(path.later[severity]) for path in _paths(storm)))
            for severity in SEVERITIES
        ),
        ("changes not shown at the end", *(str(path.missed) for path in _paths(storm))),
        ("messages / edits / replies", *(f"{path.posts} / {path.edits} / {path.replies}" for path in _paths(storm))),
        ("calls that Slack refused (429)", *(str(path.refused) for path in _paths(storm))),
        (),
    ]
    lines = [f"| {' | '.join(row)} |" if row else "" for row in rows]
    lines += [
        f"The storm was told {storm.lasted:.0f} s after it began: of {storm.notifications} notifications, "
        f"{storm.saved} edits were saved; {storm.lost} alerts in no message, {storm.wrong} in a wrong state.",
        f"Webhooks on one core: {intake.per_second:.0f} a second, p50 {_ms(intake.waits, 0.5)}, "
        f"p99 {_ms(intake.waits, 0.99)}; the core was used to {intake.cpu:.0%}.",
    ]
    return "\n".join([*lines, ""])


def line(overhead: Overhead, storm: Storm, intake: Intake) -> str:
    """The last line."""
    more = share(overhead.ours, 0.95) - share(overhead.direct, 0.95)
    return (
        f"router overhead_ms={more * 1000:.0f} storm_lost={storm.lost} "
        f"storm_p95_critical_s={share(storm.ours.first['critical'], 0.95):.1f} "
        f"webhooks_per_s={intake.per_second:.0f} p99_ms={share(intake.waits, 0.99) * 1000:.0f}\n"
    )


def _paths(storm: Storm) -> tuple[Path, Path]:
    return storm.direct, storm.ours


def _both(values: list[float]) -> str:
    return f"{share(values, 0.5):.1f} / {share(values, 0.95):.1f} s ({len(values)})"


def _ms(values: list[float], part: float) -> str:
    return f"{share(values, part) * 1000:.0f} ms"
