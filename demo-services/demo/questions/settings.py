"""The settings file of questions."""

from pydantic import Field, SecretStr

from process.settings import Address, Settings


class QuestionsSettings(Settings):
    """Where questions listens, the topic that it writes to, and what it signs ids with (the same as in answers)."""

    listen: Address
    kafka: Address
    topic: str = "questions"
    ticket_secret: SecretStr = Field(min_length=16)
