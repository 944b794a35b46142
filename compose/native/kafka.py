"""Apache Kafka's processes: how its programs are called, and how KRaft's storage is formatted."""

import base64
import hashlib
import subprocess
from pathlib import Path

from compose.addresses import AddressBook
from compose.native import tools

LIGHT = ("-Xms64m", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k")
"""A bounded heap, one collector thread and the quick compiler: a demo's broker is idle nearly always."""


def java(jars: tools.Jars, *arguments: str) -> list[str]:
    """Call Java with `jars` on its class path."""
    return [tools.program("java"), "-cp", f"{jars.folder}/*", *arguments]


def broker(book: AddressBook, jvm: tuple[str, ...] = LIGHT) -> list[str]:
    """Start the broker that the book's server.properties describes."""
    return java(tools.KAFKA, *jvm, _log(book), "kafka.Kafka", f"{book.config}/kafka/server.properties")


def format_storage(book: AddressBook) -> None:
    """KRaft wants its folder formatted once, with a cluster id (22 characters of base64).

    Raises ToolMissing.
    """
    data = Path(book["kafka_data"])
    if (data / "meta.properties").exists():
        return
    data.mkdir(parents=True, exist_ok=True)
    cluster = base64.urlsafe_b64encode(hashlib.md5(book["state"].encode(), usedforsecurity=False).digest())
    # with "=": an id may begin with "-"
    identity = f"--cluster-id={cluster.decode().rstrip('=')}"
    arguments = ("format", identity, "--config", f"{book.config}/kafka/server.properties")
    command = java(tools.KAFKA, *LIGHT, _log(book), "kafka.tools.StorageTool", *arguments)
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise tools.ToolMissing(f"Kafka's storage could not be formatted:\n{result.stdout}{result.stderr}")


def _log(book: AddressBook) -> str:
    return f"-Dlog4j2.configurationFile={book.config}/kafka/log4j2.yaml"
