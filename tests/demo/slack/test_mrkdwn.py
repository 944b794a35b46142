"""mrkdwn to HTML."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.slack.mrkdwn import mrkdwn, plain, safe_url

TEXTS = [
    ("plain", "plain"),
    ("*bold* and _it_ and ~no~", "<b>bold</b> and <i>it</i> and <s>no</s>"),
    ("*_both_*", "<b><i>both</i></b>"),
    ("2*3*4 snake_case_name a~b~c", "2*3*4 snake_case_name a~b~c"),
    ("* not bold", "* not bold"),
    ("`*code*`", "<code>*code*</code>"),
    ("```\na < b\n```", "<pre>a &lt; b</pre>"),
    ("one\ntwo", "one<br>two"),
    ("> quoted\nnot", "<blockquote>quoted</blockquote>not"),
    ("&gt; a\n&gt; b", "<blockquote>a<br>b</blockquote>"),
    ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
    ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ("&amp;lt;", "&amp;lt;"),
    (
        "<https://x.y/?a=1&amp;b=2|here>",
        '<a href="https://x.y/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">here</a>',
    ),
    ("<https://x.y>", '<a href="https://x.y" target="_blank" rel="noopener noreferrer">https://x.y</a>'),
    ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
    ('<https://x" onclick="a()|x>', None),
    ("<!here> <@U1> <#C1|kafka>", None),
    (
        "<!date^1800000000^{date_short_pretty} at {time_secs}|noon>",
        '<time datetime="2027-01-15T08:00:00Z" data-format="{date_short_pretty} at {time_secs}">noon</time>',
    ),
    (
        "*<!date^0^{ago}^https://x.y/?a=1&amp;b=2|a &amp; b>*",
        '<b><a href="https://x.y/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">'
        '<time datetime="1970-01-01T00:00:00Z" data-format="{ago}">a &amp; b</time></a></b>',
    ),
    (
        """<!date^1^{time}" onload="a('&lt;')|x>""",
        '<time datetime="1970-01-01T00:00:01Z" data-format="{time}&quot; onload=&quot;a(&#x27;&lt;&#x27;)">x</time>',
    ),
    (":fire:", '<span role="img" aria-label="fire">🔥</span>'),
    (":not_known: 10:30:20", ":not_known: 10:30:20"),
]


@pytest.mark.parametrize(("text", "html"), [(text, html) for text, html in TEXTS if html])
def test_renders(text: str, html: str) -> None:
    """Each mark becomes its tag, and everything else stays text."""
    assert str(mrkdwn(text)) == html


@pytest.mark.parametrize(
    "date",
    [
        "!date",
        "!date^1800000000",
        "!date^1800000000^",
        "!date^1800000000^at noon",
        "!date^1800000000^{noon}",
        "!date^1800000000^{date} {constructor}",
        "!date^1800000000^{date",
        "!date^1800000000^{{date}}",
        "!date^^{date}",
        "!date^soon^{date}",
        "!date^-1^{date}",
        "!date^1800000000.5^{date}",
        "!date^١٨^{date}",
        "!date^180000000000^{date}",
        "!date^1800000000^{date}^",
        "!date^1800000000^{date}^javascript:a()",
        "!dates^1800000000^{date}",
    ],
)
def test_an_ill_formed_date_shows_its_fallback(date: str) -> None:
    """What is no date by Slack's syntax shows its fallback, and as it is when it has none."""
    assert str(mrkdwn(f"<{date}|a &amp; b>")) == "a &amp; b"
    assert str(mrkdwn(f"<{date}>")) == f"&lt;{date}&gt;"


def test_a_date_needs_a_fallback() -> None:
    """The fallback is not optional: a date without one is ill-formed."""
    assert str(mrkdwn("<!date^1800000000^{date}>")) == "&lt;!date^1800000000^{date}&gt;"


def test_mentions() -> None:
    """Mentions are marked and show their label."""
    assert re.sub("<[^>]+>", "", str(mrkdwn("<!here> <@U1|ann> <#C1|kafka>"))) == "@here @ann #kafka"


def test_quote_in_a_link_stays_in_its_attribute() -> None:
    """A quotation mark in a URL can't end the attribute."""
    assert 'href="https://x&quot; onclick=&quot;a()"' in str(mrkdwn('<https://x" onclick="a()|x>'))


def test_plain_text_is_not_formatted() -> None:
    """plain_text knows emoji and line ends, no marks; what is escaped in it is shown as what it is."""
    assert str(plain("*a* &lt;\n:x:")) == '*a* &lt;<br><span role="img" aria-label="x">❌</span>'


ALLOWED = re.compile(
    r"</?(b|i|s|br|pre|code|blockquote|span)>"
    r'|<span (class="mention"|role="img" aria-label="[a-z0-9_+-]+")>'
    r'|<time datetime="[0-9TZ:-]{20}" data-format="[^"<>]*">|</time>'
    r'|<a href="(https?://|mailto:)[^"<>]*" target="_blank" rel="noopener noreferrer">|</a>',
    re.IGNORECASE,
)


@given(
    st.text(alphabet="<>|&;*_~`:\n\"'!@#/ abjhtps.lgtx", max_size=60)
    | st.text(max_size=40)
    | st.from_regex(
        r"<!date\^[0-9]{1,3}\^[^|<>^{}]*\{(time|ago)\}[^|<>^{}]*(\^https://[^|<>]*)?\|[^<>]*>", fullmatch=True
    )
)
def test_no_other_tag_comes_out(text: str) -> None:
    """Whatever comes in, no angle bracket comes out but those of the known tags."""
    for html in (str(mrkdwn(text)), str(plain(text))):
        assert not re.search("[<>]", ALLOWED.sub("", html))


@pytest.mark.parametrize("url", ["javascript:x", " JavaScript:x", "data:text/html,x", "//x", "/x", "", None, 3])
def test_unsafe_urls(url: object) -> None:
    """Only http, https and mailto URLs are links."""
    assert safe_url(url) == ""


@pytest.mark.timeout(5)
def test_long_hostile_text_is_fast() -> None:
    """Text of 40 000 marks takes no more than a moment."""
    for mark in ("*", "_", "`", "```", "<", ":a", "~*_", "> "):
        mrkdwn(mark * (40_000 // len(mark)))
