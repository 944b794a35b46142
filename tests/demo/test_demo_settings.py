"""Every mistake in a service's settings is one sentence with its place."""

from pathlib import Path

import pytest

from demo.answers.settings import AnswersSettings
from demo.billing.settings import BillingSettings
from demo.orders.settings import OrdersSettings
from demo.questions.settings import QuestionsSettings
from demo.users.settings import UsersSettings
from process.settings import ConfigError, Settings, load

BAD_CONFIGS = Path(__file__).parent / "bad_configs"

MODELS: dict[str, type[Settings]] = {
    "users": UsersSettings,
    "orders": OrdersSettings,
    "billing": BillingSettings,
    "questions": QuestionsSettings,
    "answers": AnswersSettings,
}

MESSAGES = {
    "users_no_key_file": "key_file: is required",
    "users_unknown_key": "password: unknown key",
    "users_lifetime": "token_lifetime: 'an hour' is not a duration such as 500ms, 5s, 2m or 1h",
    "orders_kafka_is_a_url": "kafka: 'http://127.0.0.1:18092/' is not host:port with a port from 1 to 65535",
    "orders_no_kafka": "kafka: is required",
    "billing_too_slow": "delay_ms: input should be less than or equal to 60000",
    "billing_group_is_a_list": "group: input should be a valid string",
    "questions_short_secret": "ticket_secret: value should have at least 16 items after validation, not 5",
    "answers_no_secret": "ticket_secret: is required",
}


@pytest.mark.parametrize("mistake", MESSAGES)
def test_the_message_names_the_place_and_what_is_wrong(mistake: str) -> None:
    """One mistake is one line, and a secret is not in it."""
    path = BAD_CONFIGS / f"{mistake}.yaml"
    with pytest.raises(ConfigError) as caught:
        load(path, MODELS[mistake.partition("_")[0]])
    assert str(caught.value) == f"{path}: {MESSAGES[mistake]}"


def test_every_file_has_its_message() -> None:
    """No file lies there untested."""
    assert {path.stem for path in BAD_CONFIGS.glob("*.yaml")} == set(MESSAGES)
