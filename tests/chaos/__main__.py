"""``python -m tests.chaos``: break the router in every way, many times, and compare Slack with the truth.

Each run is made from its seed alone, so a run that finds a fault can be repeated: same alerts, same failures, at the
same times; only the interleaving of processes is the machine's.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Sequence

from tests.chaos.run import Outcome, play
from tests.chaos.script import Mode, Script, write
from tests.postgresql import PostgreSQL, running

MIX = (Mode.SINGLE, Mode.REPLICAS, Mode.SINGLE, Mode.REPLICAS, Mode.ALERTMANAGER)
"""What the runs are, in turn."""


def main() -> int:
    """Run; the exit code is 1 when a fault was found."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=None, help="of the first run; the others count up")
    parser.add_argument("--mode", type=Mode, choices=list(Mode), default=None)
    parser.add_argument("--at-once", type=int, default=4, help="runs side by side")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    scripts = [write(seed + number, arguments.mode or MIX[number % len(MIX)]) for number in range(arguments.runs)]
    print(f"chaos seed={seed} runs={arguments.runs}", flush=True)
    if any(script.mode is Mode.REPLICAS for script in scripts):
        with running() as postgresql:
            outcomes = asyncio.run(play_all(scripts, postgresql, arguments.at_once))
    else:
        outcomes = asyncio.run(play_all(scripts, None, arguments.at_once))
    print(summary(outcomes))
    return 0 if all(outcome.verdict.good for outcome in outcomes) else 1


async def play_all(scripts: Sequence[Script], postgresql: PostgreSQL | None, at_once: int) -> list[Outcome]:
    """Play the scripts, some side by side, and tell of each fault when it is found."""
    left = iter(scripts)
    outcomes: list[Outcome] = []

    async def work() -> None:
        for script in left:
            outcome = await play(script, postgresql)
            outcomes.append(outcome)
            if not outcome.verdict.good:
                print(fault(outcome), flush=True)
            elif len(outcomes) % 25 == 0:
                print(f"  {len(outcomes)} of {len(scripts)}", flush=True)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return outcomes


def fault(outcome: Outcome) -> str:
    """Say what a run found, and how to repeat it."""
    script, verdict = outcome.script, outcome.verdict
    found = [
        *(f"  lost: {text}" for text in verdict.lost),
        *(f"  doubled: {text}" for text in verdict.doubled),
        *(f"  wrong: {text}" for text in verdict.wrong),
    ]
    again = f"  again: .venv/bin/python -m tests.chaos --runs 1 --seed {script.seed} --mode {script.mode}"
    return "\n".join([f"fault in seed {script.seed} ({script.mode}), logs in {outcome.home}", *found, again])


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last line."""
    counts = {
        "runs": len(outcomes),
        "kills": sum(outcome.kills for outcome in outcomes),
        "stops": sum(outcome.stops for outcome in outcomes),
        "alerts": sum(outcome.alerts for outcome in outcomes),
        "lost": sum(len(outcome.verdict.lost) for outcome in outcomes),
        "doubled": sum(len(outcome.verdict.doubled) for outcome in outcomes),
        "wrong_state": sum(len(outcome.verdict.wrong) for outcome in outcomes),
    }
    return "chaos " + " ".join(f"{name}={count}" for name, count in counts.items())


if __name__ == "__main__":
    sys.exit(main())
