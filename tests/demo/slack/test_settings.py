"""The settings file, its mistakes, and the template that is shipped."""

from pathlib import Path
from string import Template

import pytest

from compose import addresses
from demo.slack.__main__ import start
from demo.slack.settings import SlackSettings
from process.command import EXIT_CONFIG, run
from process.settings import ConfigError, load

HERE = Path(__file__).parent

MISTAKES = {
    "channel_name": "channels[0].name: string should match pattern '^[a-z0-9][a-z0-9_-]{0,79}$'",
    "channel_twice": "channel 'kafka' is listed twice",
    "no_channels": "channels: tuple should have at least 1 item after validation, not 0",
    "no_tokens": "tokens: is required",
    "token_twice": "two apps have the same token",
    "unknown_key": "chanels: unknown key",
    "rate_of_zero": "rates.posts_per_second: input should be greater than 0",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(mistake: str) -> None:
    """Each mistake is one sentence with its place, and shows no token."""
    path = HERE / "bad_configs" / f"{mistake}.yaml"
    with pytest.raises(ConfigError) as refused:
        load(path, SlackSettings)
    assert f"{path}: {MISTAKES[mistake]}" in str(refused.value).splitlines()
    assert "xoxb" not in str(refused.value)


def test_every_bad_config_is_in_the_table() -> None:
    """No bad configuration lies about unused."""
    assert {path.stem for path in (HERE / "bad_configs").glob("*.yaml")} == set(MISTAKES)


def test_template_is_good(tmp_path: Path) -> None:
    """The shipped template loads, with the router's channels and token."""
    book = addresses.native(tmp_path)
    template = (addresses.PROJECT / "compose/demo/slack.yaml").read_text()
    path = tmp_path / "slack.yaml"
    path.write_text(Template(template).substitute(book.values))
    settings = load(path, SlackSettings)
    assert [channel.name for channel in settings.channels] == ["kafka", "gateway", "pods", "pipeline", "alerts"]
    assert [app.token.get_secret_value() for app in settings.tokens] == [book["slack_token"]]
    assert settings.listen == book["slack"]


def test_check_config(capsys: pytest.CaptureFixture[str]) -> None:
    """--check-config of a bad file ends with EX_CONFIG and says what is wrong."""
    bad = HERE / "bad_configs" / "unknown_key.yaml"
    assert run("slack", SlackSettings, start, ["--config", str(bad), "--check-config"]) == EXIT_CONFIG
    assert "unknown key" in capsys.readouterr().err
