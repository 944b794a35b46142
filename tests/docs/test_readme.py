"""The two READMEs say the same, and what the pages name is there."""

import re
from pathlib import Path

import pytest

from exporters.catalog import EXPORTERS

ROOT = Path(__file__).parent.parent.parent
ENGLISH, KOREAN = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))

PAGES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.md") if not {".venv", ".bongsu"} & set(path.parts))

SEVEN = ("seven dashboards", "대시보드 일곱")
"""How many dashboards there are, in both languages."""


def links(page: str) -> list[str]:
    """Files of the repository that a page links to, in order, without the place in them."""
    return [target for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page) if not target.startswith("http")]


def commands(page: str) -> list[str]:
    """What stands in its shell blocks, without the comments."""
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [line.partition("#")[0].rstrip() for block in blocks for line in block.splitlines()]


def names(page: str) -> set[str]:
    """Everything set as code, and every address."""
    text = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`[^`]+`|https?://[a-z0-9.:/]*[a-z0-9]|#[a-z]+", text))


def test_both_link_to_the_same() -> None:
    """In the same order but for each other."""
    other = {"README.ko.md", "README.md"}
    assert [link for link in links(ENGLISH) if link not in other] == [
        link for link in links(KOREAN) if link not in other
    ]
    assert other == set(links(ENGLISH) + links(KOREAN)) & other


def test_both_have_the_same_commands() -> None:
    """To be copied line by line."""
    assert commands(ENGLISH) == commands(KOREAN)


def test_both_name_the_same() -> None:
    """Settings, files, addresses and channels, however the sentence around them goes."""
    assert names(ENGLISH) == names(KOREAN)


def test_the_number_of_dashboards_is_right() -> None:
    """Both count them."""
    assert len(list((ROOT / "dashboards/json").glob("*.json"))) == 7
    assert all(words in page for words, page in zip(SEVEN, (ENGLISH, KOREAN), strict=True))


def test_every_exporter_is_named() -> None:
    """The map of the folders has each."""
    assert {f"`{exporter}`" for exporter in EXPORTERS} <= names(ENGLISH)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_what_a_page_names_is_there(page: Path) -> None:
    """Files that it links to, and targets of make."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [link for link in links(text) if not (ROOT / page.parent / link).exists()] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    lines = "\n".join(commands(text))
    called = re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", lines, re.MULTILINE)
    assert set(called) <= targets
