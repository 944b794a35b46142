"""The way to Slack: through the environment's proxy where there is one, and never for this machine."""

import pytest

from alerting.slack import proxy


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3129")
    monkeypatch.setenv("NO_PROXY", "internal.example")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://slack.com/api/", "http://proxy.example:3128"),
        ("http://slack.other/api/", "http://proxy.example:3129"),
        ("https://slack.internal.example/api/", None),
        ("http://127.0.0.1:18400/api/", None),
        ("http://localhost:18400/api/", None),
        ("http://[::1]:18400/api/", None),
    ],
)
def test_only_what_is_outside_goes_through_the_proxy(url: str, expected: str | None) -> None:
    """Loopback never, NO_PROXY as it says, everything else by its scheme."""
    assert proxy(url) == expected


def test_without_a_proxy_nothing_is_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, no proxy."""
    monkeypatch.delenv("HTTPS_PROXY")
    assert proxy("https://slack.com/api/") is None
