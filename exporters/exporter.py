"""What makes an exporter: its settings, its sources, and the metrics of what they read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar

from pydantic import model_validator

from exporters.errors import SourceError
from exporters.family import Family
from process.settings import Address, Seconds, Settings


class Snapshot(Protocol):
    """What one source looked like when it was read."""

    @property
    def problems(self) -> tuple[SourceError, ...]:
        """Parts that could not be read (one broker of three, say): their series are missing, the rest holds."""


SnapshotT = TypeVar("SnapshotT", bound=Snapshot)
SnapshotT_co = TypeVar("SnapshotT_co", bound=Snapshot, covariant=True)


class Source(Protocol[SnapshotT_co]):
    """One thing to watch: a Kafka cluster, a gateway, a node's processes."""

    async def read(self) -> SnapshotT_co:
        """Look once; cancelled at the deadline, so it must leave itself fit for the next read.

        Raises SourceError when nothing of the source could be read.
        """

    async def close(self) -> None:
        """Let go of connections."""


class ExporterSettings(Settings):
    """The keys that each exporter has."""

    listen: Address
    interval: Seconds = 5.0
    """From the start of one collection of a source to the start of its next."""
    timeout: Seconds = 4.0
    """A collection that is not done by then has failed."""

    @model_validator(mode="after")
    def _timeout_fits(self) -> Self:
        if self.timeout > self.interval:
            raise ValueError(f"timeout ({self.timeout:g}s) is longer than interval ({self.interval:g}s)")
        return self


SettingsT = TypeVar("SettingsT", bound=ExporterSettings)


@dataclass(frozen=True)
class Exporter(Generic[SettingsT, SnapshotT]):
    """One exporter, named as its folder."""

    name: str
    settings: type[SettingsT]
    sources: Callable[[SettingsT], Mapping[str, Source[SnapshotT]]]
    """The sources by name; the name is the value of the label ``source``."""
    families: Callable[[Sequence[SnapshotT], SettingsT], Iterable[Family]]
    """Pure and sorted: the same snapshots give the same text. Sources that are down have no snapshot."""
    commands: Mapping[str, Callable[[SettingsT], int]] = field(default_factory=dict)
    """What else it can do with its settings, by the word on the command line; each returns the exit code."""


AnyExporter = Exporter[Any, Any]
