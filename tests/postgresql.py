"""A real PostgreSQL of its own for tests: Debian's programs on a temporary folder, loopback only, never as root."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from compose.native import tools


@dataclass(frozen=True)
class PostgreSQL:
    """A running server; ``new()`` makes an empty database and returns its address."""

    port: int

    def new(self) -> str:
        """Make a database."""
        name = f"router_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'create database "{name}"')
        return self.address(name)

    def drop(self, address: str) -> None:
        """Drop a database, whoever is connected."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'drop database if exists "{address.rpartition("/")[2]}" with (force)')

    def address(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://router@127.0.0.1:{self.port}/{name}"


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """Make a cluster, serve it, and leave nothing."""
    home = Path(tempfile.mkdtemp(prefix="bongsu-postgresql-"))
    data = home / "data"
    # PostgreSQL refuses to run as root
    person = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if not os.getuid() else {}
    if person:
        shutil.chown(home, "nobody")
    programs = tools.postgresql()
    try:
        command = (programs / "initdb", "-D", data, "-U", "router", "-A", "trust", "-E", "UTF8", "--no-sync")
        subprocess.run(command, check=True, capture_output=True, cwd=home, **person)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        options = f"-F -p {port} -k {home} -c listen_addresses=127.0.0.1 -c max_connections=200"
        control = (programs / "pg_ctl", "-D", data, "-w", "-l", home / "log")
        subprocess.run((*control, "-o", options, "start"), check=True, capture_output=True, cwd=home, **person)
        try:
            yield PostgreSQL(port)
        finally:
            subprocess.run((*control, "-m", "immediate", "stop"), check=True, capture_output=True, cwd=home, **person)
    finally:
        shutil.rmtree(home)
