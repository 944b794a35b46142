"""A scenario: who asks for what how often, and what is broken meanwhile."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from process.settings import ConfigError, Seconds, Settings, load

SHIPPED = Path(__file__).parent / "scenarios"

Kind = Literal["order", "question", "me", "answer"]
"""What a client asks for: POST /orders, POST /questions, GET /users/me, GET /answers/{id}."""


def _client(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", name):
        raise ValueError(f"{name!r} is not a user name: a to z, 0 to 9 and -, a letter first, at most 32")
    return name


class Stream(Settings):
    """One client asking for one kind of thing, `rate` times a second on average."""

    client: Annotated[str, AfterValidator(_client)]
    request: Kind
    rate: Annotated[float, Field(gt=0, le=1000)]


class Burn(Settings):
    """CPU that a service is told to burn, from the scenario's start: `cores` of it, as a burst in each `window`."""

    service: str
    cores: Annotated[float, Field(gt=0, le=1)]
    seconds: Annotated[Seconds, Field(ge=1, le=600)]
    window: Annotated[Seconds, Field(ge=0.1, le=10)] = 0.1


class Fault(Settings):
    """One thing that is broken while the scenario plays; exactly one of the keys is given."""

    billing_delay: Annotated[Seconds, Field(le=60)] | None = None
    burn: Burn | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.billing_delay is None) == (self.burn is None):
            raise ValueError("name one of billing_delay and burn")
        return self

    @property
    def service(self) -> str:
        """The service that is told to misbehave."""
        return self.burn.service if self.burn else "billing"

    def __str__(self) -> str:
        """Say it for people."""
        if self.burn:
            return f"burn {self.burn.cores:g} cores in {self.burn.service}"
        return f"billing takes {self.billing_delay:g} s per record"


class ScenarioFile(Settings):
    """What stands in the file; `extends` names a shipped scenario whose streams and faults come first."""

    title: str
    description: str
    extends: str | None = None
    duration: Seconds | None = None
    streams: tuple[Stream, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A scenario ready to play; `duration` is seconds, None for ever."""

    name: str
    title: str
    description: str
    duration: float | None
    streams: tuple[Stream, ...]
    faults: tuple[Fault, ...]


def names() -> list[str]:
    """Names of the shipped scenarios, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def shipped() -> Mapping[str, Scenario]:
    """Every shipped scenario by its name."""
    return {name: read(SHIPPED / f"{name}.yaml") for name in names()}


def find(name_or_path: str) -> Scenario:
    """Find a shipped scenario by its name, or read the file at a path.

    Raises ConfigError when there is neither, or the file can't be used.
    """
    path = Path(name_or_path)
    if name_or_path in names():
        return read(SHIPPED / f"{name_or_path}.yaml")
    if path.suffix not in {".yaml", ".yml"} and not path.exists():
        problem = f"is no shipped scenario ({', '.join(names())}) and no file"
        raise ConfigError(path, [("", problem)])
    return read(path)


def read(path: Path) -> Scenario:
    """Read one scenario file.

    Raises ConfigError with the dotted place of every mistake.
    """
    file = load(path, ScenarioFile)
    base = _extended(path, file.extends)
    streams = (*(base.streams if base else ()), *file.streams)
    if not streams:
        raise ConfigError(path, [("streams", "is empty: nothing would be sent")])
    _refuse_twice(path, file.faults)
    faults = (*(base.faults if base else ()), *file.faults)
    return Scenario(path.stem, file.title, file.description, file.duration, streams, faults)


def _extended(path: Path, name: str | None) -> ScenarioFile | None:
    if name is None:
        return None
    if name not in names():
        raise ConfigError(path, [("extends", f"no shipped scenario {name!r}; there are {', '.join(names())}")])
    base = load(SHIPPED / f"{name}.yaml", ScenarioFile)
    if base.extends:
        raise ConfigError(path, [("extends", f"{name} itself extends {base.extends}; one level is all there is")])
    return base


def _refuse_twice(path: Path, faults: Sequence[Fault]) -> None:
    """A service has one speed and burns once: a second order would replace the first, and undo it wrongly."""
    seen: set[tuple[str, bool]] = set()
    for index, fault in enumerate(faults):
        target = (fault.service, fault.burn is None)
        if target in seen:
            raise ConfigError(path, [(f"faults[{index}]", f"{fault.service} has a fault of this kind already")])
        seen.add(target)
