"""Links out of panels."""

import pytest

from demo.console.interpolate import Choice
from demo.console.links import Here, filled, safe
from demo.console.panels import Link

HERE = Here("now-15m", "now", {"datasource": Choice(("prometheus",)), "pod": Choice(("a", "b"), True, ".*")})


@pytest.mark.parametrize(
    ("url", "labels", "expected"),
    [
        ("/d/x?var-pod=${__field.labels.pod}", {"pod": "a b&c"}, "/d/x?var-pod=a%20b%26c"),
        ('/d/x?var-pod=${__data.fields.pod}&n=${__data.fields["a b"]}', {"pod": "p"}, "/d/x?var-pod=p&n="),
        ("/runbooks/${__field.labels.pod}", {"pod": "../d/x"}, "/runbooks/..%2Fd%2Fx"),
        ("/d/x?${__url_time_range}", {}, "/d/x?from=now-15m&to=now"),
        ("/d/x?${datasource:queryparam}", {}, "/d/x?var-datasource=prometheus"),
        ("/d/x?${pod:queryparam}", {}, "/d/x?var-pod=%24__all"),
        ("${__field.labels.url}", {"url": "javascript:alert(1)"}, None),
        ("javascript:alert(1)", {}, None),
        ("//elsewhere.example/", {}, None),
        ("https://elsewhere.example/x", {}, "https://elsewhere.example/x"),
    ],
)
def test_a_link_is_filled(url: str, labels: dict[str, str], expected: str | None) -> None:
    """A label's value is percent-encoded, and only pages and web addresses are links."""
    assert filled(Link("", url), labels, HERE) == expected


@pytest.mark.parametrize("url", ["", "/\\elsewhere.example", "data:text/html,x", "d/x", "JAVASCRIPT:x", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """An alert's annotation can't make the page run anything or leave for another host unseen."""
    assert safe(url) is None
