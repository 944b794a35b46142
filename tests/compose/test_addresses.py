"""One set of templates, two address books: both fill every file, and what they fill in fits together."""

from pathlib import Path

import pytest
import yaml

from compose import render
from compose.addresses import CONTAINERS, OFFSETS, PROJECT, PUBLISHED, AddressBook, containers, native

BOOKS = [native(Path("/tmp/home")), containers(Path("/tmp/config"))]


@pytest.mark.parametrize("book", BOOKS, ids=["native", "containers"])
@pytest.mark.parametrize("name", render.FILES)
def test_every_template_is_filled(book: AddressBook, name: str) -> None:
    """No name is missing from either book and YAML stays YAML."""
    text = render.render(name, book)
    assert "${" not in text
    if name.endswith((".yaml", ".yml")):
        assert yaml.safe_load(text)


def test_every_template_is_listed() -> None:
    """A configuration file that is not in the list would never be written."""
    kinds = ("alerting", "alertmanager", "demo", "envoy", "exporters", "kafka", "prometheus")
    found = {
        str(path.relative_to(render.TEMPLATES))
        for kind in kinds
        for path in (render.TEMPLATES / kind).iterdir()
        if path.suffix != ".xml"
    }
    assert found == set(render.FILES)


def test_both_ways_to_run_know_the_same_parts() -> None:
    """A part that only one way can reach would be missing from the other."""
    assert OFFSETS.keys() == CONTAINERS.keys()
    assert len(set(OFFSETS.values())) == len(OFFSETS)


def test_ports_move_together() -> None:
    """Two stacks on one machine differ by their port base alone."""
    first, second = native(Path("/a"), 18000), native(Path("/a"), 19000)
    assert {name: int(second[f"{name}_port"]) - int(first[f"{name}_port"]) for name in OFFSETS} == dict.fromkeys(
        OFFSETS, 1000
    )


def test_containers_listen_where_others_look_for_them() -> None:
    """The port that a container listens on is the one in its address."""
    book = containers(Path("/c"))
    for name, address in CONTAINERS.items():
        assert book[f"listen_{name}"] == f"0.0.0.0:{address.rpartition(':')[2]}"


def test_no_otlp_receiver_means_no_spans() -> None:
    """Without a receiver the gateway samples nothing; with one, everything goes there."""
    assert native(Path("/a"))["trace_percent"] == "0"
    book = native(Path("/a"), otlp="collector:4318")
    assert (book["trace_percent"], book["otlp_host"], book["otlp_port"]) == ("100", "collector", "4318")


def test_the_real_slack_in_place_of_the_workspace() -> None:
    """Its address is in the book, its token never is: the router takes it from its environment."""
    book = native(Path("/a"))
    assert (book["slack_api"], book.real_slack) == ("http://127.0.0.1:18400/api/", False)
    for book in (native(Path("/a"), real_slack=True), containers(Path("/a"), real_slack=True)):
        assert (book["slack_api"], book.real_slack) == ("https://slack.com/api/", True)
        assert (book["slack_token"], book["slack_page"]) == ("", "null")
        assert book["slack_url"] == "https://app.slack.com/client"


def test_the_published_pages_are_those_of_the_native_stack() -> None:
    """The same URL is the same page, whichever way it runs; only Grafana is a container's alone."""
    book = native(Path("/a"))
    assert {name: book[name] for name in PUBLISHED if name != "dashboards_url"} == {
        name: url for name, url in PUBLISHED.items() if name != "dashboards_url"
    }


def test_a_name_that_no_book_has_is_an_error(tmp_path: Path) -> None:
    """A typing error in a template is found when it is rendered, not by the part that reads it."""
    book = AddressBook({}, tmp_path)
    with pytest.raises(KeyError, match="listen_users"):
        render.render("demo/users.yaml", book)


def test_files_are_written_where_the_parts_look(tmp_path: Path) -> None:
    """Each file keeps its path below compose/."""
    book = native(tmp_path)
    written = render.write(book, ("prometheus/prometheus.yml",))
    assert written == [tmp_path / "config/prometheus/prometheus.yml"]
    rules = yaml.safe_load(written[0].read_text(encoding="utf-8"))["rule_files"]
    assert rules == [f"{PROJECT}/alerting/rules/*.yml"]
