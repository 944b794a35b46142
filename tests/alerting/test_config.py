"""Settings: one file a mistake, with its exact message."""

import os
from pathlib import Path
from string import Template

import pytest

from alerting.config import RouterSettings
from compose.addresses import native
from process.settings import ConfigError, load

BAD = Path(__file__).parent / "bad_configs"
TEMPLATE = Path(__file__).parents[2] / "compose" / "alerting" / "router.yaml"


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_mistake_is_named_with_its_place(path):
    """The first line of the file, a comment, is the message."""
    expected = path.read_text().splitlines()[0].removeprefix("# ")
    with pytest.raises(ConfigError) as caught:
        load(path, RouterSettings)
    assert str(caught.value) == f"{path}: {expected}"


@pytest.fixture
def rendered(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(Template(TEMPLATE.read_text()).substitute(native(tmp_path).values))
    return path


def test_the_template_is_valid(rendered):
    """It loads, and each signal of the contract has its channel."""
    settings = load(rendered, RouterSettings)
    assert [route.channel for route in settings.routes] == ["#kafka", "#gateway", "#pods", "#pipeline"]
    assert settings.slack.base_url == "http://127.0.0.1:18400/api"


def test_the_token_of_the_environment_wins(rendered, tmp_path):
    """Over a file, and a file over the settings."""
    settings = load(rendered, RouterSettings).slack
    kept = tmp_path / "token"
    kept.write_text("xoxb-file\n")
    from_file = settings.model_copy(update={"token_file": kept})
    assert from_file.bot_token().get_secret_value() == "xoxb-file"
    os.environ["SLACK_BOT_TOKEN"] = "xoxb-environment"
    assert from_file.bot_token().get_secret_value() == "xoxb-environment"
