"""``python -m demo.questions --config FILE``."""

from demo import service
from demo.questions.app import application
from demo.questions.settings import QuestionsSettings
from process.command import run


def start(settings: QuestionsSettings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    service.start("questions", settings.listen, lambda tracing: application(settings, tracing))


if __name__ == "__main__":
    raise SystemExit(run("demo.questions", QuestionsSettings, start))
