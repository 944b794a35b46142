"""Dashboards' JSON into dataclasses."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo.console.panels import KINDS, Broken, DashboardError, load, parse

ROOT = Path(__file__).parents[3]


def test_every_dashboard_of_the_project_is_drawn_whole() -> None:
    """No file is broken, no panel is of a type that the console can't draw, and each panel asks something."""
    good, broken = load(ROOT / "dashboards" / "json")
    assert not broken
    panels = [panel for dashboard in good for panel in dashboard.panels]
    assert {panel.kind for panel in panels} <= set(KINDS)
    assert all(panel.targets for panel in panels if panel.kind not in ("row", "text"))


def test_panels_come_in_reading_order() -> None:
    """By row, then by column; those of a collapsed row follow it."""
    text = json.dumps(
        {
            "uid": "d",
            "title": "D",
            "panels": [
                {"type": "stat", "title": "right", "gridPos": {"x": 12, "y": 0, "w": 12, "h": 4}},
                {"type": "row", "title": "row", "gridPos": {"y": 9}, "panels": [{"type": "stat", "title": "inside"}]},
                {"type": "stat", "title": "left", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 4}},
            ],
        }
    )
    assert [panel.title for panel in parse(text).panels] == ["left", "right", "row", "inside"]


def test_null_is_nothing() -> None:
    """Grafana writes null for what isn't set."""
    text = (
        '{"uid": "d", "title": "D", "description": null, "panels": [{"type": "stat", "title": null, "options": null}]}'
    )
    assert parse(text).panels[0].calculation == "lastNotNull"


MISTAKES: dict[str, tuple[Any, str]] = {
    "no uid": ({"title": "D"}, "uid: Field required"),
    "a target without a query": (
        {"uid": "d", "title": "D", "panels": [{"type": "stat"}, {"type": "stat", "targets": [{"refId": "A"}]}]},
        "panels.1.targets.0.expr: Field required",
    ),
    "a width that is a word": (
        {"uid": "d", "title": "D", "panels": [{"type": "stat", "gridPos": {"w": "wide"}}]},
        "panels.0.gridPos.w: Input should be a valid integer",
    ),
    "a variable's regex": (
        {"uid": "d", "title": "D", "templating": {"list": [{"name": "v", "type": "query", "regex": "/a(/"}]}},
        "templating.list.0.regex: Value error, '/a(/' is not a regular expression: missing ), unterminated subpattern",
    ),
    "an override's regex": (
        {
            "uid": "d",
            "title": "D",
            "panels": [
                {"type": "stat", "fieldConfig": {"overrides": [{"matcher": {"id": "byRegexp", "options": "a("}}]}}
            ],
        },
        "panels.0.fieldConfig.overrides.0: Value error, 'a(' is not a regular expression",
    ),
    "not an object": ([], "Input should be an object"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place(mistake: str) -> None:
    """The dotted place of the JSON, then what is wrong there."""
    content, message = MISTAKES[mistake]
    with pytest.raises(DashboardError) as caught:
        parse(json.dumps(content))
    assert str(caught.value).startswith(message)


def test_a_broken_file_costs_only_itself(tmp_path: Path) -> None:
    """The other dashboards are there; each broken file is named with its reason."""
    (tmp_path / "a.json").write_text('{"uid": "a", "title": "A"}')
    (tmp_path / "b.json").write_text('{"uid": "b", ')
    (tmp_path / "c.json").write_bytes(b"\xff\xfe")
    (tmp_path / "d.json").write_text('{"uid": "a", "title": "Another A"}')
    (tmp_path / "e.json").mkdir()
    good, broken = load(tmp_path)
    assert [dashboard.uid for dashboard in good] == ["a"]
    assert [file.file for file in broken] == ["b.json", "c.json", "d.json", "e.json"]
    assert broken[2] == Broken("d.json", "has the uid a of another file")
    assert broken[3] == Broken("e.json", "can't be read: Is a directory")


def test_a_folder_that_is_not_there_has_no_dashboards(tmp_path: Path) -> None:
    """No folder, no dashboards, no error: the page says that there are none."""
    assert load(tmp_path / "nowhere") == ((), ())
