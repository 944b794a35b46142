"""docs/configuration.md and the settings models say the same."""

import inspect
import os
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from alerting.config import StoreAddress
from alerting.people import TimeOfDay
from compose.addresses import SLACK_TOKEN
from compose.check import MODELS
from demo.load import scenario
from exporters.exporter import ExporterSettings
from exporters.shard import Shard
from process.command import EXIT_CONFIG
from process.settings import KIND, Address, AtLeastOne, BaseUrl, Pattern, Seconds, Url, load

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

WORDS: Mapping[Any, str] = {
    Address: "`host:port`",
    Seconds: "duration",
    Pattern: "regular expression",
    BaseUrl: "URL",
    Url: "URL",
    Shard: "`i/n`",
    SecretStr: "secret",
    StoreAddress: "path or `postgresql://…`",
    TimeOfDay: "`hh:mm`",
    Path: "path",
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
}
"""What the page calls a type; of those that fit, the first is meant."""


NOT_EMPTY = get_args(AtLeastOne)[1]
"""What makes a list that needs an entry: not a bound that pydantic knows."""


class Row(NamedTuple):
    """One line of a table."""

    type: str
    default: str


def section(heading: str) -> str:
    """What stands below a heading, up to the next."""
    found = re.search(rf"^##+ {heading}\n(.*?)(?=^##+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no section {heading}"
    return found[1]


def documented(heading: str) -> dict[str, Row]:
    """Rows by key; an exporter also has those that all exporters have."""
    text = section(heading)
    if issubclass(DOCUMENTED[heading], ExporterSettings):
        text = section("Exporters") + text
    rows: list[tuple[str, str, str]] = re.findall(
        r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE
    )
    return {key: Row(kind, default) for key, kind, default in rows}


def fields(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of a model and of the models within it: ``routes``, ``routes[].channel`` …

    A model that holds more of itself is gone through once, and one that has a table of its own is left to it. A key
    that several kinds of a section have comes once for each of them; they share its row.
    """
    for name, field in model.model_fields.items():
        yield before + name, field
        inside = list(pieces(whole(field)))
        for piece in inside:
            if is_section(piece) and piece is not model and piece not in APART:
                yield from fields(piece, f"{before}{name}{'[]' if tuple in inside else ''}.")


def apart(program: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Sections of one ``kind`` that have a table of their own, by its heading: ``pod_cpu: docker``."""
    for field in model.model_fields.values():
        for piece in pieces(whole(field)):
            if is_section(piece) and "kind" in piece.model_fields:
                (kind,) = get_args(piece.model_fields["kind"].annotation)
                if f"# {program}: {kind}\n" in PAGE:
                    yield f"{program}: {kind}", piece


def whole(field: FieldInfo) -> Any:
    """The annotation of a field as it was written, constraints included."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def pieces(annotation: Any) -> Iterator[Any]:
    """An annotation taken apart: its types and its constraints."""
    if isinstance(annotation, FieldInfo):
        yield from annotation.metadata
        return
    yield get_origin(annotation) or annotation
    for argument in get_args(annotation):
        yield from pieces(argument)


def is_section(piece: Any) -> bool:
    return inspect.isclass(piece) and issubclass(piece, BaseModel)


SECTIONS = {heading: section for file, model in MODELS.items() for heading, section in apart(Path(file).stem, model)}
APART = frozenset(SECTIONS.values())

DOCUMENTED: Mapping[str, type[BaseModel]] = {
    **{Path(file).stem: model for file, model in MODELS.items()},
    **SECTIONS,
    "Scenario files": scenario.ScenarioFile,
}
"""Model by the heading of its section."""


def word(field: FieldInfo) -> str:
    """What the page has to call the type of a field."""
    inside = list(pieces(whole(field)))
    if Literal in inside:
        choices = " or ".join(f"`{piece}`" for piece in inside if isinstance(piece, str))
        return f"list of {choices}" if tuple in inside else choices
    for piece in inside:
        if inspect.isclass(piece) and issubclass(piece, Enum):
            return " or ".join(f"`{choice}`" for choice in piece)
    if any(is_section(piece) for piece in inside):
        return "list of sections" if tuple in inside else "section"
    if dict in inside:
        return "map of names"
    known = next(text for kind, text in WORDS.items() if all(piece in inside for piece in pieces(kind)))
    return f"list of {known}" if tuple in inside else known


def bounds(field: FieldInfo) -> set[float]:
    """The numbers that constrain a field."""
    inside = list(pieces(whole(field)))
    names = ("gt", "ge", "lt", "le", "min_length", "max_length")
    numbers = (getattr(piece, name, None) for piece in inside for name in names)
    found = {float(number) for number in numbers if number is not None}
    return found | {1.0} if NOT_EMPTY in inside else found


CASES = [
    pytest.param(heading, key, field, id=f"{heading}-{key}")
    for heading, model in DOCUMENTED.items()
    for key, field in fields(model)
]


@pytest.mark.parametrize("heading", DOCUMENTED)
def test_each_key_has_its_row(heading: str) -> None:
    """No key is missing and none is left over."""
    assert sorted(documented(heading)) == sorted(dict(fields(DOCUMENTED[heading])))


@pytest.mark.parametrize(("heading", "key", "field"), CASES)
def test_the_default_is_that_of_the_model(heading: str, key: str, field: FieldInfo) -> None:
    """A key is called required when it is, and else the value that is shown means the same as leaving it out.

    One that only some kinds of a section require is not.
    """
    shown = documented(heading)[key].default
    required = all(found.is_required() for name, found in fields(DOCUMENTED[heading]) if name == key)
    if required or shown == "required":
        assert (shown == "required") == required
    elif field.is_required():
        assert shown == "none"
    elif field.default is None or shown == "none":
        assert (shown == "none") == (field.default is None)
    else:
        written = yaml.safe_load(shown.strip("`"))
        assert TypeAdapter(whole(field)).validate_python(written) == field.default


def kinds(heading: str, key: str) -> list[str]:
    """What a key of choices may be in any kind of its section."""
    found = [field for name, field in fields(DOCUMENTED[heading]) if name == key]
    return [choice for field in found for choice in get_args(field.annotation)]


@pytest.mark.parametrize(("heading", "key", "field"), CASES)
def test_the_type_is_that_of_the_model(heading: str, key: str, field: FieldInfo) -> None:
    """The type is called by its name, and every number beside it is a bound that the model has."""
    shown = documented(heading)[key].type
    if key.endswith(f".{KIND}"):
        assert shown == " or ".join(f"`{kind}`" for kind in kinds(heading, key))
        return
    assert re.match(rf"{re.escape(word(field))}(,|$)", shown), f"{shown!r} should begin with {word(field)!r}"
    told = shown.removeprefix(word(field)).replace("not empty", "1")
    assert {float(number) for number in re.findall(r"\d+(?:\.\d+)?", told)} == bounds(field)


@pytest.mark.parametrize("heading", DOCUMENTED)
def test_the_example_is_valid(heading: str, tmp_path: Path) -> None:
    """What a reader copies is what the process takes."""
    os.environ[SLACK_TOKEN] = "xoxb-of-the-environment"  # wins over the file of the router's, which is not here
    examples: list[str] = re.findall(r"^```yaml\n(.*?)^```$", section(heading), re.MULTILINE | re.DOTALL)
    assert examples
    file = tmp_path / "example.yaml"
    for example in examples:
        os.environ |= dict.fromkeys(re.findall(r"_env: (\w+)", example), "of-the-environment")
        file.write_text(example, encoding="utf-8")
        load(file, DOCUMENTED[heading])
        if heading == "Scenario files":
            scenario.read(file)


def test_each_variable_of_the_environment_is_on_the_page() -> None:
    """What the code reads is in the table; names that it only sets for its children stand before a colon."""
    folders = ("process", "exporters", "alerting", "compose", "demo-services")
    sources = [path.read_text(encoding="utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py")]
    read = {name for source in sources for name in re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"(?!:)', source)}
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", section("Environment"), re.MULTILINE)) == read


def test_the_exit_code_is_on_the_page() -> None:
    """What a supervisor is told not to restart after is the code that the processes end with."""
    assert f"RestartPreventExitStatus={EXIT_CONFIG}" in PAGE
