"""A settings file becomes a model, or a message that names every mistake."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from process.settings import (
    Address,
    BaseUrl,
    ConfigError,
    Pattern,
    Seconds,
    Settings,
    load,
    once_each,
    place,
    secret,
)


class Inner(Settings):
    """A nested table."""

    url: BaseUrl
    every: Seconds = 5.0


class Sample(Settings):
    """Every kind of value that our processes read."""

    listen: Address
    match: Pattern = ".*"
    inner: tuple[Inner, ...] = ()
    token: SecretStr | None = None


def read(tmp_path: Path, text: str) -> Sample:
    """Load a text as a settings file."""
    path = tmp_path / "sample.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, Sample)


def test_a_good_file_becomes_a_model(tmp_path: Path) -> None:
    """Durations are seconds, base URLs lose their trailing slash, defaults fill the rest."""
    sample = read(
        tmp_path, "listen: 127.0.0.1:9000\ninner: [{url: 'http://a/', every: 500ms}, {url: 'https://b/c', every: 2m}]"
    )
    assert sample == Sample(
        listen="127.0.0.1:9000", inner=(Inner(url="http://a", every=0.5), Inner(url="https://b/c", every=120))
    )


def test_a_merged_key_may_be_given_again(tmp_path: Path) -> None:
    """``<<`` brings defaults in, also through two mappings; what stands beside it wins."""
    text = "listen: a:1\ninner: [&a {url: 'http://a', every: 1}, &b {<<: *a, every: 2}, {<<: *b, every: 3}]"
    assert [inner.every for inner in read(tmp_path, text).inner] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("listen: here", "listen: 'here' is not host:port with a port from 1 to 65535"),
        ("listen: a:0", "listen: 'a:0' is not host:port with a port from 1 to 65535"),
        ("listen: a:70000", "listen: 'a:70000' is not host:port with a port from 1 to 65535"),
        ("listen: tcp://a:1", "listen: 'tcp://a:1' is not host:port with a port from 1 to 65535"),
        ("listen: a:1,b:1", "listen: 'a:1,b:1' is not host:port with a port from 1 to 65535"),
        ("lisen: a:1", "listen: is required\nlisen: unknown key"),
        (
            "listen: a:1\nmatch: '('",
            "match: '(' is not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        ("listen: a:1\ninner: [{url: 'ftp://x'}]", "inner[0].url: 'ftp://x' is not an http:// or https:// URL"),
        ("listen: a:1\ninner: once", "inner: must be a list"),
        ("listen: a:1\ninner: [{url: 'http://x', evry: 1}]", "inner[0].evry: unknown key"),
        (
            "listen: a:1\ninner: [{url: 'http://x', every: soon}]",
            "inner[0].every: 'soon' is not a duration such as 500ms, 5s, 2m or 1h",
        ),
        ("listen: a:1\ninner: [{url: 'http://x', every: 0}]", "inner[0].every: must be longer than 0s"),
        (
            "listen: a:1\ninner: [{url: 'http://x', every: true}]",
            "inner[0].every: True is not a duration such as 500ms, 5s, 2m or 1h",
        ),
        *(
            (
                f"listen: a:1\ninner: [{{url: 'http://x', every: {value}}}]",
                "inner[0].every: must be a number of seconds, and shorter than a century",
            )
            for value in (".inf", ".nan", "9" * 400, "9" * 400 + "s")
        ),
        ("listen: a:1\nmatch: 2024-02-30", "holds a value that is none: day is out of range for month"),
        ("[" * 3000, "is nested too deeply"),
        ("listen: a:1\nlisten: a:2", "is not valid YAML at line 2, column 1: key 'listen' is given twice"),
        (
            "listen: a:1\ninner: [{url: 'http://x', url: 'http://y'}]",
            "is not valid YAML at line 2, column 27: key 'url' is given twice",
        ),
        ("[1, 2]", "must be a mapping of keys to values"),
        ("", "must be a mapping of keys to values"),
        ("listen: [a", "is not valid YAML at line 1, column 11: expected ',' or ']', but got '<stream end>'"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    """Every mistake is on a line of its own: file, dotted place, what is wrong."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    path = tmp_path / "sample.yaml"
    assert str(caught.value) == "\n".join(f"{path}: {line}" for line in message.splitlines())


@pytest.mark.parametrize(
    ("loc", "written"),
    [((), ""), (("listen",), "listen"), (("inner", 0, "url"), "inner[0].url"), ((1, "url"), "[1].url")],
)
def test_a_place_is_written_as_people_do(loc: tuple[int | str, ...], written: str) -> None:
    """Keys after dots, positions in brackets."""
    assert place(loc) == written


def test_what_is_listed_twice_is_named() -> None:
    """The first that comes again; names that differ pass."""
    once_each("channel", ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"^channel 'b' is listed twice$"):
        once_each("channel", ["a", "b", "c", "b", "c"])


def test_an_unreadable_file_is_said_so(tmp_path: Path) -> None:
    """Missing, a folder, and not text: each is one sentence."""
    with pytest.raises(ConfigError, match=r"none\.yaml: can't be read: No such file or directory"):
        load(tmp_path / "none.yaml", Sample)
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load(tmp_path, Sample)
    (tmp_path / "binary.yaml").write_bytes(b"listen: \xff")
    with pytest.raises(ConfigError, match=r"is not UTF-8 text \(byte 8\)"):
        load(tmp_path / "binary.yaml", Sample)


def test_a_mistake_beside_a_secret_does_not_print_it(tmp_path: Path) -> None:
    """No message and no repr shows what a secret holds."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "listen: wrong\ntoken: xoxb-very-secret")
    assert "xoxb" not in str(caught.value)
    assert "xoxb" not in repr(read(tmp_path, "listen: a:1\ntoken: xoxb-very-secret"))


def test_a_secret_comes_from_the_environment_then_the_file_then_the_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest to the process wins; a file that can't be read is named, its content never."""
    file = tmp_path / "token"
    file.write_text("from-file\n", encoding="utf-8")
    value = SecretStr("from-value")
    assert secret(None, None, "SAMPLE_TOKEN") is None
    assert secret(value, None, "SAMPLE_TOKEN") == value
    assert secret(value, file, "SAMPLE_TOKEN") == SecretStr("from-file")
    with pytest.raises(ValueError, match="can't be read: No such file or directory"):
        secret(value, tmp_path / "none", "SAMPLE_TOKEN")
    monkeypatch.setenv("SAMPLE_TOKEN", "from-environment")
    assert secret(value, file, "SAMPLE_TOKEN") == SecretStr("from-environment")
