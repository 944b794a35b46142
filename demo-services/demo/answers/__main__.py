"""``python -m demo.answers --config FILE``."""

from demo import service
from demo.answers.app import application
from demo.answers.settings import AnswersSettings
from process.command import run


def start(settings: AnswersSettings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    service.start("answers", settings.listen, lambda tracing: application(settings, tracing))


if __name__ == "__main__":
    raise SystemExit(run("demo.answers", AnswersSettings, start))
