"""``python -m exporters NAME [COMMAND] --config FILE [--check-config]`` runs one exporter, or a command of its."""

import gc
import sys
from collections.abc import Sequence

from exporters.app import create
from exporters.catalog import EXPORTERS
from exporters.exporter import ExporterSettings
from process import log
from process.command import run
from process.serve import serve

EXIT_USAGE = 2


def main(arguments: Sequence[str]) -> int:
    """Run the exporter that the first argument names; returns the exit code."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if name in ("-h", "--help"):
        sys.stdout.write(_usage())
        return 0
    if name not in EXPORTERS:
        sys.stderr.write((f"unknown exporter {name!r}\n" if name else "no exporter named\n") + _usage())
        return EXIT_USAGE
    exporter = EXPORTERS[name]

    def start(settings: ExporterSettings) -> None:
        log.configure(name)
        _collect_less_garbage()
        serve(create(exporter, settings), settings.listen)

    if rest and rest[0] in exporter.commands:
        command = exporter.commands[rest[0]]
        return run(f"python -m exporters {name} {rest[0]}", exporter.settings, command, rest[1:])
    return run(f"python -m exporters {name}", exporter.settings, start, rest)


def _collect_less_garbage() -> None:
    """Look for cycles seldom: hardly anything here makes any, and to look through 300,000 series takes 100 ms."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _usage() -> str:
    commands = "".join(
        f"{name} also has the command {command}\n"
        for name, exporter in EXPORTERS.items()
        for command in sorted(exporter.commands)
    )
    return (
        "usage: python -m exporters NAME [COMMAND] --config FILE [--check-config]\n"
        f"NAME is one of: {', '.join(EXPORTERS)}\n{commands}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
