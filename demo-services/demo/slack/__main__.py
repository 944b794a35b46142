"""``python -m demo.slack --config FILE``."""

import sys

from demo.slack.app import build
from demo.slack.settings import SlackSettings
from process import log
from process.command import run
from process.serve import serve


def start(settings: SlackSettings) -> None:
    """Serve the workspace until it is told to stop."""
    log.configure("slack")
    serve(build(settings), settings.listen)


if __name__ == "__main__":
    sys.exit(run("python -m demo.slack", SlackSettings, start))
