"""What one read of a cluster has found so far."""

from collections import defaultdict
from dataclasses import dataclass, field

from exporters.errors import SourceError
from exporters.kafka_lag import members, protocol
from exporters.kafka_lag.snapshot import Group, GroupState, Member, Partition


@dataclass
class Reading:
    """What one read has found so far; a deadline that ends a part of it leaves what was there."""

    listed: dict[str, list[protocol.Listed]] = field(default_factory=dict)
    """Wanted groups by the address of their coordinator; each broker that answers is there."""
    all_listed: bool = True
    """Whether none of these brokers has more groups than it can tell now."""
    led: defaultdict[str, list[Partition]] = field(default_factory=lambda: defaultdict(list))
    """Partitions by the address of their leader."""
    states: dict[str, GroupState] = field(default_factory=dict)
    joined: defaultdict[str, dict[str, members.Joined]] = field(default_factory=lambda: defaultdict(dict))
    """By group and by name: a group that moves may be told by two brokers."""
    counted: set[str] = field(default_factory=set)
    """Groups whose members were read to the end."""
    commits: defaultdict[str, dict[Partition, int]] = field(default_factory=lambda: defaultdict(dict))
    whole: set[str] = field(default_factory=set)
    """Groups whose commits were read to the end."""
    topics: set[str] = field(default_factory=set)
    """Topics in which groups have committed."""
    oldest: dict[Partition, int] = field(default_factory=dict)
    ends: dict[Partition, int] = field(default_factory=dict)
    problems: list[SourceError] = field(default_factory=list)

    def groups(self) -> tuple[Group, ...]:
        """Groups by name, with what is known of each."""
        return tuple(self._group(name) for name in sorted(self.states))

    def _group(self, name: str) -> Group:
        joined, state = self.joined.get(name, {}).values(), self.states[name]
        readers = tuple(
            Member(member.name, member.client, member.host, member.assigned)
            for member in joined
            if member.assigned is not None
        )
        known = name in self.counted and state == GroupState.STABLE and len(readers) == len(joined)
        return Group(
            name,
            len(joined) if name in self.counted else None,
            self.commits[name] if name in self.whole else {},
            state,
            readers if known else None,
        )
