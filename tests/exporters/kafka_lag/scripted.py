"""A Kafka cluster of scripted brokers that speak the real protocol on real sockets."""

import asyncio
import struct
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

from aiokafka.protocol import admin, commit, metadata, offset
from aiokafka.protocol import types as t

from tests.exporters.kafka_lag.layouts import (
    CLASSIC_ASSIGNMENT,
    CONFIGS,
    CONFIGS_4,
    CONFIGS_4_ASKED,
    DESCRIBE,
    DESCRIBE_5,
    DESCRIBE_5_ASKED,
    DESCRIBE_CONSUMER,
    DESCRIBE_CONSUMER_0,
    END,
    FETCH_8,
    FETCH_8_ASKED,
    FLEXIBLE,
    LIST,
    LIST_5,
    LIST_5_ASKED,
    METADATA,
    METADATA_10,
    METADATA_10_ASKED,
    NEW,
    OFFSET_FETCH,
    OFFSETS,
    OFFSETS_7,
    OFFSETS_7_ASKED,
    VERSIONS,
)


@dataclass
class Partition:
    """A partition as its leader's node tells it."""

    leader: int
    oldest: int
    end: int
    error: int = 0
    replicas: list[int] | None = None
    """Its leader alone unless said."""
    in_sync: list[int] | None = None
    stable: int | None = None
    """Where the first open transaction begins; its end when there is none."""

    @property
    def nodes(self) -> tuple[list[int], list[int]]:
        """Nodes that hold it, and those that are in sync."""
        replicas = [self.leader] if self.replicas is None else self.replicas
        return replicas, replicas if self.in_sync is None else self.in_sync


@dataclass
class Group:
    """A group as its coordinator's node tells it; `committed` by (topic, partition)."""

    node: int
    committed: dict[tuple[str, int], int] = field(default_factory=dict)
    members: int = 1
    state: str = "Stable"
    protocol: str = "consumer"
    error: int = 0
    """Told instead of its commits and its members."""
    secret: int = 0
    """Error that is told instead of its members alone."""
    kind: str = "classic"
    assigned: list[dict[str, list[int]] | bytes] = field(default_factory=list)
    """What each member reads, or what stands in place of it; members beyond the list read nothing."""

    def each(self) -> list[dict[str, list[int]] | bytes]:
        """What is assigned to one member after the other."""
        return [*self.assigned, *[{}] * self.members][: self.members]

    def by_topic(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """Partition's number and offset of each commit, by topic."""
        topics = sorted({topic for topic, _ in self.committed})
        return [(topic, [(n, at) for (of, n), at in self.committed.items() if of == topic]) for topic in topics]


def classic(assigned: dict[str, list[int]] | bytes) -> bytes:
    """What the leader of a classic group assigns to a member: a ConsumerProtocolAssignment."""
    if isinstance(assigned, bytes):
        return assigned
    return b"\0\1" + CLASSIC_ASSIGNMENT.encode((list(assigned.items()), b"of the assignor"))


def modern(name: str, client: str, assigned: Any) -> tuple[Any, ...]:
    """A member of a group of KIP-848, which is to have something else than it has."""
    now = ([(0, topic, numbers, END) for topic, numbers in assigned.items()], END)
    wanted = ([(0, "elsewhere", [7], END)], END)
    return name, None, None, 3, client, "/127.0.0.1", ["orders", "payments"], None, now, wanted, END


@dataclass
class Broker:
    """One broker; `mood` is answers, hangs (answers when the mood changes) or garbles (answers are noise)."""

    node: int
    server: asyncio.Server
    mood: str = "answers"
    stuck_on: str = ""
    """The one request that it never answers, as it is called in `asked`."""
    list_error: int = 0
    """What it says when it is asked for its groups; with an error it lists none."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and every connection; the cluster's metadata goes on naming the broker."""
        self.server.close()
        for writer in self.writers:
            writer.close()


DEFAULTS = {"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1"}


@dataclass
class Cluster:
    """What the brokers say, to be changed by a test at any time."""

    topics: dict[str, list[Partition]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    """Number of each topic in its id, 1 unless told otherwise; 0 for none."""
    brokers: dict[int, Broker] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    """Settings of topics that are not DEFAULTS."""
    settings_error: int = 0
    asked: list[tuple[int, str, Any]] = field(default_factory=list)
    """Node, request and what was asked for, in the order of arrival."""
    ports: dict[int, int] = field(default_factory=dict)
    spoken: dict[int, int] = field(default_factory=lambda: NEW)
    """Generation of the brokers: OLD is 0.11, NEW is 4."""
    sent: int = 0
    """Bytes of all answers but those about versions, their length fields included."""

    @property
    def bootstrap(self) -> tuple[str, ...]:
        return tuple(f"127.0.0.1:{port}" for port in self.ports.values())

    async def add(self, node: int) -> None:
        """Start a broker; one that was there before gets its port again."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.brokers[node].writers.append(writer)
            await self._serve(node, reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", self.ports.get(node, 0))
        self.brokers[node] = Broker(node, server)
        self.ports[node] = self.brokers[node].port

    async def _serve(self, node: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                request = BytesIO(await reader.readexactly(size))
                key, version, correlation, client = struct.unpack(">hhih", request.read(10))
                request.read(client)
                while self.brokers[node].mood == "hangs":
                    await asyncio.sleep(0.01)
                if version >= FLEXIBLE.get(key, 99):
                    assert t.TaggedFields.decode(request) == END
                answer = self._answer(node, key, version, request)
                what = self.asked[-1][1] if key != VERSIONS else "versions"
                while self.brokers[node].stuck_on == what:
                    await asyncio.sleep(0.01)
                assert not request.read(), "the request is longer than its layout"
                if self.brokers[node].mood == "garbles" and key != VERSIONS:
                    answer = b"\0\0\0\0\0\0\xff\xff\xff\xff\xff"
                body = struct.pack(">i", correlation) + (b"\0" if version >= FLEXIBLE.get(key, 99) else b"") + answer
                self.sent += len(body) + 4 if key != VERSIONS else 0
                writer.write(struct.pack(">i", len(body)) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, node: int, key: int, version: int, request: BytesIO) -> bytes:
        if key == VERSIONS:
            spoken = [(api, 0, newest) for api, newest in self.spoken.items()]
            return bytes(admin.ApiVersionResponse_v0(0, spoken).encode())
        assert version == self.spoken[key]
        return {
            METADATA: self._metadata,
            LIST: self._list,
            DESCRIBE: self._describe,
            DESCRIBE_CONSUMER: self._describe_consumer,
            OFFSET_FETCH: self._fetch,
            OFFSETS: self._offsets,
            CONFIGS: self._configs,
        }[key](node, version == NEW[key], request)

    def _metadata(self, node: int, new: bool, request: BytesIO) -> bytes:
        asked = METADATA_10_ASKED.decode(request) if new else metadata.MetadataRequest_v4.SCHEMA.decode(request)
        assert asked[0] is None
        self.asked.append((node, "metadata", asked[1]))
        brokers = [(other, "127.0.0.1", port, None) for other, port in self.ports.items()]
        if not new:
            topics = [
                (0, name, False, [(0, number, part.leader, *part.nodes) for number, part in of])
                for name, of in self._numbered()
            ]
            return bytes(metadata.MetadataResponse_v4(0, brokers, "fake", 1, topics).encode())
        flexible = [
            (
                0,
                name,
                self.ids.get(name, 1),
                False,
                [(0, number, part.leader, 5, *part.nodes, [], END) for number, part in of],
                0,
                END,
            )
            for name, of in self._numbered()
        ]
        return METADATA_10.encode((0, [(*broker, END) for broker in brokers], "fake", 1, flexible, 0, END))

    def _numbered(self) -> list[tuple[str, list[tuple[int, Partition]]]]:
        return [(name, list(enumerate(of))) for name, of in self.topics.items()]

    def _list(self, node: int, new: bool, request: BytesIO) -> bytes:
        self.asked.append((node, "list", LIST_5_ASKED.decode(request)[:2] if new else None))
        error = self.brokers[node].list_error
        mine = [(name, group) for name, group in self.groups.items() if group.node == node and not error]
        if not new:
            return bytes(
                admin.ListGroupsResponse_v1(0, error, [(name, group.protocol) for name, group in mine]).encode()
            )
        listed = [(name, group.protocol, group.state, group.kind, END) for name, group in mine]
        return LIST_5.encode((0, error, listed, END))

    def _describe(self, node: int, new: bool, request: BytesIO) -> bytes:
        names = (DESCRIBE_5_ASKED if new else admin.DescribeGroupsRequest_v1.SCHEMA).decode(request)[0]
        self.asked.append((node, "describe", names))
        found = [(name, self._as_classic(self.groups[name])) for name in names]
        if not new:
            groups = [
                (
                    group.error or group.secret,
                    name,
                    group.state,
                    "consumer",
                    "range",
                    [
                        (f"{name}-{n}", f"client-{n}", "/127.0.0.1", b"\0", classic(of))
                        for n, of in enumerate(group.each())
                    ],
                )
                for name, group in found
            ]
            return bytes(admin.DescribeGroupsResponse_v1(0, groups).encode())
        described = [
            (
                group.error or group.secret,
                name,
                group.state,
                "consumer",
                "range",
                [
                    (f"{name}-{n}", None, f"client-{n}", "/127.0.0.1", b"\0" * 200, classic(of), END)
                    for n, of in enumerate(group.each())
                ],
                0,
                END,
            )
            for name, group in found
        ]
        return DESCRIBE_5.encode((0, described, END))

    def _as_classic(self, group: Group) -> Group:
        """What DescribeGroups tells of the group: of one of KIP-848, that it is dead."""
        return group if group.kind == "classic" else replace(group, state="Dead", members=0)

    def _describe_consumer(self, node: int, _new: bool, request: BytesIO) -> bytes:
        names = DESCRIBE_5_ASKED.decode(request)[0]
        self.asked.append((node, "describe consumer", names))
        found = [(name, self.groups[name]) for name in names]
        described = [
            (
                group.error or group.secret,
                None,
                name,
                group.state,
                3,
                3,
                "uniform",
                [modern(f"{name}-{n}", f"client-{n}", of) for n, of in enumerate(group.each())],
                0,
                END,
            )
            for name, group in found
        ]
        return DESCRIBE_CONSUMER_0.encode((0, described, END))

    def _fetch(self, node: int, new: bool, request: BytesIO) -> bytes:
        if not new:
            name, topics = commit.OffsetFetchRequest_v3.SCHEMA.decode(request)
            assert topics is None
            self.asked.append((node, "fetch", [name]))
            group = self.groups[name]
            told = [(topic, [(n, at, "", 0) for n, at in of]) for topic, of in group.by_topic()]
            return bytes(commit.OffsetFetchResponse_v3(0, told, group.error).encode())
        asked, stable, _tags = FETCH_8_ASKED.decode(request)
        assert not stable
        assert all(topics is None for _name, topics, _tags in asked)
        names = [name for name, *_ in asked]
        self.asked.append((node, "fetch", names))
        groups = [
            (
                name,
                [(topic, [(n, at, -1, "", 0, END) for n, at in of], END) for topic, of in self.groups[name].by_topic()],
                self.groups[name].error,
                END,
            )
            for name in names
        ]
        return FETCH_8.encode((0, groups, END))

    def _offsets(self, node: int, new: bool, request: BytesIO) -> bytes:
        if not new:
            replica, isolation, topics = offset.OffsetRequest_v2.SCHEMA.decode(request)
        else:
            replica, isolation, flexible, _tags = OFFSETS_7_ASKED.decode(request)
            topics = [(topic, [(number, at) for number, _epoch, at, _tags in of]) for topic, of, _tags in flexible]
        assert replica == -1
        by_time = any(which >= 0 for _topic, of in topics for _number, which in of)
        self.asked.append((node, "times" if by_time else "offsets", topics))
        told = [
            (topic, [self._offset(topic, number, which, isolation) for number, which in of]) for topic, of in topics
        ]
        if not new:
            return bytes(offset.OffsetResponse_v2(0, told).encode())
        return OFFSETS_7.encode((0, [(topic, [(*part, 5, END) for part in of], END) for topic, of in told], END))

    def _configs(self, node: int, new: bool, request: BytesIO) -> bytes:
        schema = CONFIGS_4_ASKED if new else admin.DescribeConfigsRequest_v0.SCHEMA
        resources = [resource[:3] for resource in schema.decode(request)[0]]
        self.asked.append((node, "settings", [topic for _kind, topic, _names in resources]))
        told = []
        for kind, topic, names in resources:
            assert kind == 2, "a topic"
            values = {name: (DEFAULTS | self.settings.get(topic, {}))[name] for name in names}
            if self.settings_error:
                values = {}
            told.append((self.settings_error, None, kind, topic, values))
        if not new:
            plain = [(*of, [(name, value, False, True, False) for name, value in at.items()]) for *of, at in told]
            return bytes(admin.DescribeConfigsResponse_v0(0, plain).encode())
        synonyms = [("log.retention.ms", "604800000", 5, END), ("log.retention.hours", None, 5, END)]
        flexible = [
            (*of, [(name, value, False, 5, False, synonyms, 5, None, END) for name, value in at.items()], END)
            for *of, at in told
        ]
        return CONFIGS_4.encode((0, flexible, END))

    def _offset(self, topic: str, number: int, which: int, isolation: int) -> tuple[int, int, int, int]:
        """Number, error, timestamp, offset; record n was written in the millisecond n."""
        part = self.topics[topic][number]
        end = part.stable if isolation == 1 and part.stable is not None else part.end
        if which == -1:
            return number, part.error, -1, end
        if which >= end:
            return number, part.error, -1, -1
        at = max(which, part.oldest)
        return number, part.error, at if which >= 0 else -1, at
