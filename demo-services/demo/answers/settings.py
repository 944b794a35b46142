"""The settings file of answers."""

from pydantic import Field, SecretStr

from demo.pace import DelayMs
from process.settings import Address, Settings


class AnswersSettings(Settings):
    """Where answers listens, what it reads as which group, how long one answer takes, and what ids are signed with."""

    listen: Address
    kafka: Address
    topic: str = "questions"
    group: str = "answers"
    delay_ms: DelayMs = 150
    ticket_secret: SecretStr = Field(min_length=16)
