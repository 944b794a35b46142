"""``python -m tests.dashboards``: lint every page, hold it to what is exported, count; exit 1 when a thing is wrong."""

import sys

from dashboards import lint
from tests.dashboards import contract


def main() -> int:
    """Print each problem on a line, then the counts."""
    exprs = contract.every_expr()
    dead, unused, linted = contract.dead(exprs), contract.unused(exprs), lint.problems(contract.BOARDS)
    panels = [panel for board in contract.BOARDS.values() for panel in lint.panels(board)]
    queries = sum(len(panel["targets"]) for panel in panels)
    lines = [*dead, *unused, *linted]
    lines.append(
        f"dashboards={len(contract.BOARDS)} panels={len(panels)} queries={queries} "
        f"dead_metrics={len(dead)} unused_metrics={len(unused)} lint={len(linted)}"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if dead or unused or linted else 0


if __name__ == "__main__":
    sys.exit(main())
