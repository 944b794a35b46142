"""``python -m dashboards build`` writes the JSON; ``check`` names each file that is not what ``build`` would write."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards import rules
from dashboards.build import FOLDER, documents, stale, write


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or 1 from ``check`` when a file is stale."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    parser.add_argument("command", choices=["build", "check"])
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help="where the JSON is")
    arguments = parser.parse_args(argv)
    texts = documents(rules.load())
    if arguments.command == "build":
        write(arguments.folder, texts)
        return 0
    late = stale(arguments.folder, texts)
    for name in late:
        sys.stderr.write(f"{arguments.folder / name}: not current, run `python -m dashboards build`\n")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
