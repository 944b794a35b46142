"""``python -m dashboards build`` writes JSON and manifests; ``check`` names each file that ``build`` would change."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards import rules
from dashboards.build import FOLDER, files, stale, write


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or 1 from ``check`` when a file is stale."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    parser.add_argument("command", choices=["build", "check"])
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help="where json/ and manifests/ are")
    arguments = parser.parse_args(argv)
    texts = files(rules.FOLDER)
    if arguments.command == "build":
        write(arguments.folder, texts)
        return 0
    late = stale(arguments.folder, texts)
    for name in late:
        sys.stderr.write(f"{arguments.folder / name}: not current, run `python -m dashboards build`\n")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
