"""Clusters that the demo does not need, for tests and benchmarks: three brokers, and a broker with ZooKeeper."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from compose import render
from compose.addresses import AddressBook, native
from compose.native import kafka, tools
from compose.native.parts import Part

NODES = (1, 2, 3)

PORTS = 450
"""Offset of the first port from the port base; two a node."""

LAST = PORTS + 2 * len(NODES) - 1
"""Offset of the last."""


def book(home: Path, port_base: int) -> AddressBook:
    """Addresses of the nodes ``kafka_1`` …, of their controllers, and of ``zookeeper``."""
    names = [name for node in NODES for name in (f"kafka_{node}", f"kafka_{node}_controller")]
    addresses = {name: f"127.0.0.1:{port_base + PORTS + at}" for at, name in enumerate(names)}
    demo = native(home, port_base)
    more = {"zookeeper": addresses["kafka_1_controller"], "zookeeper_port": str(port_base + PORTS + 1)}
    return replace(demo, values={**demo.values, **addresses, **more})


def three_brokers(
    settings: Sequence[str] = (), jvm: Callable[[int], tuple[str, ...]] = lambda _node: kafka.LIGHT
) -> tuple[Part, ...]:
    """Three brokers of the current Kafka, each its own process and a controller too (KRaft).

    `settings` are lines of server.properties for each of them, `jvm` is what Java gets to run a node.
    """
    return tuple(
        Part(
            f"kafka_{node}",
            f"Apache Kafka, broker {node} of {len(NODES)}",
            (f"kafka_{node}", f"kafka_{node}_controller"),
            lambda book, node=node: kafka.broker(_of(book, node), jvm(node)),
            ready=None,
            prepare=partial(_prepare, node=node, settings=settings),
        )
        for node in NODES
    )


def _of(book: AddressBook, node: int) -> AddressBook:
    """The book as broker `node` reads it."""
    address, controller = book[f"kafka_{node}"], book[f"kafka_{node}_controller"]
    own = {
        "kafka": address,
        "listen_kafka": address,
        "kafka_controller": controller,
        "listen_kafka_controller": controller,
        "kafka_data": f"{book['state']}/kafka_{node}",
    }
    return AddressBook({**book.values, **own}, book.config / f"kafka_{node}")


def _prepare(book: AddressBook, node: int, settings: Sequence[str]) -> None:
    own = _of(book, node)
    properties, _log = render.write(own, ("kafka/server.properties", "kafka/log4j2.yaml"))
    voters = ",".join(f"{node}@{book[f'kafka_{node}_controller']}" for node in NODES)
    # of two lines for one property the later holds
    more = (
        f"node.id={node}",
        f"controller.quorum.voters={voters}",
        "offsets.topic.replication.factor=3",
        "transaction.state.log.replication.factor=3",
        "transaction.state.log.num.partitions=3",
        "offsets.topic.num.partitions=6",
        *settings,
    )
    with properties.open("a", encoding="utf-8") as file:
        file.write("\n".join(["", "# One of three.", *more, ""]))
    kafka.format_storage(own)


def with_zookeeper() -> tuple[Part, ...]:
    """One broker of the last Kafka that runs with ZooKeeper, and ZooKeeper."""
    server, keeper = "org.apache.zookeeper.server.ZooKeeperServerMain", "zookeeper.properties"
    return (
        Part(
            "zookeeper",
            "Apache ZooKeeper",
            ("zookeeper",),
            lambda book: _legacy(book, server, keeper),
            ready=None,
            prepare=lambda book: _render_legacy(book, keeper),
        ),
        Part(
            "kafka_1",
            "Apache Kafka with ZooKeeper",
            ("kafka_1",),
            lambda book: _legacy(book, "kafka.Kafka", "server.properties"),
            ready=None,
            prepare=lambda book: _render_legacy(book, "server.properties"),
        ),
    )


def _legacy(book: AddressBook, main: str, properties: str) -> list[str]:
    folder = _of(book, 1).config / "kafka" / "zookeeper"
    log = f"-Dlog4j.configuration=file:{folder}/log4j.properties"
    return kafka.java(tools.KAFKA_ZOOKEEPER, *kafka.LIGHT, log, main, f"{folder}/{properties}")


def _render_legacy(book: AddressBook, properties: str) -> None:
    render.write(_of(book, 1), ("kafka/zookeeper/log4j.properties", f"kafka/zookeeper/{properties}"))
