"""``python -m demo.users --config FILE``."""

import sys

from demo import service
from demo.users.app import application
from demo.users.keys import KeyFileError, load_or_make
from demo.users.settings import UsersSettings
from process.command import EXIT_CONFIG, run


def start(settings: UsersSettings) -> None:
    """Serve until SIGTERM or Ctrl-C; exit at once when the key can't be had."""
    try:
        key = load_or_make(settings.key_file)
    except KeyFileError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CONFIG) from error
    service.start("users", settings.listen, lambda tracing: application(settings, key, tracing))


if __name__ == "__main__":
    raise SystemExit(run("demo.users", UsersSettings, start))
