"""``python -m demo.load SCENARIO`` runs one scenario; with ``--config FILE`` it is the stack's part."""

import sys

from demo.load import app, script


def main(argv: list[str]) -> int:
    """Return the exit code of the one or the other."""
    as_process = any(argument.partition("=")[0] == "--config" for argument in argv)
    return app.main(argv) if as_process else script.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
