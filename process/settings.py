"""A YAML file becomes a frozen model, or one error that lists every mistake with its dotted place."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)
ItemT = TypeVar("ItemT")

CENTURY = 100 * 365 * 24 * 3600.0
"""Seconds. No clock or date can be moved by much more than that."""


KIND = "kind"
"""Key that tells apart the sections of a list that may be of several kinds: pydantic's discriminator."""


class Settings(BaseModel):
    """Base of every settings model: unknown keys are refused, values do not change after load."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ConfigError(Exception):
    """The settings can't be used; ``str()`` is what a person reads, one line a mistake.

    ``problems`` holds ``(dotted place, message)`` pairs; the place is empty when the file as a whole is at fault.
    """

    def __init__(self, path: Path, problems: list[tuple[str, str]]) -> None:
        """Keep the file and its mistakes."""
        self.path = path
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(f"{path}: {place}: {text}" if place else f"{path}: {text}" for place, text in problems)
        )


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice in one mapping, of which PyYAML would silently keep the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if (name := str(key.value)) in seen:
                raise yaml.composer.ComposerError(None, None, f"key {name!r} is given twice", key.start_mark)
            seen.add(name)
        return node


def load(path: Path, model: type[ModelT]) -> ModelT:
    """Read `path` as YAML into `model`.

    Raises ConfigError when the file can't be read, is not YAML, is not a mapping, or does not fit the model.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(path, [("", f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, [("", f"is not UTF-8 text (byte {error.start})")]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(path, [("", f"is not valid YAML{where}: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise ConfigError(path, [("", f"is not valid YAML: {error}")]) from error
    except ValueError as error:  # such as the date 2024-02-30
        raise ConfigError(path, [("", f"holds a value that is none: {error}")]) from error
    except RecursionError as error:
        raise ConfigError(path, [("", "is nested too deeply")]) from error
    if not isinstance(raw, Mapping):
        raise ConfigError(path, [("", "must be a mapping of keys to values")])
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(path, [_problem(detail, raw) for detail in error.errors()]) from error


def place(loc: tuple[int | str, ...]) -> str:
    """Write a pydantic error's ``loc`` as people do: ``inner[0].url``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _problem(detail: Any, raw: Any) -> tuple[str, str]:
    loc, kind = _written(detail["loc"], raw), detail["type"]
    match kind:
        case "union_tag_not_found":
            return place((*loc, KIND)), "is required"
        case "union_tag_invalid":
            return place((*loc, KIND)), f"must be one of {detail['ctx']['expected_tags']}"
        case _:
            return place(loc), _sentence(kind, detail["msg"])


def _written(loc: tuple[int | str, ...], raw: Any) -> tuple[int | str, ...]:
    """Leave out of a pydantic ``loc`` the kinds of sections: they are no keys of the file."""
    kept: list[int | str] = []
    for part in loc:
        if isinstance(raw, Mapping) and part not in raw and part == raw.get(KIND):
            continue
        kept.append(part)
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            raw = None
    return tuple(kept)


def _sentence(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "is required"
        case "tuple_type":
            return "must be a list"
        case "model_type":
            return "must be a section: keys and values"
        case "value_error":
            return message.removeprefix("Value error, ")
        case _:
            return message[:1].lower() + message[1:]


def _address(value: str) -> str:
    # a URL and a list of addresses are no host
    match = re.fullmatch(r"[^\s/,@]+:([0-9]{1,5})", value)
    if not match or not 0 < int(match[1]) < 65536:
        raise ValueError(f"{value!r} is not host:port with a port from 1 to 65535")
    return value


def _duration(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    else:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(value))
        if not match:
            raise ValueError(f"{value!r} is not a duration such as 500ms, 5s, 2m or 1h")
        seconds = float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[match[2]]
    if seconds <= 0:
        raise ValueError("must be longer than 0s")
    if not seconds < CENTURY:  # .nan and .inf are numbers in YAML
        raise ValueError("must be a number of seconds, and shorter than a century")
    return float(seconds)


def pattern(value: str) -> str:
    """Return `value`, the source of a regular expression; raise ValueError when it does not compile."""
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from error
    return value


def _not_empty(value: tuple[ItemT, ...]) -> tuple[ItemT, ...]:
    if not value:
        raise ValueError("needs at least one entry")
    return value


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", value):
        raise ValueError(f"{value!r} is not an http:// or https:// URL")
    return value


def _base_url(value: str) -> str:
    return _url(value).rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
"""``host:port``."""

Seconds = Annotated[float, BeforeValidator(_duration)]
"""A duration in seconds, written as a number or as ``500ms``, ``5s``, ``2m``, ``1h``."""

Pattern = Annotated[str, AfterValidator(pattern)]
"""The source of a regular expression that compiles."""

Url = Annotated[str, AfterValidator(_url)]
"""An http(s) URL, kept as it is written."""

BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""An http(s) URL without a trailing slash."""

AtLeastOne = Annotated[tuple[ItemT, ...], AfterValidator(_not_empty)]
"""A list that is not empty. (Field(min_length=1) would also complain of the length when an entry is wrong.)"""


def once_each(what: str, names: Iterable[str]) -> None:
    """Raise ValueError when one of `names` comes again; `what` is the kind of thing that they name."""
    again = [name for name, count in Counter(names).items() if count > 1]
    if again:
        raise ValueError(f"{what} {again[0]!r} is listed twice")


def secret(value: SecretStr | None, file: Path | None, variable: str | None = None) -> SecretStr | None:
    """Find a secret: the environment `variable`, if there is one, wins, then `file`, then `value`; None without any.

    Raises ValueError when the file is named and can't be read (the message never shows content).
    """
    if variable and (found := os.environ.get(variable)):
        return SecretStr(found)
    if file is None:
        return value
    try:
        return SecretStr(file.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ValueError(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text (byte {error.start})") from None


def required_secret(key: str, value: SecretStr | None, file: Path | None, variable: str | None) -> SecretStr:
    """Find the secret of `key`, which the settings have beside ``<key>_file`` and ``<key>_env``.

    Raises ValueError that says what is missing.
    """
    found = secret(value, file, variable)
    if found is not None and found.get_secret_value():
        return found
    if file is not None:
        raise ValueError(f"no {key}: {file} is empty")
    if variable is not None:
        raise ValueError(f"no {key}: the environment variable {variable} is not set")
    raise ValueError(f"no {key}: set {key}_env, {key}_file or {key}")
