"""The command line that each process has: ``--config FILE`` runs it, ``--check-config`` only reads the file."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from process.settings import ConfigError, load

ModelT = TypeVar("ModelT", bound=BaseModel)

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: the process can't run with this configuration, and trying again will not help."""


def run(
    program: str,
    model: type[ModelT],
    start: Callable[[ModelT], int | None],
    argv: Sequence[str] | None = None,
) -> int:
    """Parse `argv`, load the settings, and call `start` with them unless only a check was asked for.

    Returns the exit code: what `start` returns, 0 for None, or EXIT_CONFIG with every mistake printed on stderr.
    """
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings, YAML")
    parser.add_argument("--check-config", action="store_true", help="read the settings, say what is wrong, exit")
    arguments = parser.parse_args(argv)
    try:
        settings = load(arguments.config, model)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    if arguments.check_config:
        sys.stdout.write(f"{arguments.config}: ok\n")
        return 0
    return start(settings) or 0
