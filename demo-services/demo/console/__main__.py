"""``python -m demo.console --config FILE``."""

import logging
import sys

from demo.console.settings import ConsoleSettings
from process import command, log
from process.serve import serve


def start(settings: ConsoleSettings) -> None:
    """Serve until SIGTERM."""
    # NiceGUI takes a second and 50 MB to import: --check-config does without
    from demo.console.app import create_app

    log.configure("console")
    # uvicorn writes two lines for each WebSocket, with an address of 300 characters
    logging.getLogger("uvicorn.error").addFilter(lambda record: "WebSocket" not in record.getMessage())
    serve(create_app(settings), settings.listen)


if __name__ == "__main__":
    sys.exit(command.run("python -m demo.console", ConsoleSettings, start))
