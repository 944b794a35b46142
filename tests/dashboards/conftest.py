"""The committed dashboards, taken apart: one case a panel."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "dashboards" / "json"
BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


@dataclass(frozen=True)
class Panel:
    """One panel of the committed JSON, and the board that it is on."""

    board: dict[str, Any]
    json: dict[str, Any]

    @property
    def defaults(self) -> dict[str, Any]:
        """Field options of all its series."""
        return dict(self.json["fieldConfig"]["defaults"])

    @property
    def expressions(self) -> list[str]:
        """PromQL of its queries."""
        return [target["expr"] for target in self.json["targets"]]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Threshold steps that have a value: the first has none, it is the colour below all others."""
        return [step for step in self.defaults["thresholds"]["steps"] if step["value"] is not None]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `board` or `panel` runs once for each that is committed."""
    if "board" in metafunc.fixturenames:
        metafunc.parametrize("board", BOARDS.values(), ids=BOARDS)
    if "panel" in metafunc.fixturenames:
        panels = [
            pytest.param(Panel(board, panel), id=f"{uid}: {panel['title']}")
            for uid, board in BOARDS.items()
            for panel in board["panels"]
            if panel["type"] != "row"
        ]
        metafunc.parametrize("panel", panels)


@pytest.fixture
def boards() -> dict[str, Any]:
    """Every dashboard by its uid."""
    return BOARDS
