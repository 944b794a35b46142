"""The report of a game day: one file, true, and safe whatever labels and messages hold."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

from compose.drills import chart
from compose.drills.chart import Line, Window
from compose.drills.course import Course
from compose.drills.report import Day, Played, page

HOSTILE = '<script>alert("1")</script><img src="http://elsewhere/x.png" onerror=alert(2)>'
WINDOW = Window(1000.0, 1300.0, 5.0)
LINE = Line([(1000.0 + 5 * at, 0.1 if at < 20 else 0.6) for at in range(60)], "percentunit", 0.2)
MESSAGE = {
    "ts": "1040.0",
    "text": f"🔥 Firing: {HOSTILE}",
    "attachments": [{"color": "#D92D20", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": HOSTILE}}]}],
}
PASSED = Course(
    "limits",
    began_at=1000.0,
    broken_at=1010.0,
    breached_at=1020.0,
    told_at=1062.5,
    mended_at=1070.0,
    recovered_at=1120.0,
    resolved_at=1151.0,
    ended_at=1152.0,
    firing=MESSAGE,
    over={**MESSAGE, "text": "✅ Resolved", "attachments": [], "edited": {"ts": "1151.0"}},
    thread=({"ts": "1041.0", "text": "1 fired"},),
    link="http://127.0.0.1:18400/archives/C1/p1040",
)
FAILED = Course("cpu", 1200.0, broken_at=1201.0, ended_at=1250.0, problems=(f"also fired: {HOSTILE}",))
PREVENTED = Course("throttled", 1260.0, prevented="only root may make a control group")
DAY = Day(
    7,
    ["limits", "cpu", "throttled", "lag"],
    [Played(PASSED, LINE, WINDOW)] + [Played(course, None, WINDOW) for course in (FAILED, PREVENTED)],
)


class Reader(HTMLParser):
    """Collects elements with their attributes, and the text outside of the style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(html)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Note an element."""
        self._style = tag == "style"
        self.text += " " * (tag in {"td", "th", "tr"})
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        if not self._style:
            self.text += data


def test_it_says_how_the_day_went() -> None:
    """What passed, failed, could not be run and is still to come; the times of each drill; the seed."""
    text = Reader(page(DAY)).text
    assert "1 of 4 passed. Failed: cpu. Not run here: throttled. Still to come: lag." in text
    assert "bongsu game-day --seed 7" in text
    assert "limits GatewayRateLimitRejecting #gateway 42.5 s 31.0 s passed" in text
    assert "00:17:42 62 s Slack has the message" in text
    assert "It can't be run here: only root may make a control group." in text


def test_nothing_is_fetched_and_nothing_runs() -> None:
    """What alerts and messages hold is shown as text; no element loads anything, and a policy forbids it."""
    reader = Reader(page(DAY))
    assert "script" not in {tag for tag, _ in reader.elements}
    assert not [attributes for _, attributes in reader.elements if any(name.startswith("on") for name in attributes)]
    assert not [attributes["src"] for _, attributes in reader.elements if "src" in attributes]
    policies = [attributes["content"] for tag, attributes in reader.elements if attributes.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert HOSTILE in reader.text


def test_the_series_is_drawn_with_its_threshold_and_moments() -> None:
    """A line for each stretch that was measured: what is missing is a gap."""
    gap = Line([point for point in LINE.points if not 1100 < point[0] < 1160], "percentunit", 0.2)
    svg = str(chart.figure("Rejected", gap, WINDOW, [("broken", 1010.0), ("told", 1062.5), ("long ago", 1.0)]))
    assert svg.count("<polyline") == 2
    assert svg.count('class="threshold"') == 1
    assert re.findall(r'<text class="moment"[^>]*>(.*?)</text>', svg) == ["broken", "told"]
    assert 'aria-label="Rejected: 10 % to 60 %, threshold 20 %"' in svg


def test_a_series_without_a_point_is_no_error() -> None:
    """An empty chart has its axes, and says so."""
    assert "no data" in chart.figure("Rejected", Line([], "short", None), WINDOW, [])


def test_a_day_without_a_drill_is_a_page() -> None:
    """Before the first has ended."""
    assert "0 of 1 passed." in Reader(page(Day(1, ["lag"], []))).text
