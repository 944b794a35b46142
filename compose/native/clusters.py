"""Clusters that the demo does not need, for tests and benchmarks: three brokers, and a broker with ZooKeeper."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from string import Template

from compose import render
from compose.addresses import AddressBook, native
from compose.native import kafka, tools
from compose.native.parts import Part

NODES = (1, 2, 3)

PORTS = {name: 450 + at for at, name in enumerate(f"kafka_{node}{kind}" for node in NODES for kind in ("", "_raft"))}
"""Offset of each listener from the port base."""

ZOOKEEPER = "kafka_1_raft"
"""Its port, where there is no Raft."""

OF_THREE = (
    "controller.quorum.voters=" + ",".join(f"{node}@${{kafka_{node}_raft}}" for node in NODES),
    "offsets.topic.replication.factor=3",
    "offsets.topic.num.partitions=6",
    "transaction.state.log.replication.factor=3",
    "transaction.state.log.num.partitions=3",
)
"""What differs from the demo's broker in server.properties."""

OF_ZOOKEEPER = (
    "dataDir=${state}/zookeeper",
    "clientPortAddress=127.0.0.1",
    "clientPort=${zookeeper_port}",
    "admin.enableServer=false",
)

WITH_ZOOKEEPER = (
    "broker.id=1",
    "zookeeper.connect=${zookeeper}",
    "listeners=PLAINTEXT://${kafka_1}",
    "log.dirs=${state}/kafka_1",
    "auto.create.topics.enable=false",
    "offsets.topic.replication.factor=1",
    "offsets.topic.num.partitions=5",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "num.network.threads=2",
    "num.io.threads=2",
    "log.cleaner.dedupe.buffer.size=8388608",
    "group.initial.rebalance.delay.ms=0",
)

LOG_OF_ZOOKEEPER = (
    "log4j.rootLogger=WARN, stdout",
    "log4j.appender.stdout=org.apache.log4j.ConsoleAppender",
    "log4j.appender.stdout.layout=org.apache.log4j.PatternLayout",
    "log4j.appender.stdout.layout.ConversionPattern=%d %p %m (%c{1})%n",
)


def book(home: Path, port_base: int) -> AddressBook:
    """Addresses of ``kafka_1`` and the others, and of ``zookeeper``, beside those of the demo."""
    demo = native(home, port_base)
    addresses = {name: f"127.0.0.1:{port_base + offset}" for name, offset in PORTS.items()}
    keeper = {"zookeeper": addresses[ZOOKEEPER], "zookeeper_port": str(port_base + PORTS[ZOOKEEPER])}
    return replace(demo, values={**demo.values, **addresses, **keeper})


def _light(_node: int) -> tuple[str, ...]:
    return kafka.LIGHT


def three_brokers(settings: Iterable[str] = (), jvm: Callable[[int], tuple[str, ...]] = _light) -> tuple[Part, ...]:
    """Three brokers of the current Kafka, each a controller too (KRaft).

    `settings` are more lines for each server.properties, `jvm` gives what Java gets to run a node.
    """
    return tuple(_one_of_three(node, (f"node.id={node}", *OF_THREE, *settings), jvm(node)) for node in NODES)


def _one_of_three(node: int, settings: Iterable[str], jvm: tuple[str, ...]) -> Part:
    name = f"kafka_{node}"

    def own(book: AddressBook) -> AddressBook:
        address, raft = book[name], book[f"{name}_raft"]
        values = {"kafka": address, "listen_kafka": address, "kafka_controller": raft, "listen_kafka_controller": raft}
        return AddressBook({**book.values, **values, "kafka_data": f"{book['state']}/{name}"}, book.config / name)

    def prepare(book: AddressBook) -> None:
        properties, _log = render.write(own(book), ("kafka/server.properties", "kafka/log4j2.yaml"))
        # of two lines for one property the later holds
        properties.write_text(properties.read_text(encoding="utf-8") + _lines(settings, book), encoding="utf-8")
        kafka.format_storage(own(book))

    what = f"Apache Kafka, broker {node} of {len(NODES)}"
    return Part(name, what, (name, f"{name}_raft"), lambda book: kafka.broker(own(book), jvm), None, prepare)


def with_zookeeper() -> tuple[Part, ...]:
    """One broker of the last Kafka that runs with ZooKeeper, and ZooKeeper."""
    server = "org.apache.zookeeper.server.ZooKeeperServerMain"
    return (
        _with_zookeeper("zookeeper", "Apache ZooKeeper", server, OF_ZOOKEEPER),
        _with_zookeeper("kafka_1", "Apache Kafka with ZooKeeper", "kafka.Kafka", WITH_ZOOKEEPER),
    )


def _with_zookeeper(name: str, what: str, main: str, settings: Iterable[str]) -> Part:
    def command(book: AddressBook) -> list[str]:
        log = f"-Dlog4j.configuration=file:{book.config}/{name}/log4j.properties"
        properties = f"{book.config}/{name}/server.properties"
        return kafka.java(tools.KAFKA_ZOOKEEPER, *kafka.LIGHT, log, main, properties)

    def prepare(book: AddressBook) -> None:
        folder = book.config / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server.properties").write_text(_lines(settings, book), encoding="utf-8")
        (folder / "log4j.properties").write_text("\n".join(LOG_OF_ZOOKEEPER), encoding="utf-8")

    return Part(name, what, (name,), command, None, prepare)


def _lines(settings: Iterable[str], book: AddressBook) -> str:
    return "".join(f"{Template(line).substitute(book.values)}\n" for line in settings)
